import type { Arena, ArenaShape } from './arena.ts'
import { performJob } from './kernels.ts'
import { type LinearMemory, newMemory } from './web-assembly.ts'

/**
 * The threads that train together. The trainer itself is pure and knows only this; the threads come from outside.
 * All sums over rows are exact integers, so the model is the same for every number of threads.
 */
export interface Crew {
  readonly threads: number
  /** Zeroed memory of that many pages of 64 KiB, its limit too, that every thread can see. */
  allocate(pages: number): LinearMemory
  /** Resolves when every thread has opened the arena. */
  open(shape: ArenaShape, memory: LinearMemory): Promise<void>
  /** Does the arena's job on every thread, the calling one (number 0) included; returns when all are done. */
  perform(arena: Arena): void
  close(): Promise<void>
}

/** The calling thread alone. */
export const solo: Crew = {
  threads: 1,
  allocate: pages => newMemory(pages),
  open: async () => {},
  perform: arena => performJob(arena, 0, 1),
  close: async () => {},
}
