import { z } from '@hono/zod-openapi'
import { lineageOf } from '../../stages/version/lineage.ts'
import { route } from '../route.ts'
import { Edge } from '../schemas.ts'

const maxEdges = 2000

export const lineageRoutes = [
  route({
    method: 'GET',
    path: '/v1/lineage',
    permission: 'read',
    tag: 'lineage',
    summary:
      'What a node (digest, run:…, model:name@version, deployment:name) was made from, and what was made from it',
    query: z.strictObject({
      node: z.string().min(1).max(300),
      depth: z.coerce.number().int().min(1).max(50).optional(),
    }),
    answer: z.object({
      node: z.string(),
      from: z.array(Edge).readonly(),
      to: z.array(Edge).readonly(),
      complete: z.boolean(),
    }),
    async handler({ query: { node, depth = 20 } }, { workspace: { store } }) {
      return { node, ...(await lineageOf(store, node, { maxDepth: depth, maxEdges })) }
    },
  }),
]
