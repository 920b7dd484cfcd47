import { z } from '@hono/zod-openapi'
import type { Dataset } from '../../../define/dataset.ts'
import type { ScalarType } from '../../../define/expression/node.ts'
import { viewOfRole, type FeatureView } from '../../../define/features.ts'
import { fail } from '../../../errors/index.ts'
import type { Json } from '../../../internal/canonical-json.ts'
import { ServedViews } from '../../../stages/serve/served-views.ts'
import { route, type RecordRoute } from '../../route.ts'
import { nameSchema } from '../../schemas.ts'
import type { RecordServices } from '../../services.ts'

// What there is to read, as Feast's registry tells it over REST (`feast serve_registry --rest-api`): read only, the JSON form of its
// protocol buffers. An entity of Feast has one key, so that each key column is one, by its name; a dataset is a push source.

const valueTypes: Readonly<Record<ScalarType, string>> = {
  int: 'INT64',
  float: 'DOUBLE',
  text: 'STRING',
  bool: 'BOOL',
  timestamp: 'UNIX_TIMESTAMP',
  vector: 'DOUBLE_LIST',
}

interface Kept {
  readonly project: string
  readonly views: readonly FeatureView[]
  readonly services: RecordServices
}
type Fields = Readonly<Record<string, Json>>

const fieldsOf = (columns: Readonly<Record<string, { readonly type: ScalarType }>>): Fields[] =>
  Object.entries(columns).map(([name, { type }]) => ({ name, valueType: valueTypes[type] }))

const sourceOf = ({ name, eventTime }: Dataset): Fields => ({
  name,
  type: 'PUSH_SOURCE',
  ...(eventTime === undefined ? {} : { timestampField: eventTime }),
})

function viewFields({ project }: Kept, view: FeatureView): Fields {
  return {
    type: 'featureView',
    spec: {
      name: view.name,
      project,
      entities: Object.keys(view.entity.keys),
      features: fieldsOf(view.features),
      entityColumns: fieldsOf(view.entity.keys),
      ...(view.ttl === undefined ? {} : { ttl: `${view.ttl / 1e6}s` }),
      online: view.online,
      streamSource: sourceOf(view.from),
    },
    meta: {},
  }
}

/** A view in another role is its view by another name, with the key in another column. */
function projectionOf(view: FeatureView): Fields {
  return {
    featureViewName: viewOfRole(view).name,
    ...(view.roleOf === undefined ? {} : { featureViewNameAlias: view.name, joinKeyMap: { ...view.reads } }),
    featureColumns: fieldsOf(view.features),
  }
}

/** What the registry has of a kind, by name. */
interface RegistryList {
  readonly path: string
  readonly member: string
  readonly summary: string
  readonly list: (kept: Kept) => ReadonlyMap<string, Fields>
}

const byName = (list: readonly (readonly [string, Fields])[]): ReadonlyMap<string, Fields> =>
  new Map(list.toSorted(([a], [b]) => (a < b ? -1 : 1)))

const lists: readonly RegistryList[] = [
  {
    path: 'projects',
    member: 'projects',
    summary: 'The project',
    list: ({ project }) => byName([[project, { spec: { name: project }, meta: {} }]]),
  },
  {
    path: 'entities',
    member: 'entities',
    summary: 'Key columns of feature views: an entity each',
    list: ({ project, views }) =>
      byName(
        views.flatMap(view =>
          Object.entries(view.entity.keys).map(([name, { type }]) => [
            name,
            { spec: { name, project, valueType: valueTypes[type], joinKey: name }, meta: {} },
          ]),
        ),
      ),
  },
  {
    path: 'data_sources',
    member: 'dataSources',
    summary: 'Datasets, to each of which rows can be pushed',
    list: ({ project, services }) =>
      byName([...services.workspace.project.datasets.values()].map(one => [one.name, { ...sourceOf(one), project }])),
  },
  {
    path: 'feature_views',
    member: 'featureViews',
    summary: 'Feature views as they are answered',
    list: kept => byName(kept.views.map(view => [view.name, viewFields(kept, view)])),
  },
  {
    path: 'feature_services',
    member: 'featureServices',
    summary: 'Models, each with the feature views that it reads',
    list: ({ project, views, services }) =>
      byName(
        [...services.workspace.project.models.values()].flatMap(({ name, views: read }) => {
          if (read.length === 0) return []
          const features = read.map(view => projectionOf(views.find(one => one.name === view.name) ?? view))
          return [[name, { spec: { name, project, features }, meta: {} }]]
        }),
      ),
  },
]

const ofProject = {
  project: nameSchema.optional(),
  /** Nothing is kept here that could be old. */
  allow_cache: z.enum(['true', 'false', 'True', 'False']).optional(),
}
const pageSize = 50
const ofPage = {
  page: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(100).optional(),
  sort_by: z.literal('name').optional(),
  sort_order: z.enum(['asc', 'desc']).optional(),
}
type Page = z.infer<z.ZodObject<typeof ofPage>>

/** One page of a list; all of it where none is asked for. */
function paged(
  list: readonly Fields[],
  { page, limit, sort_order }: Page,
): { items: readonly Fields[]; pagination: Fields } {
  const sorted = sort_order === 'desc' ? list.toReversed() : list
  const totalCount = list.length
  if (page === undefined && limit === undefined)
    return { items: sorted, pagination: totalCount > 0 ? { totalCount, totalPages: 1 } : {} }
  const [at, size] = [page ?? 1, limit ?? pageSize]
  const start = (at - 1) * size
  return {
    items: sorted.slice(start, start + size),
    pagination: {
      page: at,
      limit: size,
      ...(totalCount > 0 ? { totalCount, totalPages: Math.ceil(totalCount / size) } : {}),
      ...(start + size < totalCount ? { hasNext: true } : {}),
      ...(start > 0 ? { hasPrevious: true } : {}),
    },
  }
}

/** Throws `recordUnknown` of another project. */
async function keptIn(services: RecordServices, asked: string | undefined): Promise<Kept> {
  const { workspace } = services
  const project = workspace.project.name
  if (asked !== undefined && asked !== project)
    throw fail('recordUnknown', { kind: 'project', name: asked, where: 'GET /api/v1/projects' })
  return { project, views: [...(await new ServedViews(workspace).current()).values()], services }
}

export const registryRoutes: readonly RecordRoute[] = lists.flatMap(({ path, member, summary, list }) => [
  route({
    method: 'GET',
    path: `/api/v1/${path}`,
    permission: 'read',
    tag: 'feast',
    summary: `${summary}, as the REST registry of Feast lists them`,
    query: z.strictObject({ ...ofProject, ...ofPage }),
    answer: z.unknown(),
    async handler({ query: { project, ...page } }, services) {
      const { items, pagination } = paged([...list(await keptIn(services, project)).values()], page)
      return { [member]: items, pagination }
    },
  }),
  route({
    method: 'GET',
    path: `/api/v1/${path}/{name}`,
    permission: 'read',
    tag: 'feast',
    summary: `One of ${path}, as the REST registry of Feast tells it`,
    query: z.strictObject(ofProject),
    answer: z.unknown(),
    async handler({ params: { name = '' }, query: { project } }, services) {
      const found = list(await keptIn(services, project)).get(name)
      if (!found) throw fail('recordUnknown', { kind: path, name, where: `GET /api/v1/${path}` })
      return found
    },
  }),
])
