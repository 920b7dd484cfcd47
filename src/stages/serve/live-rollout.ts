import type { Decision } from '../../define/decision.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { advance, type RolloutEvent, type RolloutState } from '../deploy/rollout/index.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import type { StageServices } from '../services.ts'
import type { RolloutLog } from './rollout-log.ts'
import type { Trial } from './trial.ts'

export interface RolloutHooks {
  /** What a decision says besides, for those who read it. */
  readonly told: (decision: Decision) => Decision
  /** Of these deployments, those with a rollout now. */
  readonly rolling: (deployments: readonly string[]) => readonly string[]
  /** The store of one who leads: it takes nothing any more once another does. Throws `noLeader` where another leads. */
  readonly authority: () => MetadataStore
  /** The rollout has ended, well or not: the pointer has moved, what is slow follows in the order of the records. */
  readonly ended: (state: RolloutState, trial: Trial) => (() => Promise<Ending>) | undefined
}

/** Decisions of one event with what they led to, which are not in the store yet. */
interface Unstored {
  readonly decisions: readonly Decision[]
  readonly state: RolloutState
  readonly heard: Json | undefined
  readonly end: (() => Promise<Ending>) | undefined
  /** Made once, however often storing it is tried. */
  ending?: Ending | undefined
}

/** What the end of a rollout leads to: recorded with its decision, or neither is; then it takes effect here. */
export interface Ending {
  readonly record: (store: MetadataStore) => Promise<unknown>
  readonly effect: () => void
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
  #trial: Trial | undefined
  #log: RolloutLog | undefined
  #writes: Promise<unknown> = Promise.resolve()
  #failure: unknown
  #unstored: Unstored[] = []
  /** How far other instances were heard, which the state counts already: it is kept with it. */
  heard: (() => Json) | undefined

  constructor(clock: Pick<StageServices['clock'], 'now'>, deployment: string, hooks: RolloutHooks) {
    this.#clock = clock
    this.#deployment = deployment
    this.#hooks = hooks
  }

  /** The running rollout or the last one. */
  get state(): RolloutState | undefined {
    return this.#state
  }
  /** The challenger that is being tried. */
  get trial(): Trial | undefined {
    return this.#trial
  }
  get rolling(): boolean {
    return this.#state !== undefined && this.#trial !== undefined
  }
  /** Why a decision could not be stored. */
  get failure(): unknown {
    return this.#failure
  }

  /** Takes up a rollout: a new one, or one of before a restart. */
  take(state: RolloutState, trial: Trial): void {
    this.#state = state
    this.#trial = trial
    this.#log?.state(state)
  }

  /** The same rollout, further on: a journal knows more than the store. */
  resume(state: RolloutState): void {
    this.#state = state
    this.#log?.state(state)
  }

  /** From now on every event is kept. */
  keep(log: RolloutLog): void {
    this.#log = log
    if (this.#state && this.#trial) log.state(this.#state)
  }

  /** Another leads: nothing is kept here any more, and what is not stored yet is not. */
  letGo(): void {
    this.#log = undefined
    this.#unstored = []
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
      await this.#put(state, this.heard?.(), one)
    })
  }

  forget(): void {
    this.#state = undefined
    this.#trial = undefined
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
    if (this.#trial) this.#log?.event(event, this.#state)
    this.#state = state
    if (made.length === 0) return
    const decisions = made.map(this.#hooks.told)
    const trial = this.#trial
    let end: (() => Promise<Ending>) | undefined
    const over = state.phase === 'rolled-back' || state.phase === 'done'
    if (over && trial) {
      this.#trial = undefined
      trial.end()
      end = this.#hooks.ended(state, trial)
    }
    this.#unstored.push({ decisions, state, heard: this.heard?.(), end })
    this.write(() => this.#storeAll())
  }

  /** Time has passed: what could not be stored is tried again. */
  retry(): void {
    if (this.#unstored.length > 0) this.write(() => this.#storeAll())
  }

  /** In their order, each whole. One that cannot be stored stays, and so do those behind it. */
  async #storeAll(): Promise<void> {
    for (let [step] = this.#unstored; step; [step] = this.#unstored) {
      await this.#storeOne(step)
      this.#unstored.shift()
    }
  }

  async #storeOne(step: Unstored): Promise<void> {
    const { decisions, state, heard } = step
    const authority = this.#hooks.authority()
    // What a decision rests on is there before it is
    await this.#log?.flush()
    step.ending ??= await step.end?.()
    const { ending } = step
    await authority.transaction(async store => {
      // It was stored, and only the word of that was lost
      if (await store.getDecision(decisions[0]?.id ?? '')) return
      for (const decision of decisions) await store.addDecision(decision)
      await ending?.record(store)
      await this.#put(state, heard, store)
    })
    ending?.effect()
  }

  /** Stores it as it stands. */
  persist(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#storeAll()
      if (this.#state) await this.#put(this.#state, this.heard?.(), this.#hooks.authority())
    })
  }

  async #put(state: RolloutState, heard: Json | undefined, store: MetadataStore): Promise<void> {
    const value = { ...state, ...(heard === undefined ? {} : { heard }) }
    await store.putDocument('rollout', this.#deployment, value as unknown as Json, this.#clock.now())
  }

  /** One after another: records stand in the order of what they record. */
  write(work: () => Promise<unknown>): void {
    this.#writes = this.#inTurn(work).catch(error => {
      this.#failure = error
    })
  }

  /** Two who store at once would take the same decision off the list, and with it the next one. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#writes.then(work)
    this.#writes = done.catch(() => undefined)
    return done
  }

  written(): Promise<unknown> {
    return this.#writes
  }

  /** Throws while a decision is not stored: what rests on it must not be kept before it is. */
  async allStored(): Promise<void> {
    await this.#writes
    if (this.#unstored.length > 0) throw this.#failure ?? new Error('a decision is not stored yet')
  }

  /** Resolves when every decision so far is stored; throws what went wrong with storing one. */
  async stored(): Promise<void> {
    await this.#writes
    if (this.#failure === undefined) return
    const failure = this.#failure
    this.#failure = undefined
    throw failure
  }
}
