import type { Decision } from '../../define/decision.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { advance, type RolloutEvent, type RolloutState } from '../deploy/rollout/index.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import type { StageServices } from '../services.ts'
import { DecisionQueue, type EndEffects } from './decision-queue.ts'
import type { EventLog } from './rollout-log.ts'
import type { Trial } from './trial.ts'

export interface RolloutHooks {
  /** What a decision says besides, for those who read it. */
  readonly told: (decision: Decision) => Decision
  /** Of these deployments, those with a rollout now. */
  readonly rolling: (deployments: readonly string[]) => readonly string[]
  /** The store of one who leads: it takes nothing any more once another does. Throws `noLeader` where another leads. */
  readonly authority: () => MetadataStore
  /** The rollout has ended, well or not: the pointer has moved, what is slow follows in the order of the records. */
  readonly ended: (state: RolloutState, trial: Trial) => (() => Promise<EndEffects>) | undefined
}

/**
 * The rollout of one deployment as it runs here: its state, its challenger, and its records. A decision takes effect at once and
 * is written in order.
 */
export class LiveRollout {
  readonly #clock: Pick<StageServices['clock'], 'now'>
  readonly #deployment: string
  readonly #hooks: RolloutHooks
  #state: RolloutState | undefined
  #trials: readonly [Trial] | undefined
  #log: EventLog<RolloutState, RolloutEvent> | undefined
  /** Decisions of rollouts and contests stand in one order. */
  readonly queue: DecisionQueue
  /** How far other instances were heard, which the state counts already: it is kept with it. */
  heard: (() => Json) | undefined

  constructor(clock: Pick<StageServices['clock'], 'now'>, deployment: string, hooks: RolloutHooks) {
    this.#clock = clock
    this.#deployment = deployment
    this.#hooks = hooks
    this.queue = new DecisionQueue(hooks.authority)
  }

  /** The running rollout or the last one. */
  get state(): RolloutState | undefined {
    return this.#state
  }
  /** The challenger that is being tried. */
  get trial(): Trial | undefined {
    return this.#trials?.[0]
  }
  /** The same as a list, which is the same for as long as the challenger is; undefined where there is none. */
  get trials(): readonly [Trial] | undefined {
    return this.#trials
  }
  get rolling(): boolean {
    return this.#state !== undefined && this.#trials !== undefined
  }
  /** Takes up a rollout: a new one, or one of before a restart. */
  take(state: RolloutState, trial: Trial): void {
    this.#state = state
    this.#trials = [trial]
    this.#log?.state(state)
  }

  /** The same rollout, further on: a journal knows more than the store. */
  resume(state: RolloutState): void {
    this.#state = state
    this.#log?.state(state)
  }

  /** From now on every event is kept. */
  keep(log: EventLog<RolloutState, RolloutEvent>): void {
    this.#log = log
    if (this.#state && this.#trials) log.state(this.#state)
  }

  /** Another leads: nothing is kept here any more, and what is not stored yet is not. */
  letGo(): void {
    this.#log = undefined
    this.queue.letGo()
  }

  /** Ends a rollout whose challenger is not there any more. */
  async giveUp(rollout: RolloutState, reason: string): Promise<void> {
    const store = this.#hooks.authority()
    const { state, decisions } = advance(rollout, {
      type: 'command',
      at: this.#clock.now(),
      command: 'abort',
      actor: 'system',
    })
    await store.transaction(async one => {
      for (const decision of decisions)
        await one.addDecision({
          ...decision,
          reason: `${rollout.config.challenger} cannot be loaded any more, so its rollout ends: ${reason}`,
        })
      await this.put(state, one)
    })
  }

  forget(): void {
    this.#state = undefined
    this.#trials = undefined
  }

  move(event: RolloutEvent): void {
    if (!this.#state) return
    const { config, rolling: known } = this.#state
    if (config.after.length > 0) {
      const deployments = this.#hooks.rolling(config.after)
      if (deployments.join() !== known.join()) this.#hear({ type: 'rolling', at: event.at, deployments })
    }
    this.#hear(event)
  }

  #hear(event: RolloutEvent): void {
    if (!this.#state) return
    // What is refused is no part of what happened: it throws before it is kept
    const { state, decisions: made } = advance(this.#state, event)
    if (this.#trials) this.#log?.event(event, this.#state)
    this.#state = state
    if (made.length === 0) return
    const decisions = made.map(this.#hooks.told)
    const { trial } = this
    let end: (() => Promise<EndEffects>) | undefined
    const over = state.phase === 'rolled-back' || state.phase === 'done'
    if (over && trial) {
      this.#trials = undefined
      trial.end()
      end = this.#hooks.ended(state, trial)
    }
    const heard = this.heard?.()
    const founded = async (): Promise<unknown> => this.#log?.flush()
    this.queue.push({ decisions, founded, put: store => this.put(state, store, heard), end })
  }

  /** Stores it as it stands. */
  persist(): Promise<void> {
    return this.queue.persist(async store => {
      if (this.#state) await this.put(this.#state, store)
    })
  }

  /** Writes a state as the one of this deployment. */
  async put(state: RolloutState, store: MetadataStore, heard: Json | undefined = this.heard?.()): Promise<void> {
    const value = { ...state, ...(heard === undefined ? {} : { heard }) }
    await store.putDocument('rollout', this.#deployment, value as unknown as Json, this.#clock.now())
  }
}
