import { shortDigest, type Digest } from '../internal/digest.ts'
import type { LineageEdge } from '../ports/metadata-store.ts'

/** `sha256:1234567890ab`, `step verify-lateness of run …8PHQ`, `lateness@3`: what a person needs to tell nodes apart. */
export function nodeName(node: string): string {
  if (node.startsWith('sha256:')) return shortDigest(node as Digest)
  const colon = node.indexOf(':')
  const [kind, rest] = [node.slice(0, Math.max(0, colon)), node.slice(colon + 1)]
  if (kind === 'model') return rest
  if (kind === 'run') return `run ${rest}`
  if (kind === 'step') {
    const [run = '', step = ''] = rest.split('/')
    return `${step} in run …${run.slice(-6)}`
  }
  return kind === '' ? node : `${kind} ${rest}`
}

/** `output:onnx` of an edge as the word before its node. */
const role = (relation: string): string => relation.replace(/^(?:input|output):/, '')

/**
 * Edges as an indented tree from `start`, in the direction in which `of` and `to` read them. A node that was shown already
 * is named again and not followed.
 */
export function lineageTree(start: string, edges: readonly LineageEdge[], direction: 'back' | 'forward'): string[] {
  const [own, other] = direction === 'back' ? (['to', 'from'] as const) : (['from', 'to'] as const)
  const shown = new Set([start])
  const lines: string[] = []
  const walk = (node: string, indent: string): void => {
    for (const edge of edges.filter(one => one[own] === node)) {
      const next = edge[other]
      const again = shown.has(next) && edges.some(one => one[own] === next)
      lines.push(`${indent}${role(edge.relation).padEnd(14)} ${nodeName(next)}${again ? '  (see above)' : ''}`)
      if (shown.has(next)) continue
      shown.add(next)
      walk(next, `${indent}  `)
    }
  }
  walk(start, '  ')
  return lines
}
