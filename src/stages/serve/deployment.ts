import { join } from 'node:path'
import type { Deployment } from '../../define/deployment.ts'
import { fail } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Micros } from '../../internal/time.ts'
import type { Task } from '../../math/task.ts'
import { type CommandEvent, startRollout, type RolloutState } from '../deploy/rollout/index.ts'
import type { StageServices } from '../services.ts'
import { versionCalled, versionName } from '../register/version-parts.ts'
import { type Arm, loadArm } from './arm.ts'
import { requestColumns } from './encode.ts'
import { Explanations } from './explanations.ts'
import { type JournalOptions, type Keeper, type KeptPrediction, ServingJournal } from './journal.ts'
import { LabelPairs, withWaiting } from './label-pairs.ts'
import { LiveRollout } from './live-rollout.ts'
import type { OnlineViews } from './online-views.ts'
import { type Observer, Predictor } from './predictor.ts'
import { RolloutLog } from './rollout-log.ts'
import { rolloutConfigOf } from './rollout-config.ts'
import { ScalerGuard } from './scaler-guard.ts'
import { retire, type ServedVersion } from './served-version.ts'
import { recordStable, recordWithdrawn, type StableDocument } from './stable-record.ts'
import { Trial } from './trial.ts'
import type { DeploymentStatus, Explained, Label, Prediction, PredictRequest, ServedDeployment } from './types.ts'

export type { Observer } from './predictor.ts'

/** What the journal keeps of a deployment. */
interface Kept {
  readonly rollout: RolloutState | null
  readonly pairs: ReturnType<LabelPairs['capture']>
}

/**
 * One served name: routes rows between stable and challenger, scores both while a rollout runs, and moves the rollout on
 * with every event. The state survives in the metadata store; decisions are stored before they take effect elsewhere.
 */
export class LiveDeployment implements ServedDeployment, Keeper {
  readonly keeps = 'rollout'
  readonly definition: Deployment
  readonly #services: StageServices
  readonly #views: OnlineViews
  readonly #predictor: Predictor
  readonly #rollout: LiveRollout
  #pairs: LabelPairs
  #stable: Arm | undefined
  /** Why what should be stable is not: nothing answers, and the other deployments do. */
  #down: { readonly version: string; readonly error: unknown } | undefined
  #stableSince: Micros = 0
  /** The rollout as the journal has it. */
  #kept: RolloutState | undefined
  /** The rollout is the journal's. */
  #taken = false
  #journal: ServingJournal | undefined
  #log: RolloutLog | undefined
  #closing: Promise<void> | undefined
  readonly #scaler: ScalerGuard
  readonly #explanations: Explanations
  /** Set by whoever watches. */
  observer: Observer | undefined
  /** Called after a new version became stable. */
  onStable: ((version: ServedVersion) => void) | undefined
  readonly labelHorizon: Micros

