import { join } from 'node:path'
import type { Json } from '../../internal/canonical-json.ts'
import type { Micros } from '../../internal/time.ts'
import type { ContestEvent, ContestState } from '../deploy/contest/index.ts'
import type { RolloutEvent } from '../deploy/rollout/index.ts'
import type { JournalOptions, Keeper, KeptPrediction } from './journal.ts'
import type { LabelPairs } from './label-pairs.ts'
import type { LiveContest } from './live-contest.ts'
import type { ChallengedRows } from './recorder.ts'
import { EventLog, eventsFolder } from './rollout-log.ts'

type CapturedPairs = ReturnType<LabelPairs['capture']>

/** What the journal keeps of a contest. */
interface Kept {
  readonly contest: ContestState | null
  /** By the salts of the challengers. */
  readonly pairs: Readonly<Record<string, CapturedPairs>>
}

/**
 * What is known of the answers of several challengers, where their contest is led: of each the predictions that wait for their
 * labels, and its evidence.
 */
export class ContestMemory implements Keeper {
  readonly keeps = 'contest'
  readonly #contest: LiveContest
  readonly #newPairs: () => LabelPairs
  readonly #pairs = new Map<string, LabelPairs>()
  #log: EventLog<ContestState, ContestEvent> | undefined
  #spill: ((pairs: LabelPairs, challenger: string) => void) | undefined
  #onError: (error: unknown) => void = () => undefined
  /** The contest as the journal has it. */
  #kept: ContestState | undefined

  constructor(contest: LiveContest, newPairs: () => LabelPairs) {
    this.#contest = contest
    this.#newPairs = newPairs
  }

  /** Labelled rows of the challenger that has most of them that do not count yet. */
  get waiting(): number {
    return Math.max(0, ...[...this.#pairs.values()].map(one => one.waiting))
  }

  /** Whether that is the salt of one of several challengers, who may have left. */
  has(challenger: string): boolean {
    return this.#contest.has(challenger)
  }

  #of(challenger: string): LabelPairs {
    const known = this.#pairs.get(challenger)
    if (known) return known
    const pairs = this.#newPairs()
    this.#spill?.(pairs, challenger)
    this.#pairs.set(challenger, pairs)
    return pairs
  }

  /** False where it is compared no more. */
  challenged(challenger: string, rows: ChallengedRows['rows']): boolean {
    if (!this.#contest.going.includes(challenger)) return false
    const pairs = this.#of(challenger)
    for (const { id, at, stable, canary } of rows) pairs.remember(id, at, stable, canary, pairs.epoch)
    return true
  }

  learned(challenger: string, event: RolloutEvent): void {
    this.#contest.move({ type: 'arm', at: event.at, arm: challenger, event })
  }

  /** Whether a challenger has the prediction of that label. */
  label(id: string, label: number): boolean {
    let found = false
    // A label may come before what any of them said
    for (const challenger of this.#contest.going) this.#of(challenger)
    for (const pairs of this.#pairs.values()) if (pairs.label(id, label)) found = true
    return found
  }

  /** Labels whose time has come count: of all challengers, before one is chosen by them. */
  release(at: Micros): void {
    this.#prune()
    for (const [challenger, pairs] of this.#pairs) {
      const losses = pairs.release(at)
      if (losses) this.learned(challenger, { type: 'labels', at, ...losses })
    }
  }

  /** Forgets what waits for who is compared no more. */
  #prune(): void {
    if (this.#pairs.size === 0) return
    const going = new Set(this.#contest.going)
    for (const [challenger, pairs] of this.#pairs) {
      if (going.has(challenger)) continue
      this.#pairs.delete(challenger)
      void pairs.close().catch(this.#onError)
    }
  }

  /** Predictions that do not fit in memory are written below that folder from now on. */
  spill(folder: string, onError: (error: unknown) => void): void {
    this.#onError = onError
    this.#spill = (pairs, challenger) => pairs.spill(join(folder, challenger.replaceAll(/[^\w.-]+/g, '-')), onError)
    for (const [challenger, pairs] of this.#pairs) this.#spill(pairs, challenger)
  }

  /** From now on its events are kept. */
  async open(folder: string, { onError, leads }: JournalOptions): Promise<void> {
    this.#log = await EventLog.open<ContestState, ContestEvent>(join(folder, eventsFolder), onError, leads)
    this.#contest.keep(this.#log)
    this.#prune()
  }

  async close(): Promise<void> {
    await this.#log?.close()
    for (const pairs of this.#pairs.values()) await pairs.close()
  }

  /** Lets go without a word more: another leads. */
  async abandon(): Promise<void> {
    this.#contest.letGo()
    await this.close()
    this.#pairs.clear()
    this.#log = undefined
    this.#spill = undefined
    this.#kept = undefined
  }

  capture(whole: boolean): Json | undefined {
    const { state } = this.#contest
    if (state === undefined || (!whole && state === this.#kept)) return undefined
    this.#kept = state
    this.#prune()
    const pairs = Object.fromEntries([...this.#pairs].map(([challenger, one]) => [challenger, one.capture()]))
    const kept: Kept = { contest: state, pairs }
    return kept as unknown as Json
  }

  /** The store has the contest as of its last decision; the journal has the evidence since then, or that of an earlier one. */
  takeBack(state: Json): void {
    const { contest, pairs } = state as unknown as Kept
    for (const [challenger, captured] of Object.entries(pairs)) this.#of(challenger).takeBack(captured)
    const own = this.#contest.state
    if (contest && own?.phase === 'running' && contest.phase === 'running' && isFurther(contest, own))
      this.#contest.resume(contest)
  }

  recall(): void {
    // what only stable answered is no challenger's
  }
  recallTried({ id, at, stable, canary }: KeptPrediction, challenger: string): void {
    const pairs = this.#of(challenger)
    pairs.recall(id, at, stable, canary, pairs.epoch)
  }
  recallLabel(id: string, label: number): void {
    this.label(id, label)
  }
  /** Its decisions stand in the order of those of the rollouts, which are waited for. */
  stored(): Promise<unknown> {
    return Promise.resolve()
  }
}

/** The same contest, with no decision less. */
const isFurther = (one: ContestState, other: ContestState): boolean =>
  one.id === other.id &&
  one.arms.every(arm => arm.sequence >= (other.arms.find(it => it.salt === arm.salt)?.sequence ?? 0))
