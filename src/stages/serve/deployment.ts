import type { Deployment } from '../../define/deployment.ts'
import { catalogue, fail, isMillraceError } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Micros } from '../../internal/time.ts'
import type { Task } from '../../math/task.ts'
import type { ContestState } from '../deploy/contest/index.ts'
import { type CommandEvent, type ResolvedConfig, startRollout, type RolloutState } from '../deploy/rollout/index.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import type { StageServices } from '../services.ts'
import { versionCalled, versionName } from '../register/version-parts.ts'
import { type Arm, checkTask, loadArm } from './arm.ts'
import { requestColumns } from './encode.ts'
import { type ContestHost, Contests } from './contests.ts'
import type { JournalOptions, Keeper } from './journal.ts'
import { Explanations } from './explanations.ts'
import { KnownColumns } from './known-columns.ts'
import { LabelPairs, withWaiting } from './label-pairs.ts'
import type { EndEffects } from './decision-queue.ts'
import { LiveRollout } from './live-rollout.ts'
import { type Observer, ServingMemory } from './memory.ts'
import { nearnessOf } from './nearness.ts'
import type { OnlineViews } from './online-views.ts'
import { Predictor } from './predictor.ts'
import type { Recorder, ToldValue } from './recorder.ts'
import { RolloutQueries } from './rollout-queries.ts'
import { rolloutConfigOf } from './rollout-config.ts'
import { ScalerGuard } from './scaler-guard.ts'
import { retire, type ServedVersion } from './served-version.ts'
import { recordStable, recordWithdrawn, type StableDocument } from './stable-record.ts'
import type { TrafficHistory } from './traffic.ts'
import { checkLabels, checkMetrics } from './told.ts'
import { Trial } from './trial.ts'
import type { DeploymentStatus, Explanation, Label, Prediction, PredictRequest, ServedDeployment } from './types.ts'

export type { Observer } from './memory.ts'

