import { z } from '@hono/zod-openapi'
import { applyFeatures } from '../../app/apply.ts'
import { planFeatures } from '../../app/features-plan.ts'
import { compileDefinition } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { startJob } from '../job-answer.ts'
import { liveRoute, route } from '../route.ts'
import { Job, nameSchema } from '../schemas.ts'
import { readFeaturesRoute } from './read-features.ts'

/**
 * Documents that the feature stage keeps of each view: what was last materialised into the online store, and what the
 * last comparison of online with offline values found.
 */
export const materialisationKind = 'materialisation'
export const verificationKind = 'feature-verification'

const FeaturesPlan = z
  .object({
    digest: z.string(),
    changes: z.array(
      z.object({
        view: z.string(),
        change: z.enum(['new', 'gone', 'breaking', 'materialise', 'none']),
        why: z.string(),
        models: z.array(z.string()),
      }),
    ),
  })
  .openapi('FeaturesPlan')

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
    async handler(_, { workspace: { project, store } }) {
      const state = async (kind: string, name: string): Promise<Json | null> => {
        const found = await store.getDocument<Json>(kind, name)
        return found ? { at: found.at, ...(found.value as Record<string, Json>) } : null
      }
      const views = await Promise.all(
        [...project.views.values()].map(async view => ({
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
          materialisation: await state(materialisationKind, view.name),
          verification: await state(verificationKind, view.name),
        })),
      )
      return { views }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/features/plan',
    permission: 'read',
    tag: 'features',
    summary: 'What the definitions change against those that were applied',
    answer: FeaturesPlan,
    handler: (_, { workspace: { project, store } }) => planFeatures(store, project),
  }),
  route({
    method: 'POST',
    path: '/v1/features/apply',
    permission: 'operate',
    tag: 'features',
    summary: 'Makes the planned definitions current; 409 where the plan is not the one of that digest any more',
    body: z.strictObject({ plan: z.string().min(1).max(80).optional() }),
    answer: FeaturesPlan,
    handler: ({ body }, { workspace }) => applyFeatures(workspace, body),
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
  readFeaturesRoute,
]
