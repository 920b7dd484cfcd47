import type { Decision } from '../../define/decision.ts'
import type { Monitor } from '../../define/monitor.ts'
import { digestJson, shortDigest } from '../../internal/digest.ts'
import { inSeconds, type Micros } from '../../internal/time.ts'
import type { Alert } from '../../ports/notifier.ts'
import {
  clockSetBack,
  decideRetrain,
  noRetrains,
  retrainEnded,
  type RetrainEvidence,
  type RetrainState,
  retrainStarted,
  type RetrainTrigger,
} from './monitor/retrain.ts'
import { deliver, type MonitorServices, recordAlert, recordRetrains } from './record.ts'

/** Windows in a row that start a retrain; the alert fires after as many. */
const driftWindows = 2

/** A retrain that was asked for: the decision, and why. */
export type RetrainRequest = { readonly decision: Decision; readonly cause: RetrainTrigger }

/** Why the retrain of a model gave nothing to serve. */
export interface RetrainFailure {
  readonly reason: string
  /** The decision that records it. */
  readonly evidence: string
}

/** Decides on the retrains of one model, remembers them, and tells people of one that failed. */
export class RetrainDesk {
  readonly #services: MonitorServices
  readonly #definition: Monitor
  #state: RetrainState = noRetrains

  constructor(services: MonitorServices, definition: Monitor) {
    this.#services = services
    this.#definition = definition
  }

  get state(): RetrainState {
    return this.#state
  }

  get #model(): string {
    return this.#definition.deployment.model.name
  }

  async restore(): Promise<void> {
    const stored = await this.#services.store.getDocument<never>('retrain', this.#model)
    if (stored) this.#state = stored.value as RetrainState
  }

  /** What would be decided now; changes nothing. */
  preview(seen: RetrainEvidence, now: Micros): Decision {
    const { retrain } = this.#definition
    const limits = retrain ? { cooldown: inSeconds(retrain.cooldown), maxPerWeek: retrain.maxPerWeek } : {}
    const policy = { model: this.#model, on: retrain?.on ?? [], driftWindows, ...limits }
    return decideRetrain(policy, clockSetBack(this.#state, now), seen, now)
  }

  decide(seen: RetrainEvidence, now: Micros): RetrainRequest {
    const decision = this.preview(seen, now)
    this.#state = clockSetBack(this.#state, now)
    if (decision.verdict === 'fired') this.#state = retrainStarted(this.#state, decision.id, now, seen.trigger)
    return { decision, cause: seen.trigger }
  }

  /** The training is done, and what it gave waits: for another rollout to end. */
  waits(reason: string): void {
    this.#state = { ...this.#state, waits: reason }
  }

  /** The retrain has ended, however it ended: an alert fires, or that of an earlier one is resolved. */
  async ended(failed: RetrainFailure | undefined): Promise<void> {
    this.#state = retrainEnded(this.#state)
    const state = this.#state
    await this.#tell(failed)
    await recordRetrains(this.#services, this.#model, state)
  }

  async #tell(failed: RetrainFailure | undefined): Promise<void> {
    const { store, clock } = this.#services
    const labels = { monitor: this.#definition.name, model: this.#model }
    const fingerprint = shortDigest(digestJson({ alert: 'retrain-failed', ...labels }))
    const before = (await store.getDocument('alert', fingerprint))?.value as Alert | undefined
    const firing = before?.state === 'firing'
    if (!failed && !firing) return
    const now = clock.now()
    const alert: Alert = {
      fingerprint,
      name: 'retrain-failed',
      severity: 'ticket',
      state: failed ? 'firing' : 'resolved',
      summary: failed?.reason ?? `a later retrain of ${this.#model} gave a challenger`,
      labels,
      startsAt: firing ? before.startsAt : now,
      ...(failed ? { evidence: failed.evidence } : { endsAt: now }),
    }
    await recordAlert(this.#services, alert)
    await deliver(this.#services, alert)
  }
}
