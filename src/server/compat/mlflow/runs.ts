import { randomBytes } from 'node:crypto'
import { fail } from '../../../errors/index.ts'
import type { MetricPoint, RunRecord, RunStatus } from '../../../ports/metadata-store.ts'
import type { RecordServices } from '../../services.ts'
import { experimentOf, pairs, tagsOf } from './experiments.ts'
import { matcher, ordering, type Searchable } from './search.ts'
import { call, type Input, maxName, maxParam, maxTag, pageOffset, pageSize, pageToken } from './wire.ts'

const toStatus = new Map<string, RunStatus>(
  Object.entries({
    RUNNING: 'running',
    '1': 'running',
    SCHEDULED: 'queued',
    '2': 'queued',
    FINISHED: 'succeeded',
    '3': 'succeeded',
    FAILED: 'failed',
    '4': 'failed',
    KILLED: 'cancelled',
    '5': 'cancelled',
  } satisfies Record<string, RunStatus>),
)
const fromStatus: Readonly<Record<RunStatus, string>> = {
  running: 'RUNNING',
  queued: 'SCHEDULED',
  succeeded: 'FINISHED',
  failed: 'FAILED',
  cancelled: 'KILLED',
}
const runNameTag = 'mlflow.runName'
/** More than any client asks for; the store gives runs of all experiments. */
const maxRuns = 100_000

const point = ({ key, value, timestamp, step }: MetricPoint) => ({
  key,
  value: Number.isNaN(value) ? 'NaN' : value,
  timestamp,
  step,
})
const isDeleted = (run: RunRecord): boolean => run.parameters.deleted === true
const experimentIdOf = (run: RunRecord): string => String(run.parameters.experiment ?? '0')

async function runOf(input: Input, { workspace: { store } }: RecordServices): Promise<RunRecord> {
  const id = input.optionalText('run_id') || input.optionalText('run_uuid') || input.text('run_id')
  const run = await store.getRun(id)
  if (run?.kind !== 'tracking') throw fail('trackingUnknown', { kind: 'Run with id=', name: `${id}` })
  return run
}

async function activeRun(input: Input, services: RecordServices): Promise<RunRecord> {
  const run = await runOf(input, services)
  if (isDeleted(run)) throw fail('trackingInvalid', { reason: `The run ${run.id} must be in the 'active' state.` })
  return run
}

function info(run: RunRecord, tags: Readonly<Record<string, string>>): Record<string, unknown> {
  const experiment = experimentIdOf(run)
  return {
    run_id: run.id,
    run_uuid: run.id,
    run_name: tags[runNameTag] ?? run.name,
    experiment_id: experiment,
    user_id: String(run.parameters.user ?? ''),
    status: fromStatus[run.status],
    start_time: Math.floor(run.startedAt / 1000),
    ...(run.endedAt === undefined ? {} : { end_time: Math.floor(run.endedAt / 1000) }),
    artifact_uri: `mlflow-artifacts:/${experiment}/${run.id}/artifacts`,
    lifecycle_stage: isDeleted(run) ? 'deleted' : 'active',
  }
}

interface Whole extends Searchable {
  readonly run: RunRecord
  readonly latest: readonly MetricPoint[]
}

async function whole(run: RunRecord, { workspace: { store } }: RecordServices): Promise<Whole> {
  const [tags, params, latest] = [
    await store.runTags(run.id),
    await store.runParams(run.id),
    await store.latestMetrics(run.id),
  ]
  return {
    run,
    tags,
    params,
    latest,
    metrics: Object.fromEntries(latest.map(one => [one.key, one.value])),
    attributes: info(run, tags) as Searchable['attributes'],
  }
}

/** Empty lists are left out, as the protocol has it; `inputs` and `outputs` are always there. */
function view({ attributes, latest, params, tags }: Whole): unknown {
  const data = { metrics: latest.map(point), params: pairs(params), tags: pairs(tags) }
  const filled = Object.fromEntries(Object.entries(data).filter(([, list]) => list.length > 0))
  return { info: attributes, data: filled, inputs: {}, outputs: {} }
}

async function create(input: Input, services: RecordServices): Promise<unknown> {
  const { store, clock } = services.workspace
  const experiment = input.optionalText('experiment_id') || '0'
  const found = await experimentOf(services, experiment)
  if (found.deleted)
    throw fail('trackingInvalid', { reason: `The experiment ${experiment} must be in the 'active' state.` })
  const tags = tagsOf(input, maxTag)
  const id = randomBytes(16).toString('hex')
  const given = input.optionalName('run_name', maxName)
  if (given && tags[runNameTag] && tags[runNameTag] !== given)
    throw fail('trackingInvalid', {
      reason: `Both 'run_name' argument and '${runNameTag}' tag are specified, but with different values`,
    })
  const name = given || tags[runNameTag] || `run-${id.slice(0, 8)}`
  const startedAt = (input.time('start_time') ?? 0) * 1000 || clock.now()
  const run: RunRecord = {
    id,
    kind: 'tracking',
    name,
    status: 'running',
    trigger: 'tracking',
    startedAt,
    environment: {},
    parameters: { experiment, user: input.optionalName('user_id') ?? '' },
  }
  await store.createRun(run, { ...tags, [runNameTag]: name })
  return { run: view(await whole(run, services)) }
}

