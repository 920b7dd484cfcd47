import { z } from '@hono/zod-openapi'
import { compileDefinition } from '../../define/project.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { route } from '../route.ts'

/**
 * Documents that the feature stage keeps of each view: what was last materialised into the online store, and what the
 * last comparison of online with offline values found.
 */
export const materialisationKind = 'materialisation'
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
          })),
          definition: compileDefinition(view),
          materialisation: await state(materialisationKind, view.name),
          verification: await state(verificationKind, view.name),
        })),
      )
      return { views }
    },
  }),
]
