/** Uniform 32 bits of a text: FNV-1a over its UTF-16 units, then MurmurHash3's finaliser, which FNV lacks. */
function hash(state: number, text: string): number {
  let h = state
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619)
  return h
}

function finish(state: number): number {
  let h = state
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * The arm that a key is served by: stateless, the same in every replica, independent between deployments, and monotone: a key
 * in the canary stays there while the weight rises. Allocates nothing.
 */
export function route(deploymentId: string, key: string, canaryWeight: number): 'stable' | 'canary' {
  const h = finish(hash(hash(hash(0x811c9dc5, deploymentId), ':'), key))
  return h < canaryWeight * 4294967296 ? 'canary' : 'stable'
}
