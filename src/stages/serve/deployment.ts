import type { Task } from '../../math/task.ts'
import type { Deployment } from '../../define/deployment.ts'
import { fail } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { ulid } from '../../internal/ids.ts'
import { inSeconds, type Micros } from '../../internal/time.ts'
import { messageOf } from '../../internal/message-of.ts'
import { advance, startRollout, type RolloutEvent, type RolloutState } from '../deploy/rollout/index.ts'
import type { InferenceResult } from '../../ports/inference-runtime.ts'
import type { StageServices } from '../pipeline/services.ts'
import { versionCalled, versionName } from '../register/version-parts.ts'
import { type Score, scoreOf } from '../../math/metrics/row-loss.ts'
import { inClassesOf } from '../evaluate/subject.ts'
import { compared, said } from './answer.ts'
import { type Challenged, answerOf, inTime, keyOf } from './challenge.ts'
import { requestColumns, RowEncoder, type EncodedRows } from './encode.ts'
import { type JournalOptions, type Keeper, type KeptPrediction, ServingJournal } from './journal.ts'
import { LabelPairs, withWaiting } from './label-pairs.ts'
import { LatencyRing } from './latency.ts'
import type { OnlineViews } from './online-views.ts'
import { ScalerGuard } from './scaler-guard.ts'
import { loadProven, retire, type ServedVersion } from './served-version.ts'
import { recordStable, recordWithdrawn, type StableDocument } from './stable-record.ts'
import type { DeploymentStatus, Label, Prediction, PredictRequest, ServedDeployment } from './types.ts'

/** What else hears of every answered row: the monitor. */
export interface Observer {
  predicted(id: string, at: Micros, rows: EncodedRows, index: number, score: Score): void
  labelled(id: string, label: number, at: Micros): void
}

/** Views that gave an answer no features, where their records do not reach back to its moment. */
function uncoveredOf({ uncovered }: EncodedRows, row: number): Pick<Prediction, 'uncovered'> {
  const views = uncovered?.get(row)
  return views ? { uncovered: views } : {}
}

