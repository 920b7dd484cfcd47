import type { Decision } from '../../define/decision.ts'
import type { Monitor } from '../../define/monitor.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { ulid } from '../../internal/ids.ts'
import type { Duration, Micros } from '../../internal/time.ts'
import type { Clock } from '../../ports/clock.ts'
import type { MetadataStore, WindowRecord } from '../../ports/metadata-store.ts'
import type { Alert, Notifier } from '../../ports/notifier.ts'
import { evaluateWindow, type Evaluation } from './evaluate.ts'
import { advanceMonitor, startMonitor, type MonitorState } from './monitor/advance.ts'
import { belowFloor, RealisedPerformance, type Cohort } from './monitor/performance.ts'
import { decideRetrain, noRetrains, retrainEnded, retrainStarted, type RetrainState } from './monitor/retrain.ts'
import type { Profile } from './profile.ts'
import { createWindow, type WindowAccumulator } from './window.ts'

/** Rows as serving encodes them. */
interface Rows {
  readonly features: Float32Array
  readonly categories?: readonly string[]
  readonly rows: number
}

export interface MonitorServices {
  readonly store: MetadataStore
  readonly clock: Clock
  readonly notifiers: readonly Notifier[]
}

/** A retrain that the monitor asks for: the decision that fired it, and why. */
export type RetrainRequest = { readonly decision: Decision; readonly cause: 'drift' | 'performance' }

/** Windows in a row that start a retrain; the alert fires after as many. */
const driftWindows = 2

const seconds = (length: Micros): Duration => `${length / 1e6}s`

/**
 * Watches one deployment as it answers: counts each row into the window of its own time, compares a finished window with
 * the baseline of the stable version (the window in which a version became stable is only counted), joins labels, raises and resolves alerts, and asks for retrains.
 */
export class LiveMonitor {
  readonly definition: Monitor
  readonly #services: MonitorServices
  #profile: Profile | undefined
  #window: WindowAccumulator | undefined
  #from: Micros = Number.NaN
  /** The window began before its first row could be counted: its mixture of hours and weekdays is not a whole window's. */
  #partial = true
  #state: MonitorState
  #retrains: RetrainState = noRetrains
  readonly #performance: RealisedPerformance
  #judged: Micros = 0
  #newLabels = 0
  #queue: Promise<unknown> = Promise.resolve()
  #failure: unknown
  #latest: Evaluation | undefined
  /** Called when a retrain was decided. The run must end with `retrained`. */
  onRetrain: ((request: RetrainRequest) => void) | undefined

