import { join } from 'node:path'
import type { Json } from '../../internal/canonical-json.ts'
import type { Micros } from '../../internal/time.ts'
import type { Score } from '../../math/metrics/row-loss.ts'
import type { RolloutEvent, RolloutState } from '../deploy/rollout/index.ts'
import type { EncodedRows } from './encode.ts'
import { type JournalOptions, type Keeper, type KeptPrediction, ServingJournal } from './journal.ts'
import type { LabelPairs } from './label-pairs.ts'
import { ContestMemory } from './contest-memory.ts'
import type { LiveContest } from './live-contest.ts'
import type { LiveRollout } from './live-rollout.ts'
import { MetricUnits } from './metric-units.ts'
import type { AnsweredRows, ChallengedRows, KnownLabel, Recorder, ServedRow, ToldValue } from './recorder.ts'
import { type Minutes, TrafficHistory } from './traffic.ts'
import { contestFolder, EventLog, eventsFolder } from './rollout-log.ts'

/** What else hears of every answered row: the monitor. */
export interface Observer {
  predicted(
    id: string,
    at: Micros,
    rows: Pick<EncodedRows, 'rows' | 'features' | 'categories'>,
    index: number,
    score: Score,
  ): void
  labelled(id: string, label: number, at: Micros): void
}

/** What the journal keeps of a deployment. */
interface Kept {
  readonly rollout: RolloutState | null
  readonly pairs: ReturnType<LabelPairs['capture']>
}

/** Rows of a rollout that is not the present one pair with no label of it. */
const otherEpoch = -1

/**
 * What is known of the answers under one name, where it is led: predictions that wait for their labels, the evidence of
 * its rollout, and the journal that a restart takes both from.
 */
export class ServingMemory implements Recorder, Keeper {
  readonly keeps = 'rollout'
  readonly #rollout: LiveRollout
  readonly #contest: ContestMemory
  readonly #now: () => Micros
  readonly #metrics: MetricUnits
  readonly traffic = new TrafficHistory()
  #pairs: LabelPairs
  #journal: ServingJournal | undefined
  #log: EventLog<RolloutState, RolloutEvent> | undefined
  /** Where predictions are written that do not fit in memory; undefined where another leads. */
  #folder: string | undefined
  #onError: (error: unknown) => void = () => undefined
  /** The rollout as the journal has it. */
  #kept: RolloutState | undefined
  /** The rollout is the journal's. */
  #taken = false
  observer: Observer | undefined
  /** The version whose inputs the observer reads. */
  version: string | undefined

  /** `newPairs`: of labels with what both arms said; `metricHorizon`: how long after a prediction its values count. */
  constructor(
    rollout: LiveRollout,
    contest: LiveContest,
    newPairs: () => LabelPairs,
    now: () => Micros,
    metricHorizon: () => Micros,
  ) {
    this.#rollout = rollout
    this.#contest = new ContestMemory(contest, newPairs)
    this.#metrics = new MetricUnits(() => (rollout.rolling ? rollout.state : undefined), metricHorizon, now)
    this.#pairs = newPairs()
    this.#now = now
  }

  /** Labelled rows that do not count yet. */
  get waiting(): number {
    return this.#pairs.waiting + this.#contest.waiting
  }

  /** Why nothing can be written at present. */
  get trouble(): string | undefined {
    return this.#journal?.trouble
  }

