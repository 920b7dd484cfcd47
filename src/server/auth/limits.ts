import { fail } from '../../errors/index.ts'
import type { Clock } from '../../ports/clock.ts'
import type { TokenRecord } from './tokens.ts'

/** How much each token may ask of one server. */
export interface TokenLimits {
  /** Requests a second over time; as many at once. */
  readonly maxRequestsPerSecond?: number | undefined
  /** Requests a day, from midnight UTC on. */
  readonly maxRequestsPerDay?: number | undefined
}

interface Budget {
  /** Requests that may come at once now. */
  left: number
  seen: number
  day: number
  today: number
}

const dayMicros = 86_400_000_000

/** Counts what each token asks, and refuses what is too much with when it is not any more. A session counts for its token. */
export class TokenMeter {
  readonly #limits: TokenLimits
  readonly #clock: Pick<Clock, 'now' | 'elapsed'>
  readonly #spent = new Map<string, Budget>()

  constructor(limits: TokenLimits, clock: Pick<Clock, 'now' | 'elapsed'>) {
    this.#limits = limits
    this.#clock = clock
  }

  /** Throws `tokenLimited`; what is refused costs nothing. */
  take({ id, name }: Pick<TokenRecord, 'id' | 'name'>): void {
    const { maxRequestsPerSecond: rate, maxRequestsPerDay: budget } = this.#limits
    if (rate === undefined && budget === undefined) return
    const elapsed = this.#clock.elapsed()
    const now = this.#clock.now()
    const day = Math.floor(now / dayMicros)
    const burst = Math.max(1, rate ?? 0)
    const spent = this.#spent.get(id) ?? { left: burst, seen: elapsed, day, today: 0 }
    this.#spent.set(id, spent)
    if (spent.day !== day) Object.assign(spent, { day, today: 0 })
    if (rate !== undefined) {
      spent.left = Math.min(burst, spent.left + ((elapsed - spent.seen) / 1000) * rate)
      spent.seen = elapsed
    }
    if (budget !== undefined && spent.today >= budget) {
      const seconds = Math.ceil(((day + 1) * dayMicros - now) / 1e6)
      throw fail('tokenLimited', { token: name, limit: `${budget} requests a day`, seconds })
    }
    if (rate !== undefined && spent.left < 1) {
      const seconds = Math.max(1, Math.ceil((1 - spent.left) / rate))
      throw fail('tokenLimited', { token: name, limit: `${rate} requests a second`, seconds })
    }
    spent.left--
    spent.today++
  }
}