/** How one who leads remembers. */
export interface Lead extends JournalOptions {
  /** Where it writes; it takes nothing any more once another leads. By default the store of the services. */
  readonly store?: MetadataStore
}

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
  readonly #contests: Contests
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
  readonly #columns = new KnownColumns()
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
    const { queue } = this.#rollout
    this.#contests = new Contests(services, this.#contested(), { queue, heard: () => this.#rollout.heard?.() })
    const horizon = (): Micros => definition.canary.metricHorizon ?? labelHorizon
    const pairs = (): LabelPairs => this.#noPairs()
    this.#memory = new ServingMemory(this.#rollout, this.#contests.live, pairs, () => services.clock.now(), horizon)
    this.#recorder = this.#memory
    this.#predictor = new Predictor(definition, services.clock, () => ({
      rollout: this.#rollout,
      contest: this.#contests.live,
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
    return this.#columns.of(demanded, this.#tried())
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

  /** Several challengers that are compared, or were last. */
  get contest(): ContestState | undefined {
    return this.#contests.live.state
  }
  get contesting(): boolean {
    return this.#contests.live.running
  }
  /** What is tried beside the stable version now: `late@2`, or several; undefined where nothing is. */
  get tried(): string | undefined {
    if (this.rolling) return this.rollout?.config.challenger
    return this.contesting ? this.contest?.arms.map(one => one.config.challenger).join(', ') : undefined
  }

  /**
   * Takes up where the store says that it is: the stable version, and a rollout that is running. Called again, it follows what
   * changed there meanwhile.
   */
  async restore(): Promise<void> {
    await this.#restoreStable()
    await this.#contests.restore()
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
      this.#rollout.take(said, this.#trialOf(arm, said.config))
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
    this.#contests.giveUp()
    this.#recorder = this.#memory
  }

  /** How far other instances were heard is kept with what was learned of them. */
  keepHeard(heard: () => Json): void {
    this.#rollout.heard = heard
  }

  /** How far other instances were heard when the rollout, or the contest, was stored last. */
  get heard(): Json | undefined {
    const stored = this.contesting ? this.contest : this.rollout
    return (stored as { readonly heard?: Json } | undefined)?.heard
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

  #trialOf(arm: Arm, config: ResolvedConfig): Trial {
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
  #stableBy(version: Arm, actor: string, reason: string): EndEffects {
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
    this.#free('a rollout')
    this.#store()
    const canary = await this.#loadChallenger(this.definition.model.name, version)
    try {
      // Somebody else's may have begun while this one was read
      this.#free('a rollout')
    } catch (error) {
      retire(canary)
      throw error
    }
    this.#begin(canary)
    await this.#rollout.persist()
    return this.status()
  }

  /** Who is asked beside stable: the same list for as long as they are the same. */
  #tried(): readonly Pick<Trial, 'arm'>[] {
    return this.#rollout.trials ?? this.#contests.live.contenders
  }

  /** Throws while a rollout or a contest is running. */
  #free(asked: string): void {
    if (this.rolling)
      throw fail('rolloutRunning', { deployment: this.name, challenger: this.rollout?.config.challenger ?? '' })
    this.#contests.free(asked)
  }

  async #loadChallenger(model: string, version: number): Promise<Arm> {
    const arm = await this.#load(model, version, this.#services.challengers)
    if (this.#stable) checkTask(this.name, arm, this.#stable)
    return arm
  }

  /** The rollout of a challenger begins. */
  #begin(arm: Arm): RolloutState | undefined {
    if (!this.#stable) return undefined
    this.#predictor.trouble = undefined
    const config = rolloutConfigOf(this.definition, this.#stable, arm)
    const state = startRollout(config, this.#services.clock.now(), arm.record.version)
    this.#memory.begin()
    this.#rollout.take(state, this.#trialOf(arm, state.config))
    return state
  }

  #contested(): ContestHost {
    return {
      definition: this.definition,
      stable: () => this.#stable,
      load: (model, version) => this.#loadChallenger(model, version),
      trialOf: (arm, config) => this.#trialOf(arm, config),
      free: asked => this.#free(asked),
      begin: arm => {
        const state = this.#begin(arm)
        const heard = this.#rollout.heard?.()
        return async store => state && this.#rollout.put(state, store, heard)
      },
      trouble: reason => {
        this.#predictor.trouble = reason
      },
    }
  }

  async startContest(versions: readonly number[]): Promise<DeploymentStatus> {
    this.#store()
    await this.#contests.start(versions)
    return this.status()
  }

  async choose(version: number, actor: string, reason?: string): Promise<DeploymentStatus> {
    this.#store()
    this.#contests.choose(version, actor, reason)
    await this.#rollout.queue.stored()
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

  async explain(requests: readonly PredictRequest[]): Promise<Explanation> {
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
    checkLabels(labels)
    return this.#recorder.labelled(labels.map(({ id, label, at }) => ({ id, label, at: at ?? now })))
  }

  /** Values that are told of predictions, by the metrics that are declared, or were when the rollout began. */
  async observe(values: readonly ToldValue[]): Promise<number> {
    const known = { ...this.definition.canary.metrics, ...(this.rolling ? this.rollout?.config.metrics : {}) }
    checkMetrics(this.name, values, known)
    return this.#recorder.told(values)
  }

  /** Time passes: steps that wait too long are held, and the scaler's chain of digests is followed again. */
  tick(): void {
    if (!this.leads) return
    const stable = this.#stable
    if (stable && this.#scaler.due()) this.#rollout.queue.write(() => this.#scaler.follow(stable))
    this.#memory.release()
    this.#rollout.queue.retry()
    const at = this.#services.clock.now()
    this.#contests.tick(at)
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
  #ended(state: RolloutState, arm: Arm): (() => Promise<EndEffects>) | undefined {
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
    await this.#rollout.queue.stored()
    await this.#queries.settled()
    await this.#rollout.queue.stored()
  }

  async command(command: CommandEvent['command'], actor: string, reason?: string): Promise<DeploymentStatus> {
    // A contest can be ended; it has no traffic that could be given, held or approved
    if (command !== 'abort') this.#contests.free(`"rollout ${command}"`)
    if (!this.rolling && !this.contesting) throw fail('noRollout', { deployment: this.name, command })
    this.#store()
    const why = reason === undefined ? {} : { reason }
    if (this.contesting) this.#contests.end(actor, reason)
    else this.#rollout.move({ type: 'command', at: this.#services.clock.now(), command, actor, ...why })
    await this.#rollout.queue.stored()
    return this.status()
  }

  /** Ends serving under this name: a running rollout with it. Throws `nothingToEnd`. */
  async withdraw(actor: string): Promise<void> {
    const stable = this.#stable
    if (!stable && !this.#down) throw fail('nothingToEnd', { deployment: this.name })
    if (this.rolling || this.contesting) await this.command('abort', actor)
    const { clock } = this.#services
    await recordWithdrawn({ store: this.#store(), clock }, this.name, stable?.record, actor)
    this.#stable = undefined
    this.#rollout.forget()
    this.#contests.live.forget()
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
      contest: this.contest ? (this.contest as unknown as Record<string, Json>) : null,
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
    const { failure } = this.#rollout.queue
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
      const lost = (error: unknown): void => {
        if (!(isMillraceError(error) && error.code === catalogue.leadershipLost.code)) throw error
      }
      await this.#rollout.persist().catch(lost)
      await this.#contests.persist().catch(lost)
    }
    this.#contests.close()
    await this.#explanations.close()
    await this.#stable?.loaded.close()
    if (this.#rollout.trial) retire(this.#rollout.trial.arm)
  }
}
