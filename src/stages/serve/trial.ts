import type { Micros } from '../../internal/time.ts'
import type { Clock } from '../../ports/clock.ts'
import { RunLost } from '../../ports/inference-runtime.ts'
import type { Arm } from './arm.ts'
import type { EncodedRows } from './encode.ts'
import type { PredictRequest } from './types.ts'

/** What an arm made of a request, and how many milliseconds it took. */
export interface ArmScores {
  readonly scores: Float32Array
  readonly took: number
}

/**
 * Why a challenger has no scores: it failed, it was waited for in vain, it took too much memory; or it was not asked, which
 * says nothing about it.
 */
export interface NoScores {
  readonly missing: 'error' | 'timeout' | 'memory' | 'unasked'
  readonly reason: unknown
  readonly bytes?: number
}
export type ChallengerResult = ArmScores | NoScores

/** One request as both arms are given it. */
export interface TrialRequest {
  readonly requests: readonly PredictRequest[]
  readonly now: Micros
  /** As stable encoded it. */
  readonly rows: EncodedRows
}

/** Requests and rows that a challenger has before it at most: what comes then is answered by stable alone, and says nothing. */
const maxOpenRequests = 256
const maxOpenRows = 65_536
/** How many times as long as stable a challenger may take in any case: large requests take both models longer. */
const patience = 4

export async function scored(
  { loaded }: Pick<Arm, 'loaded'>,
  rows: EncodedRows,
  clock: Pick<Clock, 'elapsed'>,
): Promise<ArmScores> {
  const began = clock.elapsed()
  const { scores, took } = await loaded.run(rows)
  return { scores, took: (loaded.inChildProcess ? took : undefined) ?? clock.elapsed() - began }
}

const never: NoScores = { missing: 'unasked', reason: undefined }

/** Milliseconds that an arm has for a request of which the other took so many. */
export const patienceOf = (timeout: Micros, took: number): number => Math.max(timeout / 1000, patience * took)

/** A challenger beside what is stable: it scores what stable scores, and is waited for no longer than it may take. */
export class Trial {
  readonly arm: Arm
  readonly #clock: Pick<Clock, 'elapsed' | 'sleep'>
  readonly #timeout: Micros
  readonly #over = new AbortController()
  #requests = 0
  #rows = 0

  constructor(arm: Arm, timeout: Micros, clock: Pick<Clock, 'elapsed' | 'sleep'>) {
    this.arm = arm
    this.#timeout = timeout
    this.#clock = clock
  }

  /** Nobody waits for it any more. */
  end(): void {
    this.#over.abort()
  }

  /** Begins to score, before anything is awaited: from then on the version is not closed under the request. */
  begin(stable: Arm, asked: TrialRequest): Promise<ArmScores> | undefined {
    const count = asked.requests.length
    if (this.#over.signal.aborted || this.#requests >= maxOpenRequests || this.#rows + count > maxOpenRows)
      return undefined
    this.#requests++
    this.#rows += count
    const run = this.#score(stable, asked)
    // whoever waits for it hears of it; nobody may
    run.catch(() => undefined)
    return run
  }

  async #score(stable: Arm, { requests, now, rows }: TrialRequest): Promise<ArmScores> {
    const { encoder } = this.arm
    if (encoder.identity === stable.encoder.identity) return scored(this.arm, rows, this.#clock)
    encoder.check(requests)
    return scored(this.arm, await encoder.encode(requests, now), this.#clock)
  }

  /** What came of a run, or that its time is over; `took` is what stable took. */
  async within(run: Promise<ArmScores> | undefined, rows: number, took: number): Promise<ChallengerResult> {
    if (!run) return never
    const wait = patienceOf(this.#timeout, took)
    const stop = new AbortController()
    const signal = AbortSignal.any([stop.signal, this.#over.signal])
    try {
      return await Promise.race([
        run.catch((error: unknown): NoScores => missingBy(error)),
        this.#clock.sleep(wait, signal).then(
          (): NoScores => {
            this.arm.loaded.restart?.()
            return { missing: 'timeout', reason: `no answer ${wait} ms after stable's` }
          },
          // the rollout has ended
          (): NoScores => never,
        ),
      ])
    } finally {
      stop.abort()
      this.#requests--
      this.#rows -= rows
    }
  }
}

/** A process that is gone says nothing about the requests that were in it besides the one that ended it. */
function missingBy(reason: unknown): NoScores {
  if (!(reason instanceof RunLost)) return { missing: 'error', reason }
  return reason.cause === 'memory' ? { missing: 'memory', reason, bytes: reason.bytes } : { missing: 'unasked', reason }
}
