import { fail } from '../../../errors/index.ts'
import type { Experiment } from '../../../ports/metadata-store.ts'
import type { RecordServices } from '../../services.ts'
import { matcher } from './search.ts'
import { call, type Input, maxExperimentTag, maxName, pageOffset, pageSize, pageToken } from './wire.ts'

const milliseconds = (at: number): number => Math.floor(at / 1000)
export const pairs = (values: Readonly<Record<string, string>>): { key: string; value: string }[] =>
  Object.entries(values).map(([key, value]) => ({ key, value }))

export function tagsOf(input: Input, max: number): Record<string, string> {
  return Object.fromEntries(input.messages('tags').map(tag => [tag.name('key'), tag.boundedText('value', max)]))
}

function view(experiment: Experiment): Record<string, unknown> {
  const tags = pairs(experiment.tags)
  return {
    experiment_id: experiment.id,
    name: experiment.name,
    artifact_location: `mlflow-artifacts:/${experiment.id}`,
    lifecycle_stage: experiment.deleted ? 'deleted' : 'active',
    last_update_time: milliseconds(experiment.updatedAt),
    creation_time: milliseconds(experiment.createdAt),
    ...(tags.length > 0 ? { tags } : {}),
  }
}

/** The experiment "0", "Default", which clients count on, is there from the first time that anybody asks. */
export async function ensureDefault({ workspace: { store, clock } }: RecordServices): Promise<void> {
  if (await store.getExperiment('0')) return
  const now = clock.now()
  try {
    await store.createExperiment({ id: '0', name: 'Default', createdAt: now, updatedAt: now, deleted: false, tags: {} })
  } catch (error) {
    // another process was first
    if (!(await store.getExperiment('0'))) throw error
  }
}

export async function experimentOf(services: RecordServices, id: string): Promise<Experiment> {
  await ensureDefault(services)
  const found = await services.workspace.store.getExperiment(id)
  if (!found) throw fail('trackingUnknown', { kind: 'No Experiment with id', name: id })
  return found
}

async function active(services: RecordServices, id: string): Promise<Experiment> {
  const found = await experimentOf(services, id)
  if (found.deleted) throw fail('trackingInvalid', { reason: `The experiment ${id} must be in the 'active' state.` })
  return found
}

async function search(input: Input, services: RecordServices): Promise<unknown> {
  await ensureDefault(services)
  const wanted = input.word('view_type') ?? 'ACTIVE_ONLY'
  const size = pageSize(input, 1000, 50_000)
  const offset = pageOffset(input)
  const fits = matcher(input.optionalText('filter') ?? '')
  const all = (await services.workspace.store.listExperiments())
    .filter(one => wanted === 'ALL' || wanted === '3' || one.deleted === (wanted === 'DELETED_ONLY' || wanted === '2'))
    .filter(one =>
      fits({
        attributes: {
          name: one.name,
          creation_time: milliseconds(one.createdAt),
          last_update_time: milliseconds(one.updatedAt),
        },
        tags: one.tags,
        params: {},
        metrics: {},
      }),
    )
    .toSorted((a, b) => b.createdAt - a.createdAt || Number(a.id) - Number(b.id))
  const experiments = all.slice(offset, offset + size).map(view)
  return {
    ...(experiments.length > 0 ? { experiments } : {}),
    ...(all.length > offset + size ? { next_page_token: pageToken(offset + size) } : {}),
  }
}

export const experimentRoutes = [
  ...call('POST', '/experiments/create', 'write', 'Creates an experiment', async (input, services) => {
    await ensureDefault(services)
    const name = input.name('name', maxName)
    const { store, clock } = services.workspace
    if (await store.getExperimentByName(name)) throw fail('trackingExists', { kind: 'Experiment', name: `'${name}'` })
    const now = clock.now()
    const made = await store.createExperiment({
      name,
      createdAt: now,
      updatedAt: now,
      deleted: false,
      tags: tagsOf(input, maxExperimentTag),
    })
    return { experiment_id: made.id }
  }),
  ...call('GET', '/experiments/get', 'read', 'Gets an experiment', async (input, services) => ({
    experiment: view(await experimentOf(services, input.text('experiment_id'))),
  })),
  ...call('GET', '/experiments/get-by-name', 'read', 'Gets an experiment by its name', async (input, services) => {
    await ensureDefault(services)
    const name = input.text('experiment_name')
    const found = await services.workspace.store.getExperimentByName(name)
    if (!found) throw fail('trackingUnknown', { kind: 'Could not find experiment with name', name: `'${name}': it` })
    return { experiment: view(found) }
  }),
  ...call('POST', '/experiments/search', 'read', 'Searches experiments', search),
  ...call('GET', '/experiments/search', 'read', 'Searches experiments', search),
  ...call('POST', '/experiments/update', 'write', 'Renames an experiment', async (input, services) => {
    const { id } = await active(services, input.text('experiment_id'))
    const { store, clock } = services.workspace
    await store.updateExperiment(id, { name: input.name('new_name', maxName), updatedAt: clock.now() })
  }),
  ...call(
    'POST',
    '/experiments/delete',
    'write',
    'Deletes an experiment, which can be restored',
    async (input, services) => {
      const { id } = await active(services, input.text('experiment_id'))
      await services.workspace.store.updateExperiment(id, { deleted: true, updatedAt: services.workspace.clock.now() })
    },
  ),
  ...call('POST', '/experiments/restore', 'write', 'Restores an experiment', async (input, services) => {
    const { id } = await experimentOf(services, input.text('experiment_id'))
    await services.workspace.store.updateExperiment(id, { deleted: false, updatedAt: services.workspace.clock.now() })
  }),
  ...call(
    'POST',
    '/experiments/set-experiment-tag',
    'write',
    'Sets a tag of an experiment',
    async (input, services) => {
      const { id, tags } = await active(services, input.text('experiment_id'))
      const next = { ...tags, [input.name('key')]: input.boundedText('value', maxExperimentTag) }
      await services.workspace.store.updateExperiment(id, { tags: next })
    },
  ),
]
