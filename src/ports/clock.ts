import type { Micros } from '../internal/time.ts'

/** Time and randomness, the only two ways in for what is not an input. Tests and replays inject their own. */
export interface Clock {
  /** Wall-clock time. It may go backwards; order events by sequence numbers, never by it. */
  now(): Micros
  /** Milliseconds of a clock that never goes backwards; for lengths only. */
  elapsed(): number
  /** Milliseconds of processor time that this process has used: lengths that do not depend on its neighbours. */
  processorTime(): number
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  bytes(length: number): Uint8Array
}
