import type { ArenaShape, LinearMemory } from '../../../math/trees/index.ts'

/** Places in the control words: the number of the job, the threads still at it, and whether to leave. */
export const signals = { turn: 0, pending: 1, stop: 2, count: 3 } as const

/** What a worker needs to join in. */
export interface Invitation {
  readonly control: Int32Array
  readonly shape: ArenaShape
  readonly memory: LinearMemory
  readonly thread: number
  readonly threads: number
}
