import { z } from '@hono/zod-openapi'
import { featuresHistory, planPromotion } from '../../app/apply.ts'
import { planFeatures } from '../../app/features-plan.ts'
import { liveRoute, route } from '../route.ts'
import { nameSchema } from '../schemas.ts'

const FeaturesPlan = z
  .object({
    digest: z.string(),
    environment: z.string(),
    applied: z.number().nullable(),
    against: z.string().nullable(),
    breaking: z.boolean(),
    changes: z.array(
      z.object({
        view: z.string(),
        change: z.enum(['new', 'gone', 'breaking', 'materialise', 'none']),
        why: z.string(),
        features: z.array(
          z.object({
            feature: z.string(),
            change: z.enum(['added', 'removed', 'changed', 'retyped']),
            before: z.string().nullable(),
            after: z.string().nullable(),
            breaking: z.boolean(),
            readers: z.array(z.string()),
          }),
        ),
        models: z.array(z.string()),
        served: z.array(
          z.object({
            deployment: z.string(),
            arm: z.enum(['stable', 'canary']),
            version: z.string(),
            reads: z.enum(['planned', 'own']),
          }),
        ),
        backfill: z
          .object({ rows: z.number().nullable(), entities: z.number().nullable(), seconds: z.number().nullable() })
          .nullable(),
      }),
    ),
  })
  .openapi('FeaturesPlan')

const Applied = z
  .object({
    number: z.number(),
    at: z.number(),
    action: z.enum(['apply', 'rollback', 'promote']),
    actor: z.string(),
    from: z.string(),
    set: z.string(),
    views: z.record(z.string(), z.string()),
  })
  .openapi('AppliedFeatures')

const AppliedPlan = z.object({ plan: FeaturesPlan, applied: z.union([Applied, z.null()]) }).openapi('AppliedPlan')

const planOption = z.string().min(12).max(80).optional()

/** Which definitions of features are served: what a change means, and making it. */
export const changeFeaturesRoutes = [
  route({
    method: 'GET',
    path: '/v1/features/plan',
    permission: 'read',
    tag: 'features',
    summary:
      'What the definitions change against those that were applied: each feature, who reads it, what has to be written. `?from=` another environment says what promoting its definitions means',
    query: z.strictObject({ from: nameSchema.optional() }),
    answer: FeaturesPlan,
    handler: ({ query }, { workspace }) =>
      query.from === undefined ? planFeatures(workspace) : planPromotion(workspace, query.from),
  }),
  route({
    method: 'GET',
    path: '/v1/features/history',
    permission: 'read',
    tag: 'features',
    summary: 'What was applied, newest first',
    answer: z.object({ history: z.array(Applied) }),
    handler: async (_, { workspace }) => ({ history: await featuresHistory(workspace) }),
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/features/apply',
    permission: 'operate',
    tag: 'features',
    summary:
      'Writes the records of the planned definitions and serves them, all at once; 409 where the plan is not the one of that digest any more',
    body: z.strictObject({ plan: planOption }),
    answer: AppliedPlan,
    async handler({ body, actor }, { jobs, serving }) {
      const answer = await (await jobs.start('apply', { ...body, actor }, { actor })).answer
      await serving.followApplied()
      return answer
    },
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/features/rollback',
    permission: 'operate',
    tag: 'features',
    summary: 'Serves the definitions that were applied before again, or those of the change `to`',
    body: z.strictObject({ to: z.int().min(1).optional() }),
    answer: AppliedPlan,
    async handler({ body, actor }, { jobs, serving }) {
      const answer = await (await jobs.start('rollBack', { ...body, actor }, { actor })).answer
      await serving.followApplied()
      return answer
    },
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/features/promote',
    permission: 'operate',
    tag: 'features',
    summary: 'Serves here what the environment `from` serves, its definitions as they are',
    body: z.strictObject({ from: nameSchema, plan: planOption }),
    answer: AppliedPlan,
    async handler({ body: { from, ...body }, actor }, { jobs, serving }) {
      const answer = await (await jobs.start('promote', { ...body, source: from, actor }, { actor })).answer
      await serving.followApplied()
      return answer
    },
  }),
]
