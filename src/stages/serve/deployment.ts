import type { Deployment } from '../../define/deployment.ts'
import { catalogue, fail, isMillraceError } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Micros } from '../../internal/time.ts'
import type { Task } from '../../math/task.ts'
import { type CommandEvent, startRollout, type RolloutState } from '../deploy/rollout/index.ts'
import { limitOf, logE, segmentStandings } from '../deploy/rollout/guardrail-verdict.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import type { StageServices } from '../services.ts'
import { versionCalled, versionName } from '../register/version-parts.ts'
import { type Arm, loadArm } from './arm.ts'
import { requestColumns } from './encode.ts'
import type { JournalOptions, Keeper } from './journal.ts'
import { Explanations } from './explanations.ts'
import { LabelPairs, withWaiting } from './label-pairs.ts'
import { type Ending, LiveRollout } from './live-rollout.ts'
import { type Observer, ServingMemory } from './memory.ts'
import type { OnlineViews } from './online-views.ts'
import { Predictor } from './predictor.ts'
import type { Recorder, ToldValue } from './recorder.ts'
import { RolloutQueries } from './rollout-queries.ts'
import { rolloutConfigOf } from './rollout-config.ts'
import { ScalerGuard } from './scaler-guard.ts'
import { retire, type ServedVersion } from './served-version.ts'
import { recordStable, recordWithdrawn, type StableDocument } from './stable-record.ts'
import type { Nearness, TrafficHistory } from './traffic.ts'
import { Trial } from './trial.ts'
import type { DeploymentStatus, Explained, Label, Prediction, PredictRequest, ServedDeployment } from './types.ts'

export type { Observer } from './memory.ts'

/** How one who leads remembers. */
export interface Lead extends JournalOptions {
  /** Where it writes; it takes nothing any more once another leads. By default the store of the services. */
  readonly store?: MetadataStore
}

/** How near each guardrail is to taking the challenger back; 1 does. */
const nearnessOf = (state: RolloutState): Nearness =>
  Object.fromEntries([
    ...state.config.guardrails.map(kind => [kind, Math.max(0, logE(state, kind)) / limitOf(state.config, kind)]),
    ...segmentStandings(state)
      .slice(0, 1)
      .map(one => ['nearest segment', Math.max(0, one.logE) / one.limit]),
  ])

type Columns = ServedDeployment['columns']
const none: Columns = []

const isOver = ({ phase }: RolloutState): boolean => phase === 'done' || phase === 'rolled-back'

/**
 * One served name: routes rows between stable and challenger, scores both while a rollout runs, and moves the rollout on
 * with every event. The state survives in the metadata store; decisions are stored before they take effect elsewhere. Where
 * another instance leads, this one answers by what the store says, and writes down what it learns.
 */
export class LiveDeployment implements ServedDeployment {
  readonly definition: Deployment
  readonly #services: StageServices
  readonly #views: OnlineViews
  readonly #predictor: Predictor
  readonly #rollout: LiveRollout
  readonly #memory: ServingMemory
  /** Hears of what is answered: the memory, or who writes it down for the instance that leads. */
  #recorder: Recorder
  /** The store of one who leads; undefined while another does. */
  #authority: MetadataStore | undefined
  #stable: Arm | undefined
  /** Why what should be stable is not: nothing answers, and the other deployments do. */
  #down: { readonly version: string; readonly error: unknown } | undefined
  #stableSince: Micros = 0
  #closing: Promise<void> | undefined
  /** Made once for as long as the versions are the same: each request asks. */
  #columns: { readonly demanded: Columns; readonly tried: Columns; readonly all: Columns } | undefined
  readonly #scaler: ScalerGuard
  readonly #explanations: Explanations
  readonly #queries: RolloutQueries
  /** A rollout whose challenger cannot be loaded here: it is not tried again every time. */
  #untried: { readonly rollout: RolloutState; readonly reason: string } | undefined
  /** Whether another deployment has a rollout now; set by whoever knows them all. */
  isRolling: ((deployment: string) => boolean) | undefined
  /** Called after a new version became stable. */
  onStable: ((version: ServedVersion) => void) | undefined
  readonly labelHorizon: Micros