/** A version with what makes its inputs of a request: its own expressions and features, whatever the other arm reads. */
interface Arm extends ServedVersion {
  readonly encoder: RowEncoder
}

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
  readonly #latency = new LatencyRing()
  #pairs: LabelPairs
  #stable: Arm | undefined
  /** Why what should be stable is not: nothing answers, and the other deployments do. */
  #down: { readonly version: string; readonly error: unknown } | undefined
  #stableSince: Micros = 0
  #canary: Arm | undefined
  #rollout: RolloutState | undefined
  /** The rollout as the journal has it. */
  #kept: RolloutState | undefined
  /** The rollout is the journal's. */
  #taken = false
  #journal: ServingJournal | undefined
  #writes: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined
  #failure: unknown
  #canaryError: string | undefined
  readonly #scaler: ScalerGuard
  readonly #counts = { stable: 0, canary: 0, errors: 0 }
  /** Set by whoever watches. */
  observer: Observer | undefined
  /** Called after a new version became stable. */
  onStable: ((version: ServedVersion) => void) | undefined
  readonly labelHorizon: Micros

  constructor(services: StageServices, definition: Deployment, views: OnlineViews, labelHorizon: Micros) {
    this.#services = services
    this.definition = definition
    this.#scaler = new ScalerGuard(services, definition.name)
    this.#views = views
    this.#pairs = new LabelPairs(definition.model.task, labelHorizon, definition.model.quantile)
    this.labelHorizon = labelHorizon
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
    const further = this.#canary?.encoder.columns.filter(column => !known.has(column.name)) ?? []
    return [...demanded, ...further.map(column => ({ ...column, nullable: true }))]
  }
  get stable(): ServedVersion | undefined {
    return this.#stable
  }
  get rollout(): RolloutState | undefined {
    return this.#rollout
  }

  /** A challenger is being tried. */
  get rolling(): boolean {
    return this.#rollout !== undefined && this.#canary !== undefined
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
      this.#canary = await this.#load(challenger.model, challenger.version)
      this.#rollout = rollout
    } catch (error) {
      // What cannot be loaded cannot be tried; who answers is not its concern
      this.#canaryError = messageOf(error)
      await this.#giveUp(rollout, messageOf(error))
    }
  }

  /** Ends a rollout whose challenger is not there any more. */
  async #giveUp(rollout: RolloutState, reason: string): Promise<void> {
    const { state, decisions } = advance(rollout, {
      type: 'command',
      at: this.#services.clock.now(),
      command: 'abort',
      actor: 'system',
    })
    for (const one of decisions)
      await this.#services.store.addDecision({
        ...one,
        reason: `${rollout.config.challenger} cannot be loaded any more, so its rollout ends: ${reason}`,
      })
    await this.#persist(state)
  }

  /** Why nothing answers although a version was deployed. */
  get down(): { readonly version: string; readonly error: unknown } | undefined {
    return this.#down
  }

  /** From now on what is in memory is also kept in `folder`, with what `others` remember; takes up what is there. */
  async remember(folder: string, others: readonly Keeper[], options: JournalOptions): Promise<void> {
    this.#journal = await ServingJournal.open(folder, [this, ...others], options)
    // A rollout that began past the journal (by a command while no server ran) has another challenger than what it holds
    if (this.#rollout && !this.#taken) this.#pairs.begin()
    this.#release(this.#services.clock.now())
  }

  capture(whole: boolean): Json | undefined {
    if (!whole && this.#rollout === this.#kept) return undefined
    this.#kept = this.#rollout
    const kept: Kept = { rollout: this.#rollout ?? null, pairs: this.#pairs.capture() }
    return kept as unknown as Json
  }

  /** The store has the rollout as of its last decision; the journal has the evidence since then, or that of an earlier one. */
  takeBack(state: Json): void {
    const { rollout, pairs } = state as unknown as Kept
    this.#pairs.takeBack(pairs)
    const own = this.#rollout
    this.#taken =
      rollout !== null &&
      own !== undefined &&
      rollout.phase !== 'done' &&
      rollout.phase !== 'rolled-back' &&
      rollout.config.challenger === own.config.challenger &&
      rollout.config.stable === own.config.stable &&
      rollout.sequence >= own.sequence &&
      rollout.since >= own.since
    if (this.#taken) this.#rollout = rollout as RolloutState
  }

  recall({ id, at, stable, canary, epoch }: KeptPrediction): void {
    this.#pairs.recall(id, at, stable, canary, epoch)
  }

  recallLabel(id: string, label: number): void {
    this.#pairs.label(id, label)
  }

  stored(): Promise<unknown> {
    return this.#writes
  }

  async #load(model: string, version: number): Promise<Arm> {
    const served = await loadProven(this.#services, model, version, one => this.#scaler.admit(one))
    try {
      const views = await Promise.all(served.model.views.map(view => this.#views.open(view, served.record)))
      return { ...served, encoder: new RowEncoder(served.model, views, this.#views.past) }
    } catch (error) {
      await served.loaded.close()
      throw error
    }
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
      throw fail('rolloutRunning', { deployment: this.name, challenger: this.#rollout?.config.challenger ?? '' })
    }
    if (this.rolling) refuse()
    const canary = await this.#load(this.definition.model.name, version)
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
    this.#canaryError = undefined
    const { canary: options } = this.definition
    const state = startRollout(
      {
        deployment: this.name,
        challenger: versionName(canary.record),
        stable: versionName(record),
        task: this.task,
        steps: options.steps.map(share => `${share * 100}%` as const),
        minRequests: options.minRequests,
        maxWait: inSeconds(options.maxWait),
        labels: options.labels,
        guardrails: ['error', 'timeout'],
        alpha: options.alpha,
        threshold: canary.model.threshold,
        stableThreshold: served.threshold,
      },
      this.#services.clock.now(),
      version,
    )
    this.#canary = canary
    this.#rollout = state
    this.#pairs.begin()
    await this.#persist()
    return this.status()
  }

  async predict(requests: readonly PredictRequest[]): Promise<readonly Prediction[]> {
    const { clock } = this.#services
    const started = clock.elapsed()
    const now = clock.now()
    const { stable, rows } = await this.#encoded(requests, now)
    const canary = this.#rollout ? this.#canary : undefined
    const { epoch } = this.#pairs
    // Both begin before anything is awaited: from here on neither can be closed under the request
    const running = canary && this.#begin(canary, stable, rows, requests, now)
    running?.catch(() => undefined)
    const answers = (await stable.loaded.run(rows)).scores
    const { outputs } = stable.loaded
    const without = answers.findIndex(score => !Number.isFinite(score))
    if (without >= 0)
      throw fail('requestInvalid', {
        row: Math.floor(without / outputs),
        column: this.columns.map(column => column.name).join(', '),
        reason: 'the model has no finite score for these values',
      })
    // Nobody waits for a challenger of what cannot be answered
    const challenged = running && (await this.#challenge(running, clock.elapsed() - started))
    const challenger = challenged && 'scores' in challenged ? challenged.scores : undefined
    // A rollout that began meanwhile has another challenger
    const rolling = (): boolean => canary !== undefined && this.#rollout !== undefined && epoch === this.#pairs.epoch
    if (canary && challenged && rolling()) this.#hear(challenged, stable, canary, answers, now)
    const each = ((clock.elapsed() - started) * 1000) / Math.max(1, requests.length)
    const predictions = requests.map((request, i): Prediction => {
      const id = request.id ?? ulid()
      const at = request.at ?? now
      const weight = rolling() ? (this.#rollout?.weight ?? 0) : 0
      const key = keyOf({ ...request, id }, this.definition.stickyBy)
      const own = scoreOf(answers, outputs, i)
      const their = challenger && canary ? scoreOf(challenger, canary.loaded.outputs, i) : undefined
      const tried =
        their === undefined ? (challenged as { missing: 'timeout' | 'error' } | undefined) : { score: their }
      const { arm, score, outcome, fallback } = answerOf({ deployment: this.name, key, weight }, own, tried)
      if (rolling()) this.#move({ type: 'request', at: now, arm, outcome })
      this.#counts[arm]++
      const other =
        their === undefined || !canary ? Number.NaN : inClassesOf(stable.card.classes, canary.card.classes, their)
      this.#pairs.remember(id, at, own, other, epoch)
      this.observer?.predicted(id, at, rows, i, own)
      this.#journal?.prediction(id, at, own, other, epoch)
      const by = arm === 'canary' && !fallback ? (canary as Arm) : stable
      return {
        id,
        ...said(by, score),
        arm,
        version: by.record.version,
        ...(fallback ? { fallback } : {}),
        ...uncoveredOf(rows, i),
      }
    })
    this.#latency.add(each)
    return predictions
  }

  /** The requests as the stable version takes them. One that takes its place while the features are read reads its own. */
  async #encoded(
    requests: readonly PredictRequest[],
    now: Micros,
  ): Promise<{ readonly stable: Arm; readonly rows: EncodedRows }> {
    for (;;) {
      const stable = this.#stable
      if (!stable) throw this.#nothing()
      stable.encoder.check(requests)
      const rows = await stable.encoder.encode(requests, now)
      if (this.#stable === stable) return { stable, rows }
    }
  }

  #nothing(): Error {
    if (!this.#down) return fail('nothingDeployed', { deployment: this.name })
    const { version, error } = this.#down
    return fail('deploymentDown', { deployment: this.name, version, reason: messageOf(error) }, error)
  }

  /** The challenger scores the same requests, by what it reads of them itself. */
  async #begin(
    canary: Arm,
    stable: Arm,
    rows: EncodedRows,
    requests: readonly PredictRequest[],
    now: Micros,
  ): Promise<InferenceResult> {
    if (canary.encoder.identity === stable.encoder.identity) return canary.loaded.run(rows)
    canary.encoder.check(requests)
    return canary.loaded.run(await canary.encoder.encode(requests, now))
  }

  /** The challenger's answer in time. The caller is answered by stable in any case; the operator is told why. */
  #challenge(running: Promise<InferenceResult>, took: number): Promise<Challenged> {
    return inTime(running, took, this.#services.clock, reason => {
      this.#canaryError = messageOf(reason)
    })
  }

  /** What the rollout learns from a call besides who answered it. */
  #hear(challenged: Challenged, stable: Arm, canary: Arm, answers: Float32Array, at: Micros): void {
    if ('scores' in challenged)
      return this.#move({ type: 'shadow', at, ...compared(stable, answers, canary, challenged.scores) })
    this.#counts.errors++
    // In shadow no caller is the challenger's, and its failures would count for nothing
    if (this.#rollout?.phase === 'shadow')
      this.#move({ type: 'request', at, arm: 'canary', outcome: challenged.missing })
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
    if (losses) this.#move({ type: 'labels', at: now, ...losses })
  }

  /** Time passes: steps that wait too long are held, and the scaler's chain of digests is followed again. */
  tick(): void {
    const stable = this.#stable
    if (stable && this.#scaler.due()) this.#write(() => this.#scaler.follow(stable))
    if (!this.#rollout) return
    const now = this.#services.clock.now()
    this.#release(now)
    this.#move({ type: 'tick', at: now })
  }

  #move(event: RolloutEvent): void {
    if (!this.#rollout) return
    const { state, decisions: made } = advance(this.#rollout, event)
    this.#rollout = state
    if (made.length === 0) return
    const decisions = made.map(one => withWaiting(one, this.#pairs.waiting, this.labelHorizon))
    if (state.phase === 'rolled-back' || state.phase === 'done') this.#end(state)
    this.#write(async () => {
      for (const decision of decisions) await this.#services.store.addDecision(decision)
      await this.#persist(state)
    })
  }

  /** The pointer moves at once; what is slow (records, closing) follows. */
  #end(state: RolloutState): void {
    const canary = this.#canary
    this.#canary = undefined
    if (!canary) return
    if (state.phase === 'done')
      this.#write(() => this.#becomeStable(canary, 'system', `${state.config.challenger} passed its rollout`))
    else retire(canary)
  }

  #write(work: () => Promise<unknown>): void {
    this.#writes = this.#writes.then(work).catch(error => {
      this.#failure = error
    })
  }

  /** Resolves when every decision so far is stored; throws what went wrong with storing one. */
  async settled(): Promise<void> {
    await this.#writes
    if (this.#failure !== undefined) {
      const failure = this.#failure
      this.#failure = undefined
      throw failure
    }
  }

  async #persist(state: RolloutState | undefined = this.#rollout): Promise<void> {
    if (state)
      await this.#services.store.putDocument('rollout', this.name, state as unknown as Json, this.#services.clock.now())
  }

  async command(command: 'promote' | 'abort' | 'pause' | 'resume', actor: string): Promise<DeploymentStatus> {
    if (!this.#rollout || !this.#canary) throw fail('noRollout', { deployment: this.name, command })
    this.#move({ type: 'command', at: this.#services.clock.now(), command, actor })
    await this.settled()
    return this.status()
  }

  /** Ends serving under this name: a running rollout with it. Throws `nothingDeployed`. */
  async withdraw(actor: string): Promise<void> {
    const [stable, canary] = [this.#stable, this.#canary]
    if (!stable && !this.#down) throw this.#nothing()
    if (canary) await this.command('abort', actor)
    await recordWithdrawn(this.#services, this.name, stable?.record, actor)
    this.#stable = undefined
    this.#rollout = undefined
    this.#down = undefined
    if (stable) retire(stable)
  }

  status(): DeploymentStatus {
    const rollout = this.#rollout
    return {
      name: this.name,
      model: this.#stable?.record.model ?? this.definition.model.name,
      stable: this.#stable
        ? { version: this.#stable.record.version, digest: this.#stable.record.digest, since: this.#stableSince }
        : null,
      rollout: rollout ? (rollout as unknown as Record<string, Json>) : null,
      requests: { ...this.#counts },
      labels: { waiting: this.#pairs.waiting, horizon: this.labelHorizon },
      latencyMicros: this.#latency.quantiles(),
    }
  }

  health(): { readonly ready: boolean; readonly reasons: readonly string[] } {
    if (!this.#stable)
      return { ready: false, reasons: [this.#down ? this.#nothing().message : `nothing is deployed as ${this.name}`] }
    if (this.#scaler.broken !== undefined) return { ready: false, reasons: [this.#scaler.broken] }
    const trouble = this.#journal?.trouble
    const reasons = [
      ...(this.#failure === undefined ? [] : [`a decision could not be stored: ${String(this.#failure)}`]),
      ...(trouble === undefined ? [] : [`what a restart needs cannot be written: ${trouble}`]),
      ...(this.#canaryError === undefined ? [] : [`a challenger failed to answer: ${this.#canaryError}`]),
    ]
    return { ready: true, reasons }
  }

  /** Twice is once: what another process has written meanwhile stays. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    await this.#journal?.close()
    await this.#writes
    await this.#persist()
    await this.#stable?.loaded.close()
    await this.#canary?.loaded.close()
  }
}