  /** Another task, or another level: what waits for labels is judged by nothing any more. */
  renew(pairs: LabelPairs): void {
    void this.#pairs.close().catch(this.#onError)
    this.#pairs = pairs
    if (this.#folder !== undefined) pairs.spill(this.#folder, this.#onError)
  }

  /** A rollout begins. */
  begin(): void {
    this.#pairs.begin()
  }

  answered({ rollout, tried, version, inputs, rows }: AnsweredRows): void {
    const epoch = this.#epochOf(rollout)
    // Rows of another version mean something else by their numbers: its successor's window has begun
    const observer = this.version === undefined || version === this.version ? this.observer : undefined
    rows.forEach(({ id, at, score }, i) => {
      this.#pairs.remember(id, at, score, tried ? undefined : Number.NaN, epoch)
      if (!tried) this.#journal?.prediction(id, at, score, Number.NaN, epoch)
      observer?.predicted(id, at, inputs, i, score)
    })
  }

  challenged({ rollout, rows }: ChallengedRows): void {
    if (this.#contest.has(rollout)) {
      const isCompared = this.#contest.challenged(rollout, rows)
      if (isCompared)
        for (const { id, at, stable, canary } of rows) this.#journal?.tried(rollout, id, at, stable, canary)
      return
    }
    const epoch = this.#epochOf(rollout)
    for (const { id, at, stable, canary } of rows) {
      this.#pairs.challenged(id, canary)
      this.#journal?.prediction(id, at, stable, canary, epoch)
    }
  }

  counted(minutes: Minutes): void {
    this.traffic.add(minutes)
  }

  served(rows: readonly ServedRow[], rollout: string): void {
    this.#metrics.served(rows, rollout)
  }

  told(values: readonly ToldValue[]): number {
    const found = this.#metrics.told(values)
    this.release()
    return found
  }

  learned(event: RolloutEvent, rollout: string): void {
    if (this.#contest.has(rollout)) return this.#contest.learned(rollout, event)
    if (this.#rollout.rolling && this.#rollout.state?.salt === rollout) this.#rollout.move(event)
  }

  labelled(labels: readonly KnownLabel[]): number {
    let found = 0
    for (const { id, label, at } of labels) {
      this.observer?.labelled(id, label, at)
      this.#journal?.label(id, label, at)
      const isTried = this.#contest.label(id, label)
      if (this.#pairs.label(id, label) || isTried) found++
    }
    this.release()
    return found
  }

  #epochOf(rollout: string | undefined): number {
    const { state } = this.#rollout
    return rollout === undefined || rollout === state?.salt ? this.#pairs.epoch : otherEpoch
  }

  /** Labels and values whose time has come count. */
  release(): void {
    const at = this.#now()
    const losses = this.#pairs.release(at)
    if (losses) this.#rollout.move({ type: 'labels', at, ...losses })
    this.#contest.release(at)
    const values = this.#metrics.release()
    if (values) this.#rollout.move(values)
  }

  /** From now on what is in memory is also kept in `folder`, with what `others` remember; takes up what is there. */
  async open(folder: string, others: readonly Keeper[], options: JournalOptions): Promise<void> {
    this.#folder = folder
    this.#onError = options.onError
    this.#pairs.spill(folder, options.onError)
    this.#contest.spill(join(folder, contestFolder), options.onError)
    this.#journal = await ServingJournal.open(
      folder,
      [this, this.#contest, this.#metrics, this.traffic, ...others],
      options,
    )
    this.#log = await EventLog.open(join(folder, eventsFolder), options.onError, options.leads)
    this.#rollout.keep(this.#log)
    await this.#contest.open(join(folder, contestFolder), options)
    // A rollout that began past the journal (by a command while no server ran) has another challenger than what it holds
    if (this.#rollout.state && !this.#taken) this.#pairs.begin()
    this.release()
  }

  /** Everything up to now is on disk; nothing more will be. */
  async close(): Promise<void> {
    await this.#journal?.close()
    await this.#rollout.queue.written()
    await this.#log?.close()
    await this.#contest.close()
    await this.#pairs.close()
  }

  /** Lets go without a word more: another leads, and has its own. */
  async abandon(): Promise<void> {
    this.#rollout.letGo()
    await this.#journal?.abandon()
    await this.#log?.close()
    await this.#contest.abandon()
    this.#folder = undefined
    this.#journal = undefined
    this.#log = undefined
    this.#kept = undefined
    this.#taken = false
    this.observer = undefined
  }

  capture(whole: boolean): Json | undefined {
    const { state } = this.#rollout
    if (!whole && state === this.#kept) return undefined
    this.#kept = state
    const kept: Kept = { rollout: state ?? null, pairs: this.#pairs.capture() }
    return kept as unknown as Json
  }

  /** The store has the rollout as of its last decision; the journal has the evidence since then, or that of an earlier one. */
  takeBack(state: Json): void {
    const { rollout, pairs } = state as unknown as Kept
    this.#pairs.takeBack(pairs)
    const own = this.#rollout.state
    this.#taken =
      rollout !== null &&
      own !== undefined &&
      rollout.phase !== 'done' &&
      rollout.phase !== 'rolled-back' &&
      rollout.config.challenger === own.config.challenger &&
      rollout.config.stable === own.config.stable &&
      rollout.sequence >= own.sequence &&
      rollout.since >= own.since
    if (this.#taken) this.#rollout.resume(rollout as RolloutState)
  }

  recall({ id, at, stable, canary, epoch }: KeptPrediction): void {
    this.#pairs.recall(id, at, stable, canary, epoch)
  }

  recallLabel(id: string, label: number): void {
    this.#pairs.label(id, label)
  }

  stored(): Promise<unknown> {
    return this.#rollout.queue.allStored()
  }
}