async function update(input: Input, services: RecordServices): Promise<unknown> {
  const run = await activeRun(input, services)
  const { store } = services.workspace
  const word = input.word('status')
  const status = word === undefined ? undefined : toStatus.get(word)
  if (word !== undefined && status === undefined)
    throw fail('trackingInvalid', {
      reason: `Invalid value ${JSON.stringify(word.slice(0, 80))} for parameter 'status' supplied`,
    })
  const end = input.time('end_time')
  const name = input.optionalName('run_name', maxName)
  await store.updateRun(run.id, {
    ...(status ? { status } : {}),
    ...(end ? { endedAt: end * 1000 } : {}),
    ...(name ? { name } : {}),
  })
  if (name) await store.logBatch(run.id, { tags: { [runNameTag]: name } })
  const { attributes } = await whole((await store.getRun(run.id)) ?? run, services)
  return { run_info: attributes }
}

async function search(input: Input, services: RecordServices): Promise<unknown> {
  const { store } = services.workspace
  const size = pageSize(input, 1000, 50_000)
  const offset = pageOffset(input)
  const experiments = new Set(input.ids('experiment_ids'))
  const seen = input.word('run_view_type') ?? 'ACTIVE_ONLY'
  const fits = matcher(input.optionalText('filter') ?? '')
  const order = ordering(input.texts('order_by'))
  const runs = (await store.listRuns({ kind: 'tracking', limit: maxRuns }))
    .filter(run => experiments.has(experimentIdOf(run)))
    .filter(run => seen === 'ALL' || seen === '3' || isDeleted(run) === (seen === 'DELETED_ONLY' || seen === '2'))
  const all: Whole[] = []
  for (const run of runs) all.push(await whole(run, services))
  const found = all
    .filter(fits)
    .toSorted((a, b) => order(a, b) || b.run.startedAt - a.run.startedAt || (a.run.id < b.run.id ? -1 : 1))
  const page = found.slice(offset, offset + size).map(view)
  return {
    ...(page.length > 0 ? { runs: page } : {}),
    ...(page.length === size ? { next_page_token: pageToken(offset + size) } : {}),
  }
}

function metricOf(input: Input): MetricPoint {
  return {
    key: input.name('key'),
    value: input.double('value'),
    timestamp: input.time('timestamp') ?? input.requiredInteger('timestamp'),
    step: input.integer('step') ?? 0,
  }
}

async function logBatch(input: Input, services: RecordServices): Promise<void> {
  const run = await activeRun(input, services)
  const params = input.messages('params').map(one => [one.name('key'), one.boundedText('value', maxParam)] as const)
  if (new Set(params.map(([key]) => key)).size !== params.length)
    throw fail('trackingInvalid', { reason: 'Duplicate parameter keys have been submitted' })
  const tags = tagsOf(input, maxTag)
  const metrics = input.messages('metrics').map(metricOf)
  if (metrics.length > 1000 || params.length > 100 || Object.keys(tags).length > 100)
    throw fail('trackingInvalid', { reason: 'A batch holds at most 1000 metrics, 100 parameters and 100 tags' })
  await services.workspace.store.logBatch(run.id, { metrics, params: Object.fromEntries(params), tags })
}

async function history(input: Input, services: RecordServices): Promise<unknown> {
  const run = await runOf(input, services)
  const size = pageSize(input, 25_000, 25_000)
  const offset = pageOffset(input)
  const points = await services.workspace.store.metricHistory(run.id, input.text('metric_key'), offset, size + 1)
  return {
    ...(points.length > 0 ? { metrics: points.slice(0, size).map(point) } : {}),
    ...(points.length > size ? { next_page_token: pageToken(offset + size) } : {}),
  }
}

const setDeleted = (deleted: boolean) => async (input: Input, services: RecordServices) => {
  const run = await runOf(input, services)
  await services.workspace.store.updateRun(run.id, { parameters: { ...run.parameters, deleted } })
}

export const runRoutes = [
  ...call('POST', '/runs/create', 'write', 'Starts a run', create),
  ...call('GET', '/runs/get', 'read', 'Gets a run', async (input, services) => ({
    run: view(await whole(await runOf(input, services), services)),
  })),
  ...call('POST', '/runs/update', 'write', 'Ends or renames a run', update),
  ...call('POST', '/runs/delete', 'write', 'Deletes a run, which can be restored', setDeleted(true)),
  ...call('POST', '/runs/restore', 'write', 'Restores a run', setDeleted(false)),
  ...call('POST', '/runs/search', 'read', 'Searches runs', search),
  ...call('POST', '/runs/log-metric', 'write', 'Logs a metric', async (input, services) => {
    const run = await activeRun(input, services)
    await services.workspace.store.logBatch(run.id, { metrics: [metricOf(input)] })
  }),
  ...call('POST', '/runs/log-parameter', 'write', 'Logs a parameter', async (input, services) => {
    const run = await activeRun(input, services)
    await services.workspace.store.logBatch(run.id, {
      params: { [input.name('key')]: input.boundedText('value', maxParam) },
    })
  }),
  ...call('POST', '/runs/set-tag', 'write', 'Sets a tag', async (input, services) => {
    const run = await activeRun(input, services)
    await services.workspace.store.logBatch(run.id, {
      tags: { [input.name('key')]: input.boundedText('value', maxTag) },
    })
  }),
  ...call('POST', '/runs/delete-tag', 'write', 'Deletes a tag', async (input, services) => {
    const run = await activeRun(input, services)
    const key = input.name('key')
    if (!(await services.workspace.store.deleteTag(run.id, key)))
      throw fail('trackingUnknown', { kind: `Tag ${key} of run`, name: run.id })
  }),
  ...call('POST', '/runs/log-batch', 'write', 'Logs metrics, parameters and tags, all or none', logBatch),
  // clients ask which logged models a run has before they list its files; runs tracked here have none
  ...call('POST', '/logged-models/search', 'read', 'Searches logged models', async () => ({})),
  ...call('GET', '/metrics/get-history', 'read', 'All values of a metric', history),
]