  constructor(services: MonitorServices, definition: Monitor) {
    this.#services = services
    this.definition = definition
    this.#state = startMonitor(definition.name)
    this.#performance = new RealisedPerformance({
      task: definition.deployment.model.task,
      cohort: seconds(definition.window),
      horizon: seconds(definition.labelHorizon),
    })
  }

  /** Takes up the alert and retrain states of an earlier process. */
  async restore(): Promise<void> {
    const state = await this.#services.store.getDocument<never>('monitor', this.definition.name)
    if (state) this.#state = state.value as MonitorState
    const retrains = await this.#services.store.getDocument<never>('retrain', this.definition.deployment.model.name)
    if (retrains) this.#retrains = { ...(retrains.value as RetrainState), active: null }
  }

  /** A new stable version has a new baseline; the window begins anew, and the labels for its successor. */
  watch(profile: Profile): void {
    this.#profile = profile
    this.#window = undefined
    this.#partial = true
    this.#newLabels = 0
  }

  get latest(): Evaluation | undefined {
    return this.#latest
  }

  predicted(id: string, at: Micros, rows: Rows, index: number, score: number): void {
    if (!this.#profile) return
    const from = Math.floor(at / this.definition.window) * this.definition.window
    if (this.#window && from > this.#from) {
      if (!this.#partial) this.#close(this.#window, this.#from)
      this.#partial = false
      this.#window = undefined
    }
    if (!this.#window) {
      this.#window = createWindow(this.#profile)
      this.#from = from
    }
    // A row later than its window counts into the open one: nothing that was served goes unseen
    const width = rows.features.length / rows.rows
    const texts = rows.categories ? rows.categories.length / rows.rows : 0
    this.#window.add(rows.features, index * width, rows.categories, score, index * texts)
    this.#performance.predicted(id, at, score)
  }

  labelled(id: string, label: number, at: Micros): void {
    if (this.#performance.labelled(id, label, at)) this.#newLabels++
  }

  /** Ends the open window when its time is over although no later row came. */
  finish(): void {
    if (this.#window && !this.#partial && this.#services.clock.now() >= this.#from + this.definition.window)
      this.#close(this.#window, this.#from)
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

  #close(window: WindowAccumulator, from: Micros): void {
    const profile = this.#profile as Profile
    const to = from + this.definition.window
    const now = this.#services.clock.now()
    const evaluation = evaluateWindow(profile, window, {
      sensitivity: this.definition.sensitivity,
      falseAlarms: seconds(this.definition.falseAlarmEvery),
      testsPerDay: 86_400_000_000 / this.definition.window,
      subject: this.definition.deployment.name,
      at: now,
      from,
      to,
    })
    this.#latest = evaluation
    const advanced = advanceMonitor(this.#state, evaluation, now)
    this.#state = advanced.state
    const decisions: Decision[] = [...advanced.decisions]
    const bad = advanced.state.series.window?.bad ?? 0
    if (evaluation.verdict === 'drift' && this.definition.retrain)
      decisions.push(...this.#consider('drift', evaluation.reason, bad, [evaluation.report.id], now))
    const cohorts = this.#performance.cohorts(now).filter(cohort => cohort.published && cohort.from > this.#judged)
    for (const cohort of cohorts) {
      this.#judged = cohort.from
      decisions.push(...this.#judge(cohort, profile, now))
    }
    this.#performance.drop(now - 4 * this.definition.window - this.definition.labelHorizon)
    this.#later(() => this.#store(evaluation, from, to, cohorts, advanced.alerts, decisions))
  }

  #judge(cohort: Cohort, profile: Profile, now: Micros): Decision[] {
    if (!profile.performance || !this.definition.retrain) return []
    const verdict = belowFloor(profile.performance, cohort)
    return verdict.below ? this.#consider('performance', verdict.reason, 1, [], now) : []
  }

  #consider(
    trigger: 'drift' | 'performance',
    reason: string,
    windows: number,
    evidence: readonly string[],
    now: Micros,
  ): Decision[] {
    const policy = this.definition.retrain as NonNullable<Monitor['retrain']>
    const decision = decideRetrain(
      {
        model: this.definition.deployment.model.name,
        on: policy.on,
        cooldown: seconds(policy.cooldown),
        maxPerWeek: policy.maxPerWeek,
        driftWindows,
      },
      this.#retrains,
      { trigger, reason, windows, newLabels: this.#newLabels, evidence },
      now,
    )
    if (decision.verdict === 'fired') {
      this.#retrains = retrainStarted(this.#retrains, decision.id, now)
      this.onRetrain?.({ decision, cause: trigger })
    }
    return [decision]
  }

  /** The retrain that was asked for has ended, however it ended. */
  retrained(): void {
    this.#retrains = retrainEnded(this.#retrains)
  }

  #later(work: () => Promise<unknown>): void {
    this.#queue = this.#queue.then(work).catch((error: unknown) => {
      this.#failure = error
    })
  }

  async #store(
    evaluation: Evaluation,
    from: Micros,
    to: Micros,
    cohorts: readonly Cohort[],
    alerts: readonly Alert[],
    decisions: readonly Decision[],
  ): Promise<void> {
    const { store, clock, notifiers } = this.#services
    const monitor = this.definition.name
    await store.addReport(evaluation.report)
    const windows: WindowRecord[] = evaluation.columns.map(column => ({
      monitor,
      series: column.output ? 'score' : `column:${column.name}`,
      from,
      to,
      body: { ...column, missing: { ...column.missing } } as unknown as Record<string, Json>,
    }))
    windows.push({
      monitor,
      series: 'window',
      from,
      to,
      body: { verdict: evaluation.verdict, reason: evaluation.reason, report: evaluation.report.id },
    })
    for (const cohort of cohorts)
      windows.push({
        monitor,
        series: 'performance',
        from: cohort.from,
        to: cohort.to,
        body: cohort as unknown as Record<string, Json>,
      })
    await store.addWindows(windows)
    for (const decision of decisions) await store.addDecision(decision)
    for (const alert of alerts)
      await store.putDocument('alert', alert.fingerprint, alert as unknown as Json, clock.now())
    await store.putDocument('monitor', monitor, this.#state as unknown as Json, clock.now())
    await store.putDocument(
      'retrain',
      this.definition.deployment.model.name,
      this.#retrains as unknown as Json,
      clock.now(),
    )
    for (const alert of alerts) for (const notifier of notifiers) await deliver(notifier, alert, store, clock.now())
  }
}

/** A notifier that fails leaves a record and nothing else: the alert itself is stored. */
async function deliver(notifier: Notifier, alert: Alert, store: MetadataStore, now: Micros): Promise<void> {
  try {
    await notifier.send(alert)
  } catch (error) {
    await store.putDocument(
      'alert-undelivered',
      ulid(),
      {
        notifier: notifier.name,
        fingerprint: alert.fingerprint,
        reason: error instanceof Error ? error.message : String(error),
      },
      now,
    )
  }
}
