import type { LineageEdge, MetadataStore } from '../../ports/metadata-store.ts'

export interface Lineage {
  /** Edges that lead to the node, nearest first. */
  readonly from: readonly LineageEdge[]
  /** Edges that lead on from it, nearest first. */
  readonly to: readonly LineageEdge[]
  /** False where limits cut it off. */
  readonly complete: boolean
}

export interface LineageLimits {
  readonly maxDepth?: number
  readonly maxEdges?: number
}

type Store = Pick<MetadataStore, 'edgesTo' | 'edgesFrom'>

/** A node as it was met: in the course of which run, if any. */
interface Place {
  readonly node: string
  readonly run: string | undefined
}

const runOfStep = (node: string): string | undefined => /^step:([^/]+)\//.exec(node)?.[1]
const isDigest = (node: string): boolean => node.startsWith('sha256:')

function grouped(edges: readonly LineageEdge[], end: 'from' | 'to'): ReadonlyMap<string, readonly LineageEdge[]> {
  const groups = new Map<string, LineageEdge[]>()
  for (const edge of edges) groups.set(edge[end], [...(groups.get(edge[end]) ?? []), edge])
  return groups
}

/**
 * What a node was made from. Runs that gave the same bytes share the digest, and each has its own history: from a step on,
 * a digest leads to the step of the same run that gave it, and to those of other runs only where it came in from outside.
 */
async function backward(store: Store, places: readonly Place[]): Promise<readonly (LineageEdge & Place)[]> {
  const edges = grouped(await store.edgesTo([...new Set(places.map(place => place.node))]), 'to')
  return places.flatMap(({ node, run }) => {
    const all = edges.get(node) ?? []
    const own = run === undefined ? [] : all.filter(edge => runOfStep(edge.from) === run)
    const maker = node.startsWith('model:') ? all.find(edge => edge.from.startsWith('run:'))?.from.slice(4) : run
    return (own.length > 0 ? own : all).map(edge => ({
      ...edge,
      node: edge.from,
      run: runOfStep(edge.from) ?? maker,
    }))
  })
}

/** What a node was used for: within a run by its steps, in other runs where these did not make the same bytes themselves. */
async function forward(store: Store, places: readonly Place[]): Promise<readonly (LineageEdge & Place)[]> {
  const nodes = [...new Set(places.map(place => place.node))]
  const edges = grouped(await store.edgesFrom(nodes), 'from')
  const makers = new Map<string, Set<string | undefined>>()
  for (const edge of await store.edgesTo(nodes.filter(isDigest)))
    makers.set(edge.to, (makers.get(edge.to) ?? new Set()).add(runOfStep(edge.from)))
  const models = [...edges.values()].flat().filter(edge => edge.to.startsWith('model:'))
  const madeBy = grouped(await store.edgesTo([...new Set(models.map(edge => edge.to))]), 'to')
  return places.flatMap(({ node, run }) =>
    (edges.get(node) ?? []).flatMap(edge => {
      const step = runOfStep(edge.to)
      if (run !== undefined && isDigest(node)) {
        if (step !== undefined && step !== run && makers.get(node)?.has(step)) return []
        if (edge.to.startsWith('model:') && !madeBy.get(edge.to)?.some(one => one.from === `run:${run}`)) return []
      }
      return [{ ...edge, node: edge.to, run: step ?? run }]
    }),
  )
}

type Step = (store: Store, places: readonly Place[]) => Promise<readonly (LineageEdge & Place)[]>

async function follow(store: Store, start: string, step: Step, { maxDepth = 1000, maxEdges = 100_000 }: LineageLimits) {
  const key = ({ node, run }: Place): string => `${run ?? ''} ${node}`
  const edges = new Map<string, LineageEdge>()
  let front: readonly Place[] = [{ node: start, run: undefined }]
  const seen = new Set(front.map(key))
  for (let depth = 0; front.length > 0; depth++) {
    if (depth === maxDepth) return { edges: [...edges.values()], complete: false }
    const found = await step(store, front)
    if (edges.size + found.length > maxEdges) return { edges: [...edges.values()], complete: false }
    const next = new Map<string, Place>()
    for (const { from, to, relation, node, run } of found) {
      edges.set(`${from} ${to} ${relation}`, { from, to, relation })
      // The run that made a reused result first is named; what went into it there is its own history
      if (relation !== 'reused' && !seen.has(key({ node, run }))) next.set(key({ node, run }), { node, run })
    }
    front = [...next.values()]
    for (const place of next.keys()) seen.add(place)
  }
  return { edges: [...edges.values()], complete: true }
}

/**
 * What a node (a digest, `run:…`, `model:name@version`, `deployment:name`) was made from, and what was made from it.
 */
export async function lineageOf(store: Store, node: string, limits: LineageLimits = {}): Promise<Lineage> {
  const back = await follow(store, node, backward, limits)
  const on = await follow(store, node, forward, limits)
  return { from: back.edges, to: on.edges, complete: back.complete && on.complete }
}
