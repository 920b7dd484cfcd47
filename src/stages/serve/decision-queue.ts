import type { Decision } from '../../define/decision.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'

/** What the end of a rollout leads to: recorded with its decision, or neither is; then it takes effect here. */
export interface EndEffects {
  readonly record: (store: MetadataStore) => Promise<unknown>
  readonly effect: () => void
}

/** Decisions of one event with what they led to, which are not in the store yet. */
export interface PendingEvent {
  readonly decisions: readonly Decision[]
  /** Resolves when what they rest on is on disk. */
  readonly founded: () => Promise<unknown>
  /** Writes the state that they led to, in the transaction of the decisions. */
  readonly put: (store: MetadataStore) => Promise<unknown>
  readonly end?: (() => Promise<EndEffects>) | undefined
}

/**
 * The records of one deployment's decisions, in the order in which they were made: each whole, with the state that it led to, or not
 * at all. What cannot be stored stays, and so does what is behind it.
 */
export class DecisionQueue {
  readonly #authority: () => MetadataStore
  #unstored: (PendingEvent & { ending?: EndEffects | undefined })[] = []
  #writes: Promise<unknown> = Promise.resolve()
  #failure: unknown

  /** `authority`: the store of one who leads; throws `noLeader` where another does. */
  constructor(authority: () => MetadataStore) {
    this.#authority = authority
  }

  /** Why a decision could not be stored. */
  get failure(): unknown {
    return this.#failure
  }

  push(step: PendingEvent): void {
    this.#unstored.push(step)
    this.write(() => this.#storeAll())
  }

  /** Another leads: what is not stored yet is not. */
  letGo(): void {
    this.#unstored = []
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

  async #storeOne(step: PendingEvent & { ending?: EndEffects | undefined }): Promise<void> {
    const { decisions, founded, put } = step
    const authority = this.#authority()
    // What a decision rests on is there before it is
    await founded()
    // Made once, however often storing it is tried
    step.ending ??= await step.end?.()
    const { ending } = step
    await authority.transaction(async store => {
      // It was stored, and only the word of that was lost
      if (await store.getDecision(decisions[0]?.id ?? '')) return
      for (const decision of decisions) await store.addDecision(decision)
      await ending?.record(store)
      await put(store)
    })
    ending?.effect()
  }

  /** Writes a state as it stands, after every decision up to now. */
  persist(put: (store: MetadataStore) => Promise<unknown>): Promise<void> {
    return this.#inTurn(async () => {
      await this.#storeAll()
      await put(this.#authority())
    })
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
