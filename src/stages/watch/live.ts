import type { Decision } from '../../define/decision.ts'
import type { Model } from '../../define/model.ts'
import type { Monitor } from '../../define/monitor.ts'
import { headline, type Score } from '../../math/metrics/row-loss.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { inSeconds, type Micros } from '../../internal/time.ts'
import type { Keeper, KeptPrediction } from '../serve/journal.ts'
import { evaluateWindow, type Evaluation } from './evaluate.ts'
import type { WatchedScaler } from '../scaler/artifact.ts'
import { judgeScaler } from './scaler-judge.ts'
import { advanceMonitor, startMonitor, type MonitorState } from './monitor/advance.ts'
import { belowFloor, RealisedPerformance, type Cohort } from './monitor/performance.ts'
import type { RetrainEvidence, RetrainTrigger } from './monitor/retrain.ts'
import { OpenWindow, type WindowChange } from './open-window.ts'
import type { Profile } from '../windows/profile.ts'
import { type MonitorServices, recordRetrains, recordWindow } from './record.ts'
import { RetrainDesk, type RetrainFailure, type RetrainRequest } from './retrain-desk.ts'

export type { MonitorServices } from './record.ts'
export type { RetrainRequest } from './retrain-desk.ts'

/** Rows as serving encodes them. */
interface Rows {
  readonly features: Float32Array
  readonly categories?: readonly string[]
  readonly rows: number
}

/** What was seen that may start a retrain. */
interface RetrainCause {
  readonly trigger: RetrainTrigger
  /** One sentence. */
  readonly reason: string
  readonly windows?: number
  readonly evidence: readonly string[]
  /** Why the data that it would train on is refused. */
  readonly refused?: string
}

/** A window whose time is over ends when no row came for so long: rows of the past may be sent, one after another. */
const quietMs = 10_000

/** What the journal keeps of a monitor. */
interface Kept {
  readonly window: WindowChange | null
  readonly judged: Micros
  readonly newLabels: number
}

/**
 * Watches one deployment as it answers: counts each row into the window of its own time, compares a finished window with
 * the baseline of the stable version (the window in which a version became stable is only counted), joins labels, raises and resolves alerts, and asks for retrains.
 */
export class LiveMonitor implements Keeper {
  readonly definition: Monitor
  readonly #services: MonitorServices
  #profile: Profile | undefined
  #scaler: WatchedScaler | undefined
  #window: OpenWindow | undefined
  /** When it got its last row, by the clock that never goes back. */
  #rowAt = 0
  /** The window was taken back after a restart: a crash may have come between its records and the journal's word of it. */
  #recalled = false
  /** The next window begins before its first row can be counted. */
  #partial = true
  #state: MonitorState
  readonly #retrains: RetrainDesk
  readonly #performance: RealisedPerformance
  #judged: Micros = 0
  #newLabels = 0
  /** What of the state besides the window the journal has not got. */
  #changed = false
  #queue: Promise<unknown> = Promise.resolve()
  #failure: unknown
  #latest: Evaluation | undefined
  /** The version that challenges the stable one now, `lateness@2`; undefined where none does. */
  challenger: (() => string | undefined) | undefined
  /** Called when a retrain was decided and the decision is stored. The run must end with `retrained`. */
  onRetrain: ((request: RetrainRequest) => void) | undefined