  constructor(services: StageServices, definition: Deployment, views: OnlineViews, labelHorizon: Micros) {
    this.#services = services
    this.definition = definition
    this.#scaler = new ScalerGuard(services, definition.name)
    this.#explanations = new Explanations(services, definition.name)
    this.#views = views
    this.#pairs = new LabelPairs(definition.model.task, labelHorizon, definition.model.quantile)
    this.labelHorizon = labelHorizon
    this.#rollout = new LiveRollout(services, definition.name, {
      told: decision => withWaiting(decision, this.#pairs.waiting, labelHorizon),
      ended: (state, { arm }) => this.#ended(state, arm),
    })
    this.#predictor = new Predictor(definition, services.clock, () => ({
      rollout: this.#rollout,
      pairs: this.#pairs,
      journal: this.#journal,
      observer: this.observer,
    }))
  }

  get name(): string {
    return this.definition.name
  }
  get task(): Task {
    return (this.#stable?.model ?? this.definition.model).task
  }
  /** What the stable version demands, and what only a challenger reads: who does not send that yet is answered all the same. */
  get columns(): ServedDeployment['columns'] {
    const demanded = this.#stable?.encoder.columns ?? requestColumns(this.definition.model)
    const known = new Set(demanded.map(column => column.name))
    const further = this.#rollout.trial?.arm.encoder.columns.filter(column => !known.has(column.name)) ?? []
    return [...demanded, ...further.map(column => ({ ...column, nullable: true }))]
  }
  get stable(): ServedVersion | undefined {
    return this.#stable
  }
  get rollout(): RolloutState | undefined {
    return this.#rollout.state
  }

  /** A challenger is being tried. */
  get rolling(): boolean {
    return this.#rollout.rolling
  }

  /** Takes up where the store says that it was: the stable version, and a rollout that was running. */
  async restore(): Promise<void> {
    const { store } = this.#services
    const stable = await store.getDocument<never>('deployment', this.name)
    if (!stable) return
    const { model, version, since } = stable.value as StableDocument
    try {
      this.#stable = await this.#load(model, version)
    } catch (error) {
      this.#down = { version: versionName({ model, version }), error }
      return
    }
    this.#stableSince = since
    this.#pairs = this.#noPairs()
    const rollout = (await store.getDocument<never>('rollout', this.name))?.value as RolloutState | undefined
    if (!rollout || rollout.phase === 'done' || rollout.phase === 'rolled-back') return
    const challenger = versionCalled(rollout.config.challenger)
    try {
      const arm = await this.#load(challenger.model, challenger.version, this.#services.challengers)
      this.#rollout.take(rollout, this.#trialOf(arm, rollout))
    } catch (error) {
      // What cannot be loaded cannot be tried; who answers is not its concern
      this.#predictor.trouble = messageOf(error)
      await this.#rollout.giveUp(rollout, messageOf(error))
    }
  }

  /** Why nothing answers although a version was deployed. */
  get down(): { readonly version: string; readonly error: unknown } | undefined {
    return this.#down
  }

  /** From now on what is in memory is also kept in `folder`, with what `others` remember; takes up what is there. */
  async remember(folder: string, others: readonly Keeper[], options: JournalOptions): Promise<void> {
    this.#journal = await ServingJournal.open(folder, [this, ...others], options)
    this.#log = await RolloutLog.open(join(folder, 'events'), options.onError)
    this.#rollout.keep(this.#log)
    // A rollout that began past the journal (by a command while no server ran) has another challenger than what it holds
    if (this.#rollout.state && !this.#taken) this.#pairs.begin()
    this.#release(this.#services.clock.now())
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
    return this.#rollout.written()
  }

  #load(model: string, version: number, runtime?: StageServices['runtime']): Promise<Arm> {
    return loadArm(this.#services, this.#views, { model, version }, one => this.#scaler.admit(one), runtime)
  }

  #trialOf(arm: Arm, { config }: RolloutState): Trial {
    arm.loaded.limit?.(config.maxMemory)
    return new Trial(arm, config.timeout, this.#services.clock)
  }

  /** Makes a version stable at once: the first one of a deployment, or by an operator's word. */
  async deploy(version: number, actor: string): Promise<void> {
    const loaded = await this.#load(this.definition.model.name, version)
    await this.#becomeStable(loaded, actor, `${actor} deployed ${versionName(loaded.record)}`)
    this.#down = undefined
    this.#pairs = this.#noPairs()
  }

  async #becomeStable(version: Arm, actor: string, reason: string): Promise<void> {
    const before = this.#stable
    this.#stableSince = await recordStable(this.#services, version.record, {
      deployment: this.definition,
      before: before?.record,
      actor,
      reason,
    })
    this.#stable = version
    this.onStable?.(version)
    if (before && before !== version) retire(before)
  }

  async rollOut(version: number, actor: string): Promise<DeploymentStatus> {
    if (!this.#stable) {
      await this.deploy(version, actor)
      return this.status()
    }
    const refuse = (): never => {
      throw fail('rolloutRunning', { deployment: this.name, challenger: this.rollout?.config.challenger ?? '' })
    }
    if (this.rolling) refuse()
    const canary = await this.#load(this.definition.model.name, version, this.#services.challengers)
    const { record, model: served } = this.#stable
    if (canary.model.task !== served.task) {
      retire(canary)
      throw fail('taskChanged', {
        deployment: this.name,
        version: versionName(canary.record),
        task: canary.model.task,
        stable: versionName(record),
        served: served.task,
      })
    }
    // Somebody else's may have begun while this one was read
    if (this.rolling) {
      retire(canary)
      refuse()
    }
    this.#predictor.trouble = undefined
    const config = rolloutConfigOf(this.definition, this.#stable, canary)
    const state = startRollout(config, this.#services.clock.now(), version)
    this.#pairs.begin()
    this.#rollout.take(state, this.#trialOf(canary, state))
    await this.#rollout.persist()
    return this.status()
  }

  async predict(requests: readonly PredictRequest[]): Promise<readonly Prediction[]> {
    const { clock } = this.#services
    const started = clock.elapsed()
    const now = clock.now()
    for (;;) {
      const stable = this.#stable
      if (!stable) throw this.#nothing()
      stable.encoder.check(requests)
      const rows = await stable.encoder.encode(requests, now)
      // A version that took its place while features were read reads its own
      if (this.#stable === stable) return this.#predictor.predict(stable, requests, { rows, now, started })
    }
  }

  async explain(requests: readonly PredictRequest[]): Promise<Explained> {
    if (!this.#stable) throw this.#nothing()
    return this.#explanations.of(this.#stable, requests)
  }

  armOf(request: PredictRequest & { readonly id: string }): 'stable' | 'canary' {
    return this.#predictor.armOf(request)
  }

  #nothing(): Error {
    if (!this.#down) return fail('nothingDeployed', { deployment: this.name })
    const { version, error } = this.#down
    return fail('deploymentDown', { deployment: this.name, version, reason: messageOf(error) }, error)
  }

  #noPairs(): LabelPairs {
    const { quantile } = (this.#stable ?? this.definition).model
    return new LabelPairs(this.task, this.labelHorizon, quantile)
  }

  /** The classes of the stable version, which labels name; none where the task has no such. */
  get classes(): readonly string[] {
    return this.#stable?.card.classes ?? []
  }

  async feedback(labels: readonly Label[]): Promise<number> {
    const now = this.#services.clock.now()
    labels.forEach(({ label }, row) => {
      if (Number.isFinite(Math.fround(label))) return
      throw fail('requestInvalid', { row, column: 'label', reason: 'a score is never as large: beyond ±3.4e38' })
    })
    let found = 0
    for (const { id, label, at } of labels) {
      this.observer?.labelled(id, label, at ?? now)
      this.#journal?.label(id, label, at ?? now)
      if (this.#pairs.label(id, label)) found++
    }
    this.#release(now)
    return found
  }

  #release(now: Micros): void {
    const losses = this.#pairs.release(now)
    if (losses) this.#rollout.move({ type: 'labels', at: now, ...losses })
  }

  /** Time passes: steps that wait too long are held, and the scaler's chain of digests is followed again. */
  tick(): void {
    const stable = this.#stable
    if (stable && this.#scaler.due()) this.#rollout.write(() => this.#scaler.follow(stable))
    const now = this.#services.clock.now()
    this.#release(now)
    this.#rollout.move({ type: 'tick', at: now })
  }

  /** A challenger that came through becomes stable, in this process from now on; another is let go. */
  #ended(state: RolloutState, arm: Arm): (() => Promise<unknown>) | undefined {
    if (state.phase !== 'done') {
      retire(arm)
      return undefined
    }
    return async () => {
      const { model, version } = arm.record
      const stable = arm.loaded.inChildProcess ? await this.#load(model, version) : arm
      await this.#becomeStable(stable, 'system', `${state.config.challenger} passed its rollout`)
      if (stable !== arm) retire(arm)
    }
  }

  /** Resolves when every challenger is heard and every decision so far is stored; throws what went wrong with storing one. */
  async settled(): Promise<void> {
    await this.#predictor.heard()
    await this.#rollout.stored()
  }

  async command(command: CommandEvent['command'], actor: string, reason?: string): Promise<DeploymentStatus> {
    if (!this.rolling) throw fail('noRollout', { deployment: this.name, command })
    this.#rollout.move({
      type: 'command',
      at: this.#services.clock.now(),
      command,
      actor,
      ...(reason === undefined ? {} : { reason }),
    })
    await this.#rollout.stored()
    return this.status()
  }

  /** Ends serving under this name: a running rollout with it. Throws `nothingDeployed`. */
  async withdraw(actor: string): Promise<void> {
    const stable = this.#stable
    if (!stable && !this.#down) throw this.#nothing()
    if (this.rolling) await this.command('abort', actor)
    await recordWithdrawn(this.#services, this.name, stable?.record, actor)
    this.#stable = undefined
    this.#rollout.forget()
    this.#down = undefined
    if (stable) retire(stable)
  }

  status(): DeploymentStatus {
    const rollout = this.rollout
    return {
      name: this.name,
      model: this.#stable?.record.model ?? this.definition.model.name,
      stable: this.#stable
        ? { version: this.#stable.record.version, digest: this.#stable.record.digest, since: this.#stableSince }
        : null,
      rollout: rollout ? (rollout as unknown as Record<string, Json>) : null,
      requests: { ...this.#predictor.counts },
      labels: { waiting: this.#pairs.waiting, horizon: this.labelHorizon },
      latencyMicros: this.#predictor.latency.quantiles(),
    }
  }

  health(): { readonly ready: boolean; readonly reasons: readonly string[] } {
    if (!this.#stable)
      return { ready: false, reasons: [this.#down ? this.#nothing().message : `nothing is deployed as ${this.name}`] }
    if (this.#scaler.broken !== undefined) return { ready: false, reasons: [this.#scaler.broken] }
    const trouble = this.#journal?.trouble
    const { failure } = this.#rollout
    const challenger = this.#predictor.trouble
    const reasons = [
      ...(failure === undefined ? [] : [`a decision could not be stored: ${String(failure)}`]),
      ...(trouble === undefined ? [] : [`what a restart needs cannot be written: ${trouble}`]),
      ...(challenger === undefined ? [] : [`a challenger failed to answer: ${challenger}`]),
    ]
    return { ready: true, reasons }
  }

  /** Twice is once: what another process has written meanwhile stays. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#rollout.trial?.end()
    await this.#predictor.heard()
    await this.#journal?.close()
    await this.#rollout.written()
    await this.#log?.close()
    await this.#rollout.persist()
    await this.#explanations.close()
    await this.#stable?.loaded.close()
    if (this.#rollout.trial) retire(this.#rollout.trial.arm)
  }
}
