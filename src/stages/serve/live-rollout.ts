import type { Decision } from '../../define/decision.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { advance, type RolloutEvent, type RolloutState } from '../deploy/rollout/index.ts'
import type { StageServices } from '../services.ts'
import type { RolloutLog } from './rollout-log.ts'
import type { Trial } from './trial.ts'

export interface RolloutHooks {
  /** What a decision says besides, for those who read it. */
  readonly told: (decision: Decision) => Decision
  /** The rollout has ended, well or not: the pointer has moved, what is slow follows in the order of the records. */
  readonly ended: (state: RolloutState, trial: Trial) => (() => Promise<unknown>) | undefined
}

/**
 * The rollout of one deployment as it runs here: its state, its challenger, and its records. A decision takes effect at once and
 * is written in order.
 */
export class LiveRollout {
  readonly #services: Pick<StageServices, 'store' | 'clock'>
  readonly #deployment: string
  readonly #hooks: RolloutHooks
  #state: RolloutState | undefined
  #trial: Trial | undefined
  #log: RolloutLog | undefined
  #writes: Promise<unknown> = Promise.resolve()
  #failure: unknown

  constructor(services: Pick<StageServices, 'store' | 'clock'>, deployment: string, hooks: RolloutHooks) {
    this.#services = services
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

  /** Ends a rollout whose challenger is not there any more. */
  async giveUp(rollout: RolloutState, reason: string): Promise<void> {
    const { store, clock } = this.#services
    const { state, decisions } = advance(rollout, {
      type: 'command',
      at: clock.now(),
      command: 'abort',
      actor: 'system',
    })
    for (const one of decisions)
      await store.addDecision({
        ...one,
        reason: `${rollout.config.challenger} cannot be loaded any more, so its rollout ends: ${reason}`,
      })
    await this.persist(state)
  }

  forget(): void {
    this.#state = undefined
    this.#trial = undefined
  }

  move(event: RolloutEvent): void {
    if (!this.#state) return
    if (this.#trial) this.#log?.event(event, this.#state)
    const { state, decisions: made } = advance(this.#state, event)
    this.#state = state
    if (made.length === 0) return
    const decisions = made.map(this.#hooks.told)
    const trial = this.#trial
    const over = state.phase === 'rolled-back' || state.phase === 'done'
    if (over && trial) {
      this.#trial = undefined
      trial.end()
      const follow = this.#hooks.ended(state, trial)
      if (follow) this.write(follow)
    }
    this.write(async () => {
      // What a decision rests on is there before it is
      await this.#log?.flush()
      for (const decision of decisions) await this.#services.store.addDecision(decision)
      await this.persist(state)
    })
  }

  async persist(state = this.#state): Promise<void> {
    const { store, clock } = this.#services
    if (state) await store.putDocument('rollout', this.#deployment, state as unknown as Json, clock.now())
  }

  /** One after another: records stand in the order of what they record. */
  write(work: () => Promise<unknown>): void {
    this.#writes = this.#writes.then(work).catch(error => {
      this.#failure = error
    })
  }

  written(): Promise<unknown> {
    return this.#writes
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
