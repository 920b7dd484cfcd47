import { seeded } from '../../math/random/seeded.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Micros } from '../../internal/time.ts'
import type { Row, Value } from '../../ports/data-engine.ts'
import { noteReads, type KeptRead, type ReadCounts } from '../features/kept-reads.ts'
import type { ViewPlan } from '../features/channels.ts'
import type { StageServices } from '../services.ts'
import type { EntityFeatures } from './types.ts'

/** So long (milliseconds) what was read stays in memory before it is kept, at most; a quarter of the time between two comparisons where that is less. */
const maxFlushMs = 5_000

/** Infinities have no JSON, and whole numbers beyond 2^53 no number. */
const written = (value: Value): Json =>
  typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value)) ? String(value) : value

type Services = Pick<StageServices, 'store' | 'project' | 'clock'>

/**
 * Keeps a sample of what was read of a view: every read draws a number, and those with the smallest ones are kept, so that samples of
 * several processes make one. Reads cost a draw each; the store hears of them every few seconds.
 */
export class ReadSample {
  readonly #services: Services
  readonly #plan: ViewPlan
  readonly #rule: { readonly every: Micros; readonly sample: number }
  readonly #random: ReturnType<typeof seeded>
  #kept: KeptRead[] = []
  #counts: ReadCounts = {}
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> = Promise.resolve()

  constructor(services: Services, plan: ViewPlan, rule: { readonly every: Micros; readonly sample: number }) {
    this.#services = services
    this.#plan = plan
    this.#rule = rule
    this.#random = seeded(services.clock.now() % 2 ** 32)
  }

  /** One read: of an entity, a row with the key columns, at a moment. `vector` is asked for only where it is kept. */
  add(entity: Row, at: Micros, status: EntityFeatures['status'], vector: () => readonly Value[]): void {
    const read = this.#services.clock.now()
    const hour = String(Math.floor(read / 3_600_000_000) * 3_600_000_000)
    const counts = (this.#counts[hour] ??= {})
    counts[status] = (counts[status] ?? 0) + 1
    this.#timer ??= setTimeout(() => void this.flush(), Math.min(maxFlushMs, this.#rule.every / 4_000)).unref()
    const draw = this.#random.below(2 ** 31)
    const isFull = this.#kept.length >= this.#rule.sample
    if (isFull && draw >= (this.#kept.at(-1) as KeptRead).draw) return
    if (isFull) this.#kept.pop()
    const place = this.#kept.findIndex(one => one.draw > draw)
    this.#kept.splice(place < 0 ? this.#kept.length : place, 0, {
      draw,
      key: this.#plan.asks.map(({ key }) => written(entity[key] ?? null)),
      at,
      read,
      status,
      values: vector().map(written),
    })
  }

  /** Adds what was read to what is kept. What cannot be kept is let go: answers do not depend on it. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const [reads, counts] = [this.#kept, this.#counts]
    if (Object.keys(counts).length === 0) return this.#flushing
    this.#kept = []
    this.#counts = {}
    this.#flushing = this.#flushing
      .then(() => noteReads(this.#services, this.#plan, this.#rule, reads, counts))
      .catch(() => undefined)
    return this.#flushing
  }
}
