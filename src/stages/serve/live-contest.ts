import type { Json } from '../../internal/canonical-json.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import { advanceContest, type ContestEvent, type ContestState } from '../deploy/contest/index.ts'
import type { ResolvedConfig, RolloutState } from '../deploy/rollout/index.ts'
import type { StageServices } from '../services.ts'
import type { Arm } from './arm.ts'
import type { DecisionQueue } from './decision-queue.ts'
import type { EventLog } from './rollout-log.ts'
import type { Trial } from './trial.ts'

export interface ContestHooks {
  readonly queue: DecisionQueue
  /** Nobody asks a challenger any more: it has left, or another was chosen. */
  readonly left: (trial: Trial) => void
  /** One was chosen: its rollout begins at once, and what is given is stored with the choice. */
  readonly chosen: (trial: Trial) => (store: MetadataStore) => Promise<unknown>
  /** How far other instances were heard, which the state counts already. */
  readonly heard: () => Json | undefined
}

/** One challenger of a contest as requests find it. */
export interface Contender {
  readonly salt: string
  readonly config: ResolvedConfig
  readonly trial: Trial
  readonly arm: Arm
}

const none: readonly Contender[] = Object.freeze([])

const isOut = ({ phase }: RolloutState): boolean => phase === 'rolled-back'

/** The contest of one deployment as it runs here: its state, its challengers, and its records. */
export class LiveContest {
  readonly #clock: Pick<StageServices['clock'], 'now'>
  readonly #deployment: string
  readonly #hooks: ContestHooks
  #state: ContestState | undefined
  #trials = new Map<string, Trial>()
  #contenders: readonly Contender[] = none
  #log: EventLog<ContestState, ContestEvent> | undefined

  constructor(clock: Pick<StageServices['clock'], 'now'>, deployment: string, hooks: ContestHooks) {
    this.#clock = clock
    this.#deployment = deployment
    this.#hooks = hooks
  }

  /** The running contest or the last one. */
  get state(): ContestState | undefined {
    return this.#state
  }
  get running(): boolean {
    return this.#state?.phase === 'running'
  }
  /** Who is asked beside stable now: the same list for as long as they are the same. */
  get contenders(): readonly Contender[] {
    return this.#contenders
  }
  /** Whether a challenger of the running contest, or of the last one, is called that, by its salt. */
  has(arm: string): boolean {
    return this.#state?.arms.some(one => one.salt === arm) === true
  }
  /** The challengers that are still compared, by their salts. */
  get going(): readonly string[] {
    return this.running ? (this.#state?.arms ?? []).filter(one => !isOut(one)).map(one => one.salt) : []
  }

  /** Takes up a contest: a new one, or one of before a restart; by their salts the challengers that are there. */
  take(state: ContestState, trials: ReadonlyMap<string, Trial>): void {
    this.#trials = new Map(trials)
    this.resume(state)
  }

  /** The same contest, further on: a journal, or who leads, knows more. */
  resume(state: ContestState): void {
    this.#state = state
    this.#log?.state(state)
    this.#clear()
  }

  /** From now on every event is kept. */
  keep(log: EventLog<ContestState, ContestEvent>): void {
    this.#log = log
    if (this.#state && this.running) log.state(this.#state)
  }

  /** Another leads: nothing is kept here any more. */
  letGo(): void {
    this.#log = undefined
  }

  /** Nothing of it is known here any more. */
  forget(): void {
    this.#state = undefined
    this.#clear()
  }

  /** Lets go who is asked no more. */
  #clear(): void {
    const going = new Set(this.going)
    for (const [salt, trial] of this.#trials) {
      if (going.has(salt)) continue
      this.#trials.delete(salt)
      trial.end()
      this.#hooks.left(trial)
    }
    this.#contenders = (this.#state?.arms ?? []).flatMap(({ salt, config }) => {
      const trial = this.#trials.get(salt)
      return trial ? [{ salt, config, trial, arm: trial.arm }] : []
    })
  }

  move(event: ContestEvent): void {
    const before = this.#state
    if (!before || before.phase !== 'running') return
    // What is refused is no part of what happened: it throws before it is kept
    const { state, decisions } = advanceContest(before, event)
    this.#log?.event(event, before)
    this.#state = state
    if (decisions.length === 0) return
    const heard = this.#hooks.heard()
    const put = (store: MetadataStore): Promise<unknown> => this.put(state, store, heard)
    const begun = state.phase === 'chosen' ? this.#begun(state) : undefined
    this.#clear()
    this.#hooks.queue.push({
      decisions,
      founded: async () => this.#log?.flush(),
      async put(store) {
        await put(store)
        await begun?.(store)
      },
    })
  }

  /** The rollout of the one that was chosen; one that is not loaded here is loaded by who takes up the rollout. */
  #begun({ arms, chosen }: ContestState): ((store: MetadataStore) => Promise<unknown>) | undefined {
    const arm = arms.find(one => one.config.challenger === chosen)
    const trial = arm && this.#trials.get(arm.salt)
    if (!arm || !trial) return undefined
    this.#trials.delete(arm.salt)
    trial.end()
    return this.#hooks.chosen(trial)
  }

  /** Stores it as it stands. */
  persist(): Promise<void> {
    return this.#hooks.queue.persist(async store => {
      if (this.#state && this.running) await this.put(this.#state, store)
    })
  }

  /** Writes a state as the one of this deployment. */
  async put(state: ContestState, store: MetadataStore, heard = this.#hooks.heard()): Promise<void> {
    const value = { ...state, ...(heard === undefined ? {} : { heard }) }
    await store.putDocument('contest', this.#deployment, value as unknown as Json, this.#clock.now())
  }
}
