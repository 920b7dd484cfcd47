import { ulid } from '../../internal/ids.ts'
import type { Clock } from '../../ports/clock.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'

const windowMs = 60_000
/** Answered at once: a person who mistypes. */
const atOnce = 5
const maxDelayMs = 2_000
/** Who is more than that many is answered at once: to wait costs memory. */
const maxWaiting = 100

/**
 * Wrong tokens of the last minute. From the sixth on the answer is held back, longer each time; right tokens are not
 * touched. Each doubling of their number is a decision record, so that a flood of them does not fill the store.
 */
export class SignInFailures {
  readonly #store: MetadataStore
  readonly #clock: Clock
  #since = Number.NEGATIVE_INFINITY
  #count = 0
  #waiting = 0

  constructor({ store, clock }: { readonly store: MetadataStore; readonly clock: Clock }) {
    this.#store = store
    this.#clock = clock
  }

  async add(what: string): Promise<void> {
    const now = this.#clock.elapsed()
    if (now - this.#since > windowMs) {
      this.#since = now
      this.#count = 0
    }
    const count = ++this.#count
    if ((count & (count - 1)) === 0) await this.#record(what, count)
    if (count <= atOnce || this.#waiting >= maxWaiting) return
    this.#waiting++
    const delay = Math.min(maxDelayMs, 100 * 2 ** (count - atOnce - 1))
    await new Promise(resolve => setTimeout(resolve, delay))
    this.#waiting--
  }

  async #record(what: string, count: number): Promise<void> {
    try {
      await this.#store.addDecision({
        id: ulid(),
        kind: 'access',
        subject: 'sign-in',
        at: this.#clock.now(),
        verdict: 'refused',
        reason: `${count} wrong ${count === 1 ? 'token was' : 'tokens were'} given within a minute`,
        rule: { name: 'a token is known, not revoked and not expired', threshold: atOnce, value: count },
        inputs: { what },
        evidence: [],
        actor: 'millrace up',
      })
    } catch {
      // Refusing does not depend on a store that takes writes
    }
  }
}
