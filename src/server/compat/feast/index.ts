import { z } from '@hono/zod-openapi'
import { requestKeys, type FeatureView } from '../../../define/features.ts'
import { maxVectorLength } from '../../../define/vector.ts'
import { fail } from '../../../errors/index.ts'
import { formatTime, parseTime } from '../../../internal/time.ts'
import type { EntityFeatures } from '../../../stages/serve/types.ts'
import { startJob } from '../../job-answer.ts'
import { liveRoute, type LiveRoute, type RecordRoute } from '../../route.ts'
import { datasetOf, pushedColumns } from '../../routes/push.ts'
import { keyColumns, onlineViewOf } from '../../routes/read-features.ts'
import type { ServerServices } from '../../services.ts'
import { registryRoutes } from './registry.ts'

// The part of Feast's wire contract by which its clients read, push and materialise. What its own servers answer wrongly is answered
// rightly here: an expired value is OUTSIDE_MAX_AGE, an unknown entity NOT_FOUND, an unknown feature 404.

const cell = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.number()).max(maxVectorLength)])
const columns = z.record(z.string().max(200), z.array(cell).max(100_000))

/** Rows of columns of one length. */
function rowsOf(given: z.infer<typeof columns>, place: string, name: string): Readonly<Record<string, unknown>>[] {
  const lengths = new Set(Object.values(given).map(one => one.length))
  const [length = 0] = lengths
  if (lengths.size > 1)
    throw fail('inputInvalid', { place: `body.${place}`, reason: 'its columns differ in length', route: name })
  return Array.from({ length }, (_, i) =>
    Object.fromEntries(Object.entries(given).map(([column, values]) => [column, values[i] ?? null])),
  )
}

/** Feast's times have no zone where they are in UTC. */
function microsOf(text: string, place: string, name: string): number {
  const at = parseTime(text) ?? parseTime(`${text.replace(' ', 'T')}Z`)
  if (at === undefined)
    throw fail('inputInvalid', { place, reason: `"${text}" is not a time such as 2026-03-31T00:00:00`, route: name })
  return at
}

interface FeatureReference {
  readonly view: FeatureView
  readonly feature: string
}

/** Throws `recordUnknown`. */
function askedOf(views: ReadonlyMap<string, FeatureView>, reference: string): FeatureReference {
  const [name = '', feature = '', ...more] = reference.split(':')
  const view = onlineViewOf(views, name)
  if (more.length > 0 || !Object.hasOwn(view.features, feature))
    throw fail('recordUnknown', { kind: `feature of ${name}`, name: feature, where: 'GET /v1/features' })
  return { view, feature }
}

/** The views of a model are its feature service. */
function ofService(
  services: ServerServices,
  served: ReadonlyMap<string, FeatureView>,
  name: string,
): FeatureReference[] {
  const model = services.workspace.project.models.get(name)
  if (!model) throw fail('recordUnknown', { kind: 'model', name, where: 'GET /v1/models' })
  return model.views
    .map(view => served.get(view.name) ?? view)
    .flatMap(view => Object.keys(view.features).map(feature => ({ view, feature })))
}

const statuses = {
  present: 'PRESENT',
  missing: 'NOT_FOUND',
  stale: 'OUTSIDE_MAX_AGE',
  uncovered: 'OUTSIDE_MAX_AGE',
  unreachable: 'PRESENT',
} as const satisfies Record<EntityFeatures['status'], string>

const never = '1970-01-01T00:00:00Z'

const readName = 'POST /get-online-features'

