import type { Arena, ArenaShape } from './arena.ts'
import { performJob } from './kernels.ts'

/**
 * The threads that train together. The trainer itself is pure and knows only this; the threads come from outside.
 * All sums over rows are exact integers, so the model is the same for every number of threads.
 */
export interface Crew {
  readonly threads: number
  /** Zeroed memory that every thread can see. */
  allocate(bytes: number): ArrayBufferLike
  /** Resolves when every thread has opened the arena. */
  open(shape: ArenaShape, memory: ArrayBufferLike): Promise<void>
  /** Does the arena's job on every thread, the calling one (number 0) included; returns when all are done. */
  perform(arena: Arena): void
  close(): Promise<void>
}

/** The calling thread alone. */
export const solo: Crew = {
  threads: 1,
  allocate: bytes => new ArrayBuffer(bytes),
  open: async () => {},
  perform: arena => performJob(arena, 0, 1),
  close: async () => {},
}