  /** `watched`: as the version that is watched was declared, which may be otherwise than the project's model is now. */
  constructor(
    services: MonitorServices,
    definition: Monitor,
    { task, quantile }: Pick<Model, 'task' | 'quantile'> = definition.deployment.model,
  ) {
    this.#services = services
    this.definition = definition
    this.#state = startMonitor(definition.name)
    this.#retrains = new RetrainDesk(services, definition)
    this.#performance = new RealisedPerformance({
      task,
      ...(quantile === undefined ? {} : { level: quantile }),
      cohort: inSeconds(definition.window),
      horizon: inSeconds(definition.labelHorizon),
    })
  }

  /** Takes up the alert and retrain states of an earlier process; a retrain that it left is `retraining`. */
  async restore(): Promise<void> {
    const state = await this.#services.store.getDocument<never>('monitor', this.definition.name)
    // What an earlier version left in another form is not taken up
    if (state && 'drifting' in (state.value as object)) this.#state = state.value as MonitorState
    await this.#retrains.restore()
  }

  /** A new stable version has a new baseline (and scaler); the window begins anew, and the labels for its successor. */
  watch(profile: Profile, scaler?: WatchedScaler): void {
    this.#profile = profile
    this.#scaler = scaler
    this.#window = undefined
    this.#partial = true
    this.#newLabels = 0
    this.#changed = true
  }

  get latest(): Evaluation | undefined {
    return this.#latest
  }

  /** Id of the decision whose retrain has not ended. */
  get retraining(): string | null {
    return this.#retrains.state.active
  }

  /** When a schedule last started a retrain. */
  get scheduled(): Micros | undefined {
    return this.#retrains.state.scheduled
  }

  predicted(id: string, at: Micros, rows: Rows, index: number, score: Score): void {
    if (!this.#profile) return
    // A row of a time to come belongs to now: else one wrong time would hold the window open until then
    const { clock } = this.#services
    const from = this.#startOf(Math.min(at, clock.now()))
    this.#rowAt = clock.elapsed()
    if (this.#window && from > this.#window.from) {
      this.#close(this.#window)
      this.#partial = false
    }
    this.#window ??= new OpenWindow(this.#profile, from, this.#partial)
    // A row later than its window counts into the open one: nothing that was served goes unseen
    const width = rows.features.length / rows.rows
    const texts = rows.categories ? rows.categories.length / rows.rows : 0
    this.#window.rows.add(rows.features, index * width, rows.categories, headline(score), index * texts)
    if (this.#performance.predicted(id, at, score)) this.#newLabels++
  }

  #startOf(at: Micros): Micros {
    return Math.floor(at / this.definition.window) * this.definition.window
  }

  labelled(id: string, label: number, at: Micros): void {
    if (!this.#performance.labelled(id, label, at)) return
    this.#newLabels++
    this.#changed = true
  }

  /** Time passes: a window whose time is over ends although no later row came. */
  tick(): void {
    const window = this.#window
    if (!window) return
    const { clock } = this.#services
    const now = clock.now()
    if (now < window.from - this.definition.window) {
      window.moveTo(this.#startOf(now))
      this.#changed = true
    }
    if (now < window.from + this.definition.window || clock.elapsed() - this.#rowAt < quietMs) return
    this.#close(window)
    // The next one begins with its time, or in the midst of it when nothing was watched for longer than a window
    this.#partial = now >= window.from + 2 * this.definition.window
  }

  /** Ends watching for good: the open window is evaluated if its time is over. */
  finish(): void {
    const window = this.#window
    if (window && this.#services.clock.now() >= window.from + this.definition.window) this.#close(window)
    this.#window = undefined
    this.#partial = true
  }

  /** Resolves when everything so far is stored; throws what went wrong with storing. */
  async settled(): Promise<void> {
    await this.#queue
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure
  }

  /** A whole window is evaluated, and what follows from it is decided and stored. */
  #close(window: OpenWindow): void {
    const { from } = window
    this.#window = undefined
    this.#changed = true
    const done = this.#recalled && this.#state.closed === from
    this.#recalled = false
    if (window.partial || done) return
    const profile = this.#profile as Profile
    const to = from + this.definition.window
    const now = this.#services.clock.now()
    const evaluation = evaluateWindow(profile, window.rows, {
      sensitivity: this.definition.sensitivity,
      falseAlarms: inSeconds(this.definition.falseAlarmEvery),
      testsPerDay: 86_400_000_000 / this.definition.window,
      subject: this.definition.deployment.name,
      at: now,
      from,
      to,
    })
    const { name } = this.definition.deployment
    const scaler = judgeScaler(name, this.#scaler, profile, window.rows, evaluation, { at: now, from, to })
    const advanced = advanceMonitor(this.#state, evaluation, now, scaler?.observations)
    this.#state = { ...advanced.state, closed: from }
    const asked: RetrainCause[] = []
    const { judged } = advanced
    this.#latest = { ...evaluation, ...judged }
    if (judged.verdict === 'drift' && advanced.state.drifting > 0 && this.definition.retrain)
      asked.push({
        trigger: 'drift',
        reason: judged.reason,
        windows: advanced.state.drifting,
        evidence: [evaluation.report.id],
      })
    const cohorts = this.#performance.cohorts(now).filter(cohort => cohort.published && cohort.from > this.#judged)
    for (const cohort of cohorts) {
      this.#judged = cohort.from
      asked.push(...this.#judge(cohort, profile))
    }
    this.#performance.drop(now - 4 * this.definition.window - this.definition.labelHorizon)
    const retrains = asked.map(seen => this.#retrains.decide(this.#evidence(seen), now))
    const closed = {
      monitor: this.definition.name,
      model: this.definition.deployment.model.name,
      report: evaluation.report,
      judged,
      from,
      to,
      cohorts,
      decisions: [...advanced.decisions, ...retrains.map(one => one.decision)],
      alerts: advanced.alerts,
      updates: advanced.updates,
      state: this.#state,
      retrains: this.#retrains.state,
    }
    this.#later(async () => {
      if (scaler) await this.#services.store.addReport(scaler.report)
      await recordWindow(this.#services, closed)
      this.#begin(retrains)
    })
  }

  #judge(cohort: Cohort, profile: Profile): RetrainCause[] {
    if (!profile.performance || !this.definition.retrain) return []
    const verdict = belowFloor(profile.performance, cohort)
    return verdict.below ? [{ trigger: 'performance', reason: verdict.reason, windows: 1, evidence: [] }] : []
  }

  #evidence(seen: RetrainCause): RetrainEvidence {
    const tried = this.challenger?.()
    return { windows: 0, newLabels: this.#newLabels, ...seen, ...(tried === undefined ? {} : { tried }) }
  }

  /** What `ask` would decide now; changes nothing. */
  wouldDecide(seen: RetrainCause): Decision {
    return this.#retrains.preview(this.#evidence(seen), this.#services.clock.now())
  }

  #begin(requests: readonly RetrainRequest[]): void {
    for (const request of requests) if (request.decision.verdict === 'fired') this.onRetrain?.(request)
  }

  /** A trigger that comes from outside: a schedule, new data. Decided and recorded like the monitor's own. */
  async ask(seen: RetrainCause): Promise<Decision> {
    const request = this.#retrains.decide(this.#evidence(seen), this.#services.clock.now())
    const { state } = this.#retrains
    this.#later(async () => {
      await this.#services.store.addDecision(request.decision)
      await recordRetrains(this.#services, this.definition.deployment.model.name, state)
      this.#begin([request])
    })
    await this.settled()
    return request.decision
  }

  /** The retrain that was asked for has trained; its version waits, and so do further retrains. */
  retrainWaits(reason: string): void {
    this.#retrains.waits(reason)
  }

  /** The retrain that was asked for has ended, however it ended. */
  retrained(failed?: RetrainFailure): void {
    this.#later(() => this.#retrains.ended(failed))
  }

  #later(work: () => Promise<unknown>): void {
    this.#queue = this.#queue.then(work).catch((error: unknown) => {
      this.#failure = error
    })
  }

  get keeps(): string {
    return `monitor:${this.definition.name}`
  }

  capture(whole: boolean): Json | undefined {
    if (!whole && !this.#changed && !this.#window?.changed) return undefined
    this.#changed = false
    const kept: Kept = {
      window: this.#window?.capture(whole) ?? null,
      judged: this.#judged,
      newLabels: this.#newLabels,
    }
    return kept as unknown as Json
  }

  takeBack(state: Json): void {
    const { window, judged, newLabels } = state as unknown as Kept
    this.#judged = judged
    this.#newLabels = newLabels
    if (window === null) this.#window = undefined
    else if (window.fresh) {
      this.#window = this.#profile && new OpenWindow(this.#profile, window.from, window.partial)
      // Another version became stable meanwhile: its window begins anew
      if (this.#window?.rows.digest !== window.profile) this.#window = undefined
    }
    if (window) this.#window?.add(window)
    if (window && this.#window) Object.assign(this.#window, { from: window.from, partial: window.partial })
    this.#recalled = true
    this.#rowAt = this.#services.clock.elapsed()
  }

  recall({ id, at, stable }: KeptPrediction): void {
    this.#performance.predicted(id, at, stable)
  }

  recallLabel(id: string, label: number, at: Micros): void {
    this.#performance.labelled(id, label, at)
  }

  stored(): Promise<unknown> {
    return this.#queue
  }
}