const readRoute = liveRoute({
  method: 'POST',
  path: '/get-online-features',
  permission: 'predict',
  tag: 'feast',
  summary: 'Online features of entities, as clients of Feast ask for them: `view:feature`, or all views of a model',
  body: z.strictObject({
    entities: columns,
    features: z.array(z.string().max(500)).max(10_000).optional(),
    feature_service: z.string().max(200).optional(),
    full_feature_names: z.boolean().optional(),
    include_feature_view_version_metadata: z.boolean().optional(),
  }),
  answer: z.unknown(),
  async handler({ body }, services) {
    // One set for the whole answer, whatever is applied meanwhile
    const served = await services.serving.featureViews()
    const asked =
      body.feature_service === undefined
        ? (body.features ?? []).map(one => askedOf(served, one))
        : ofService(services, served, body.feature_service)
    if (asked.length === 0)
      throw fail('inputInvalid', { place: 'body.features', reason: 'asks for no feature', route: readName })
    const rows = rowsOf(body.entities, 'entities', readName)
    const views = [...new Set(asked.map(one => one.view))]
    const keys = new Set(views.flatMap(requestKeys).map(({ column }) => column))
    for (const key of keys)
      if (!Object.hasOwn(body.entities, key))
        throw fail('inputInvalid', { place: 'body.entities', reason: `lacks the key '${key}'`, route: readName })
    const { typedRows } = await import('../../inference/rows.ts')
    const at = services.workspace.clock.now()
    const found = new Map<FeatureView, readonly EntityFeatures[]>()
    await Promise.all(
      views.map(async view => {
        const own = keyColumns(view)
        const asked = requestKeys(view)
        const entities = rows.map(row => Object.fromEntries(asked.map(({ key, column }) => [key, row[column] ?? null])))
        found.set(view, await services.serving.features(view, typedRows(entities, own), at))
      }),
    )
    const results = asked.map(({ view, feature }) => {
      const place = Object.keys(view.features).indexOf(feature)
      const of = found.get(view) ?? []
      const values = of.map(one => (statuses[one.status] === 'PRESENT' ? (one.values[place] ?? null) : null))
      return {
        values,
        statuses: of.map((one, i) =>
          statuses[one.status] === 'PRESENT' && values[i] === null ? 'NULL_VALUE' : statuses[one.status],
        ),
        event_timestamps: of.map(one => (one.event === null ? never : formatTime(one.event))),
      }
    })
    const entityResults = [...keys].map(key => ({
      values: rows.map(row => row[key] ?? null),
      statuses: rows.map(() => 'PRESENT'),
      event_timestamps: rows.map(() => never),
    }))
    const names = asked.map(({ view, feature }) => (body.full_feature_names ? `${view.name}__${feature}` : feature))
    return { metadata: { feature_names: [...keys, ...names] }, results: [...entityResults, ...results] }
  },
})

const pushName = 'POST /push'

const pushRoute = liveRoute({
  method: 'POST',
  path: '/push',
  permission: 'write',
  tag: 'feast',
  summary:
    'Rows of a dataset, as clients of Feast push them: judged, durable, served and trained on, whichever of `to` they ask for',
  body: z.strictObject({
    push_source_name: z.string().max(200),
    df: columns,
    to: z.enum(['online', 'online_and_offline']).optional(),
    allow_registry_cache: z.boolean().optional(),
    transform_on_write: z.boolean().optional(),
  }),
  answer: z.unknown(),
  async handler({ body }, services) {
    const dataset = datasetOf(services, body.push_source_name)
    const { typedRows } = await import('../../inference/rows.ts')
    return services.serving.push(dataset, {
      rows: typedRows(rowsOf(body.df, 'df', pushName), pushedColumns(dataset)),
    })
  },
})

const MaterialiseBody = z.strictObject({
  start_ts: z.string().optional(),
  end_ts: z.string(),
  feature_views: z.array(z.string().max(200)).min(1).max(1_000).nullish(),
  disable_event_timestamp: z.literal(false).optional(),
  full_feature_names: z.boolean().optional(),
  version: z.null().optional(),
})

/** Records are made whole each time, so that a start has no meaning: late rows are in them. */
function materialiseRoute(path: '/materialize' | '/materialize-incremental'): LiveRoute {
  const name = `POST ${path}`
  return liveRoute({
    method: 'POST',
    path,
    permission: 'operate',
    tag: 'feast',
    summary:
      'Online records as known at `end_ts`, made whole, as clients of Feast ask for them; answered when it is done',
    body: MaterialiseBody,
    answer: z.unknown(),
    async handler({ body, request, actor }, services) {
      const until = microsOf(body.end_ts, 'body.end_ts', name)
      if (body.start_ts !== undefined) microsOf(body.start_ts, 'body.start_ts', name)
      const served = await services.serving.featureViews()
      const views = body.feature_views?.map(view => onlineViewOf(served, view).name)
      const waiting = new Request(request.url, { headers: { prefer: 'wait=600' } })
      for (const view of views ?? [undefined]) {
        const input = { until, ...(view === undefined ? {} : { view }) }
        const answer = await startJob(services, { request: waiting, actor }, 'materialise', input)
        const job = (await answer.json()) as { readonly status: string; readonly error: unknown }
        if (answer.status === 202) return Response.json(job, { status: 202 })
        if (job.status === 'failed')
          return Response.json(job.error, {
            status: (job.error as { readonly status?: number } | null)?.status ?? 503,
            headers: { 'content-type': 'application/problem+json' },
          })
      }
      return {}
    },
  })
}

export const feastRoutes: readonly (LiveRoute | RecordRoute)[] = [
  ...registryRoutes,
  readRoute,
  pushRoute,
  materialiseRoute('/materialize'),
  materialiseRoute('/materialize-incremental'),
]
