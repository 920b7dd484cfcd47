import { z } from '@hono/zod-openapi'
import type { LineageEdge } from '../../ports/metadata-store.ts'
import { route } from '../route.ts'
import { Edge } from '../schemas.ts'

const mostEdges = 2000

/** Follows edges one way, breadth first; each node once. */
async function follow(
  start: string,
  next: (nodes: readonly string[]) => Promise<readonly LineageEdge[]>,
  end: (edge: LineageEdge) => string,
  depth: number,
): Promise<{ readonly edges: readonly LineageEdge[]; readonly complete: boolean }> {
  const edges: LineageEdge[] = []
  const seen = new Set([start])
  let front = [start]
  for (let level = 0; level < depth && front.length > 0; level++) {
    const found = await next(front)
    if (edges.length + found.length > mostEdges) return { edges, complete: false }
    edges.push(...found)
    front = [...new Set(found.map(end))].filter(node => !seen.has(node))
    for (const node of front) seen.add(node)
  }
  return { edges, complete: front.length === 0 }
}

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
    answer: z.object({ node: z.string(), from: z.array(Edge), to: z.array(Edge), complete: z.boolean() }),
    async handler({ query: { node, depth = 20 } }, { workspace: { store } }) {
      const back = await follow(
        node,
        nodes => store.edgesTo(nodes),
        edge => edge.from,
        depth,
      )
      const forward = await follow(
        node,
        nodes => store.edgesFrom(nodes),
        edge => edge.to,
        depth,
      )
      return { node, from: back.edges, to: forward.edges, complete: back.complete && forward.complete }
    },
  }),
]
