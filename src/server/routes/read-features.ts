import { z } from '@hono/zod-openapi'
import type { FeatureView } from '../../define/features.ts'
import { fail } from '../../errors/index.ts'
import { parseTime } from '../../internal/time.ts'
import type { RequestColumn } from '../../stages/serve/types.ts'
import { liveRoute } from '../route.ts'
import { nameSchema } from '../schemas.ts'

/** A view of those that a request is answered with, kept online. Throws `recordUnknown`. */
export function onlineViewOf(views: ReadonlyMap<string, FeatureView>, name: string): FeatureView {
  const found = views.get(name)
  if (!found?.online) throw fail('recordUnknown', { kind: 'online feature view', name, where: 'GET /v1/features' })
  return found
}

/** The key columns of a view as a request has them; one without a value is of no entity. */
export const keyColumns = ({ entity, from }: FeatureView): RequestColumn[] =>
  Object.entries(entity.keys).map(([name, { type }]) => {
    const zone = from.columns[name]?.zone
    return { name, type, nullable: true, ...(zone === undefined ? {} : { zone }) }
  })

const maxEntities = 10_000

export const readFeaturesRoute = liveRoute({
  method: 'POST',
  path: '/v1/features/{view}:get',
  permission: 'predict',
  tag: 'features',
  summary:
    'Features of entities as predictions read them, each with its status, now or as of a moment: `present`, `missing`, `stale`, `uncovered`, `unreachable`',
  body: z.strictObject({
    entities: z
      .array(z.record(nameSchema, z.union([z.string(), z.number(), z.boolean(), z.null()])))
      .min(1)
      .max(maxEntities),
    asOf: z.string().optional(),
  }),
  answer: z
    .object({
      features: z.array(z.string()),
      asOf: z.number(),
      entities: z.array(
        z.object({
          status: z.string(),
          event: z.number().nullable(),
          values: z.array(z.union([z.number(), z.string(), z.boolean(), z.null(), z.array(z.number())])),
        }),
      ),
    })
    .openapi('EntityFeatures'),
  async handler({ params, body }, services) {
    const view = onlineViewOf(await services.serving.featureViews(), params.view ?? '')
    const given = body.asOf === undefined ? undefined : parseTime(body.asOf)
    if (body.asOf !== undefined && given === undefined)
      throw fail('inputInvalid', {
        place: 'body.asOf',
        reason: `"${body.asOf}" is not a time such as 2026-03-31T00:00:00Z`,
        route: 'POST /v1/features/{view}:get',
      })
    const asOf = given ?? services.workspace.clock.now()
    const { typedRows } = await import('../inference/rows.ts')
    const entities = await services.serving.features(view, typedRows(body.entities, keyColumns(view)), asOf)
    return { features: Object.keys(view.features), asOf, entities }
  },
})