  constructor(services: StageServices, definition: Deployment, views: OnlineViews, labelHorizon: Micros) {
    this.#services = services
    this.definition = definition
    this.#scaler = new ScalerGuard(services, definition.name)
    this.#explanations = new Explanations(services, definition.name)
    this.#views = views
    this.labelHorizon = labelHorizon
    this.#authority = services.store
    this.#rollout = new LiveRollout(services.clock, definition.name, {
      authority: () => this.#store(),
      rolling: names => names.filter(name => this.isRolling?.(name)),
      told: decision => withWaiting(decision, this.#memory.waiting, labelHorizon),
      ended: (state, { arm }) => this.#ended(state, arm),
    })
    this.#queries = new RolloutQueries(services, (event, of) => {
      // What was asked of another rollout, or while this instance led, says nothing now
      if (this.leads && this.rolling && this.rollout?.salt === of.salt) this.#rollout.move(event)
    })
    const horizon = (): Micros => definition.canary.metricHorizon ?? labelHorizon
    this.#memory = new ServingMemory(this.#rollout, this.#noPairs(), () => services.clock.now(), horizon)
    this.#recorder = this.#memory
    this.#predictor = new Predictor(definition, services.clock, () => ({
      rollout: this.#rollout,
      recorder: this.#recorder,
    }))
  }

  /** Set by whoever watches. */
  get observer(): Observer | undefined {
    return this.#memory.observer
  }
  set observer(observer: Observer | undefined) {
    this.#memory.observer = observer
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
    const tried = this.#rollout.trial?.arm.encoder.columns ?? none
    if (this.#columns?.demanded === demanded && this.#columns.tried === tried) return this.#columns.all
    const known = new Set(demanded.map(column => column.name))
    const further = tried.filter(column => !known.has(column.name)).map(column => ({ ...column, nullable: true }))
    const all = further.length === 0 ? demanded : [...demanded, ...further]
    this.#columns = { demanded, tried, all }
    return all
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

  /**
   * Takes up where the store says that it is: the stable version, and a rollout that is running. Called again, it follows what
   * changed there meanwhile.
   */
  async restore(): Promise<void> {
    await this.#restoreStable()
    await this.#restoreRollout()
  }

  async #restoreStable(): Promise<void> {
    const said = (await this.#services.store.getDocument<never>('deployment', this.name))?.value as
      | StableDocument
      | undefined
    const before = this.#stable
    const down = this.#down
    if (!said) {
      this.#stable = undefined
      this.#down = undefined
      if (before) retire(before)
      return
    }
    const { model, version, since } = said
    const called = versionName({ model, version })
    if (before && versionName(before.record) === called) {
      this.#stableSince = since
      return
    }
    // What could not be loaded is not tried again until another is named
    if (down?.version === called) return
    try {
      this.#takeStable(await this.#load(model, version), since)
      this.#memory.renew(this.#noPairs())
    } catch (error) {
      this.#down = { version: called, error }
      this.#stable = undefined
      if (before) retire(before)
    }
  }

  async #restoreRollout(): Promise<void> {
    const { store } = this.#services
    const said = (await store.getDocument<never>('rollout', this.name))?.value as RolloutState | undefined
    if (this.rolling && said?.salt === this.rollout?.salt && said && !isOver(said)) {
      this.#rollout.resume(said)
      return
    }
    const { trial } = this.#rollout
    if (trial) {
      trial.end()
      this.#rollout.forget()
      retire(trial.arm)
    }
    if (!said || isOver(said) || said.salt !== this.#untried?.rollout.salt) this.#untried = undefined
    if (!said || !this.#stable) return
    if (isOver(said)) {
      this.#rollout.resume(said)
      return
    }
    if (this.#untried) return
    const challenger = versionCalled(said.config.challenger)
    try {
      const arm = await this.#load(challenger.model, challenger.version, this.#services.challengers)
      this.#rollout.take(said, this.#trialOf(arm, said))
    } catch (error) {
      // What cannot be loaded cannot be tried; who answers is not its concern
      this.#predictor.trouble = messageOf(error)
      this.#untried = { rollout: said, reason: messageOf(error) }
      if (this.leads) await this.#giveUp()
    }
  }

  /** Only one who leads may end what it cannot try. */
  async #giveUp(): Promise<void> {
    const untried = this.#untried
    this.#untried = undefined
    if (untried) await this.#rollout.giveUp(untried.rollout, untried.reason)
  }

  /** Why nothing answers although a version was deployed. */
  get down(): { readonly version: string; readonly error: unknown } | undefined {
    return this.#down
  }

  /** What is answered here is remembered and decided by here. */
  get leads(): boolean {
    return this.#recorder === this.#memory
  }

  /** What hears of the answers of other instances, where this one leads. */
  get memory(): Recorder {
    return this.#memory
  }

  /**
   * From now on this instance leads: what is answered is remembered here and kept in `folder`, with what `others` remember.
   * Takes up what is there.
   */
  async remember(folder: string, others: readonly Keeper[], { store, ...options }: Lead): Promise<void> {
    this.#authority = store ?? this.#services.store
    await this.#giveUp()
    await this.#memory.open(folder, others, options)
    this.#recorder = this.#memory
  }

  /** How far other instances were heard is kept with what was learned of them. */
  keepHeard(heard: () => Json): void {
    this.#rollout.heard = heard
  }

  /** How far other instances were heard when the rollout was stored last. */
  get heard(): Json | undefined {
    return (this.rollout as { readonly heard?: Json } | undefined)?.heard
  }

  /** Another instance leads: what is answered here is written down for it. */
  async follow(recorder: Recorder): Promise<void> {
    this.#recorder = recorder
    this.#authority = undefined
    this.onStable = undefined
    await this.#memory.abandon()
    this.#memory.renew(this.#noPairs())
  }

  #store(): MetadataStore {
    if (!this.#authority) throw fail('noLeader', { what: this.name, reason: 'this one follows another' })
    return this.#authority
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
    const authority = this.#store()
    const loaded = await this.#load(this.definition.model.name, version)
    const ending = this.#stableBy(loaded, actor, `${actor} deployed ${versionName(loaded.record)}`)
    await authority.transaction(ending.record)
    ending.effect()
    this.#memory.renew(this.#noPairs())
  }

  #takeStable(version: Arm, since: Micros): void {
    const before = this.#stable
    this.#stable = version
    this.#stableSince = since
    this.#down = undefined
    this.#memory.version = versionName(version.record)
    this.onStable?.(version)
    if (before && before !== version) retire(before)
  }

  /** A version becomes stable: what is recorded, and what happens then. */
  #stableBy(version: Arm, actor: string, reason: string): Ending {
    const at = this.#services.clock.now()
    const promotion = { deployment: this.definition, before: this.#stable?.record, actor, reason }
    return {
      record: store => recordStable(store, version.record, promotion, at),
      effect: () => this.#takeStable(version, at),
    }
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
    this.#store()
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
    this.#memory.begin()
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
    return this.#recorder.labelled(labels.map(({ id, label, at }) => ({ id, label, at: at ?? now })))
  }

  /** Values that are told of predictions, by the metrics that are declared, or were when the rollout began. */
  async observe(values: readonly ToldValue[]): Promise<number> {
    const known = { ...this.definition.canary.metrics, ...(this.rolling ? this.rollout?.config.metrics : {}) }
    const unknown = values.find(one => !Object.hasOwn(known, one.metric))
    if (unknown)
      throw fail('metricUnknown', {
        deployment: this.name,
        metric: unknown.metric,
        known: Object.keys(known).join(', ') || 'none',
      })
    return this.#recorder.told(values)
  }

  /** Time passes: steps that wait too long are held, and the scaler's chain of digests is followed again. */
  tick(): void {
    if (!this.leads) return
    const stable = this.#stable
    if (stable && this.#scaler.due()) this.#rollout.write(() => this.#scaler.follow(stable))
    this.#memory.release()
    this.#rollout.retry()
    const at = this.#services.clock.now()
    this.#rollout.move({ type: 'tick', at })
    const { rollout } = this
    if (!rollout || !this.rolling) return
    this.#memory.traffic.stands(at, nearnessOf(rollout))
    this.#queries.tick(rollout)
  }

  /** What was asked of it lately, where it is led. */
  traffic(count: number, step: number): ReturnType<TrafficHistory['since']> {
    this.#predictor.tellTraffic()
    return this.#memory.traffic.since(this.#services.clock.now(), count, step)
  }

  /** A challenger that came through becomes stable, in this process from now on; another is let go. */
  #ended(state: RolloutState, arm: Arm): (() => Promise<Ending>) | undefined {
    if (state.phase !== 'done') {
      retire(arm)
      return undefined
    }
    return async () => {
      const { model, version } = arm.record
      const stable = arm.loaded.inChildProcess ? await this.#load(model, version) : arm
      const { record, effect } = this.#stableBy(stable, 'system', `${state.config.challenger} passed its rollout`)
      return {
        record,
        effect: () => {
          effect()
          if (stable !== arm) retire(arm)
        },
      }
    }
  }

  /** Resolves when every challenger is heard and every decision so far is stored; throws what went wrong with storing one. */
  async settled(): Promise<void> {
    await this.#predictor.heard()
    this.#predictor.tellTraffic()
    // What went wrong with storing is told without waiting for who is asked
    await this.#rollout.stored()
    await this.#queries.settled()
    await this.#rollout.stored()
  }

  async command(command: CommandEvent['command'], actor: string, reason?: string): Promise<DeploymentStatus> {
    if (!this.rolling) throw fail('noRollout', { deployment: this.name, command })
    this.#store()
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

  /** Ends serving under this name: a running rollout with it. Throws `nothingToEnd`. */
  async withdraw(actor: string): Promise<void> {
    const stable = this.#stable
    if (!stable && !this.#down) throw fail('nothingToEnd', { deployment: this.name })
    if (this.rolling) await this.command('abort', actor)
    const { clock } = this.#services
    await recordWithdrawn({ store: this.#store(), clock }, this.name, stable?.record, actor)
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
      labels: { waiting: this.#memory.waiting, horizon: this.labelHorizon },
      latencyMicros: this.#predictor.latency.quantiles(),
    }
  }

  health(): { readonly ready: boolean; readonly reasons: readonly string[] } {
    if (!this.#stable)
      return { ready: false, reasons: [this.#down ? this.#nothing().message : `nothing is deployed as ${this.name}`] }
    if (this.#scaler.broken !== undefined) return { ready: false, reasons: [this.#scaler.broken] }
    const { trouble } = this.#memory
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
    await this.#queries.close()
    await this.#predictor.heard()
    this.#predictor.tellTraffic()
    if (this.leads) {
      await this.#memory.close()
      // Who has lost the lead without knowing has nothing to store, and all the rest to close
      await this.#rollout.persist().catch((error: unknown) => {
        if (!(isMillraceError(error) && error.code === catalogue.leadershipLost.code)) throw error
      })
    }
    await this.#explanations.close()
    await this.#stable?.loaded.close()
    if (this.#rollout.trial) retire(this.#rollout.trial.arm)
  }
}
