import { z } from '@hono/zod-openapi'
import { compileDefinition } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { inEnvironment } from '../../stages/features/applied.ts'
import { materialisationNamed, materialisationOf } from '../../stages/features/materialisations.ts'
import { ServedViews } from '../../stages/serve/served-views.ts'
import { startJob } from '../job-answer.ts'
import { liveRoute, route } from '../route.ts'
import { Job, nameSchema } from '../schemas.ts'
import { changeFeaturesRoutes } from './change-features.ts'
import { exportFeaturesRoute } from './export-features.ts'
import { readFeaturesRoute } from './read-features.ts'

/** Documents of what the last comparison of a view's online with its offline values found. */
export const verificationKind = 'feature-verification'

const FeatureViewView = z
  .object({
    name: z.string(),
    entity: z.object({ name: z.string(), keys: z.array(z.string()) }),
    source: z.string(),
    online: z.boolean(),
    knownTime: z.enum(['respect', 'ignore']),
    features: z.array(z.unknown()),
    definition: z.unknown(),
    materialisation: z.unknown().nullable(),
    verification: z.unknown().nullable(),
  })
  .openapi('FeatureView')

export const featureRoutes = [
  route({
    method: 'GET',
    path: '/v1/features',
    permission: 'read',
    tag: 'features',
    summary: 'Feature views with their last materialisation and verification',
    answer: z.object({ views: z.array(FeatureViewView) }),
    async handler(_, { workspace }) {
      const { project, store } = workspace
      const verification = async (name: string): Promise<Json | null> => {
        const found = await store.getDocument<Json>(verificationKind, inEnvironment(project, name))
        return found ? { at: found.at, ...(found.value as Record<string, Json>) } : null
      }
      const views = await Promise.all(
        [...(await new ServedViews(workspace).current()).values()].map(async view => ({
          name: view.name,
          entity: { name: view.entity.name, keys: Object.keys(view.entity.keys) },
          source: view.from.name,
          online: view.online,
          knownTime: view.knownTime,
          features: Object.entries(view.features).map(([name, spec]) => ({
            name,
            aggregation: spec.aggregation,
            type: spec.type,
            nullable: spec.nullable,
            window: spec.window ?? null,
            align: spec.align ?? null,
          })),
          definition: compileDefinition(view),
          materialisation:
            (await materialisationOf(workspace, view)) ?? (await materialisationNamed(workspace, view.name)) ?? null,
          verification: await verification(view.name),
        })),
      )
      return { views }
    },
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/features/materialise',
    permission: 'operate',
    tag: 'features',
    summary:
      'Writes online records from the newest snapshots, as a job: of one view or of all, as known `until` (microseconds)',
    body: z.strictObject({ view: nameSchema.optional(), until: z.int().optional() }),
    answer: Job,
    async handler({ body, request, actor }, services) {
      const { views } = services.workspace.project
      if (body.view !== undefined && !views.has(body.view))
        throw fail('recordUnknown', { kind: 'feature view', name: body.view, where: 'GET /v1/features' })
      return startJob(services, { request, actor }, 'materialise', body)
    },
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/features/verify',
    permission: 'operate',
    tag: 'features',
    summary: 'Compares online with offline values at random moments, as a job; its answer counts what differs',
    body: z.strictObject({ sample: z.int().min(1).max(1_000_000).optional() }),
    answer: Job,
    handler: ({ body, request, actor }, services) => startJob(services, { request, actor }, 'verify', body),
  }),
  ...changeFeaturesRoutes,
  readFeaturesRoute,
  exportFeaturesRoute,
]
