/** The seed of what a run draws: another one in every run, the same whenever it is played again. FNV-1a of its name. */
export function seedOf(run: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < run.length; i++) hash = Math.imul(hash ^ run.charCodeAt(i), 0x01000193)
  return hash >>> 1
}
