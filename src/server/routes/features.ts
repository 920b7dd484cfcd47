import { z } from '@hono/zod-openapi'
import { describeViews } from '../../app/feature-views.ts'
import { fail } from '../../errors/index.ts'
import { jobAnswer, startJob } from '../job-answer.ts'
import { liveRoute, route } from '../route.ts'
import { nameSchema } from '../schemas.ts'
import { changeFeaturesRoutes } from './change-features.ts'
import { exportFeaturesRoute } from './export-features.ts'
import { readFeaturesRoute } from './read-features.ts'

const Spread = z.object({
  values: z.number(),
  nulls: z.number(),
  quartiles: z.array(z.number()).optional(),
  frequent: z.array(z.object({ value: z.string(), count: z.number() })).optional(),
})

const Example = z.object({
  key: z.string(),
  at: z.number(),
  feature: z.string(),
  online: z.unknown(),
  offline: z.unknown(),
})

const ComparedFeatures = z.array(
  z.object({ feature: z.string(), mismatches: z.number(), online: Spread, offline: Spread }),
)

const FeatureViewView = z
  .object({
    name: z.string(),
    roleOf: z.string().nullable(),
    entity: z.object({ name: z.string(), keys: z.array(z.string()), types: z.record(z.string(), z.string()) }),
    source: z.string(),
    online: z.boolean(),
    ttl: z.number().nullable(),
    knownTime: z.enum(['respect', 'ignore']),
    features: z.array(
      z.object({
        name: z.string(),
        aggregation: z.string(),
        type: z.string(),
        nullable: z.boolean(),
        window: z.number().nullable(),
        align: z.unknown().nullable(),
        columns: z.array(z.string()),
        readers: z.array(z.string()),
      }),
    ),
    definition: z.unknown(),
    models: z.array(z.string()),
    served: z.array(z.object({ deployment: z.string(), arm: z.enum(['stable', 'canary']), version: z.string() })),
    materialisation: z.unknown().nullable(),
    freshness: z.object({ newest: z.number().nullable(), promise: z.number(), isBroken: z.boolean() }).nullable(),
    verification: z
      .object({
        at: z.number(),
        compared: z.number(),
        mismatches: z.number(),
        uncovered: z.number(),
        features: ComparedFeatures,
        examples: z.array(Example),
      })
      .nullable(),
    reads: z
      .object({
        statuses: z.array(z.object({ hour: z.number(), counts: z.record(z.string(), z.number()) })),
        verification: z
          .object({
            at: z.number(),
            reads: z.number(),
            compared: z.number(),
            mismatches: z.number(),
            reasons: z.record(z.string(), z.number()),
            uncovered: z.number(),
            features: ComparedFeatures,
            examples: z.array(Example.extend({ read: z.number(), reason: z.string() })),
          })
          .nullable(),
      })
      .nullable(),
  })
  .openapi('FeatureView')

export const featureRoutes = [
  route({
    method: 'GET',
    path: '/v1/features',
    permission: 'read',
    tag: 'features',
    summary:
      'Feature views: what each computes, of which columns, who reads it; its records, its freshness against what is promised, and what comparing online with offline values last found',
    answer: z.object({ views: z.array(FeatureViewView) }),
    handler: async (_, { workspace }) => ({ views: await describeViews(workspace) }),
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/features/materialise',
    permission: 'operate',
    tag: 'features',
    summary:
      'Writes online records from the newest snapshots, as a job: of one view or of all, as known `until` (microseconds)',
    body: z.strictObject({ view: nameSchema.optional(), until: z.int().optional() }),
    ...jobAnswer,
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
    summary:
      'Compares online with offline values, as a job: at random moments, or with `reads` a sample of what servers answered. Its answer counts what differs, and why',
    body: z.union([
      z.strictObject({ sample: z.int().min(1).max(1_000_000).optional() }),
      z.strictObject({ reads: z.literal(true), view: nameSchema.optional() }),
    ]),
    ...jobAnswer,
    handler({ body, request, actor }, services) {
      if (!('reads' in body)) return startJob(services, { request, actor }, 'verify', body)
      const { reads: _, ...input } = body
      return startJob(services, { request, actor }, 'verifyReads', input)
    },
  }),
  ...changeFeaturesRoutes,
  readFeaturesRoute,
  exportFeaturesRoute,
]
