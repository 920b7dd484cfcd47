import type { Json } from '../../internal/canonical-json.ts'
import type { Micros } from '../../internal/time.ts'
import type { RequestEvent } from '../deploy/rollout/index.ts'
import type { Keeper } from './journal.ts'

/** Requests by how long they took: a bucket is half as wide again as the one before it, from 50 µs on. */
type Histogram = readonly number[]

/** What became of requests in one arm, where both were asked. */
export interface ArmTraffic {
  /** Rows that it answered to callers. */
  readonly rows: number
  readonly asked: number
  readonly errors: number
  readonly timeouts: number
  readonly took: Histogram
}

/** What was asked within one minute. Sums, so that those of several instances add up. */
export interface Minute {
  readonly stable: ArmTraffic
  readonly canary: ArmTraffic
  /** Rows that nobody could answer. */
  readonly failed: number
  /** Requests by how long their callers waited. */
  readonly latency: Histogram
}

const least = 0.05
const wider = 1.5
const maxBuckets = 36

const noArm: ArmTraffic = { rows: 0, asked: 0, errors: 0, timeouts: 0, took: [] }
export const noMinute: Minute = { stable: noArm, canary: noArm, failed: 0, latency: [] }

function bucketOf(milliseconds: number): number {
  if (!(milliseconds > least)) return 0
  return Math.min(maxBuckets - 1, Math.ceil(Math.log(milliseconds / least) / Math.log(wider)))
}

const addUp = (a: Histogram, b: Histogram): Histogram =>
  Array.from({ length: Math.max(a.length, b.length) }, (_, i) => (a[i] ?? 0) + (b[i] ?? 0))

const addArms = (a: ArmTraffic, b: ArmTraffic): ArmTraffic => ({
  rows: a.rows + b.rows,
  asked: a.asked + b.asked,
  errors: a.errors + b.errors,
  timeouts: a.timeouts + b.timeouts,
  took: addUp(a.took, b.took),
})

export const addMinutes = (a: Minute, b: Minute): Minute => ({
  stable: addArms(a.stable, b.stable),
  canary: addArms(a.canary, b.canary),
  failed: a.failed + b.failed,
  latency: addUp(a.latency, b.latency),
})

/** Milliseconds below which a share of the requests stayed, to a fifth; null where there were none. */
export function quantileOf(histogram: Histogram, share: number): number | null {
  const all = histogram.reduce((sum, count) => sum + count, 0)
  if (all === 0) return null
  let below = 0
  const bucket = histogram.findIndex(count => (below += count) >= share * all)
  return least * wider ** Math.max(0, bucket - 0.5)
}

const minuteLength = 60_000_000
export const minuteOf = (at: Micros): number => Math.floor(at / minuteLength)
export const startOf = (minute: number): Micros => minute * minuteLength

/** Minutes by their number since 1970. */
export type Minutes = Readonly<Record<number, Minute>>

interface OpenArm {
  rows: number
  asked: number
  errors: number
  timeouts: number
  readonly took: number[]
}
/** A minute that is still being counted: nothing is made anew for a request. */
interface OpenMinute {
  readonly stable: OpenArm
  readonly canary: OpenArm
  failed: number
  readonly latency: number[]
}

const buckets = (): number[] => Array.from({ length: maxBuckets }, () => 0)
const openArm = (): OpenArm => ({ rows: 0, asked: 0, errors: 0, timeouts: 0, took: buckets() })

/** Without the buckets that are empty to the end. */
const closed = (counts: readonly number[]): Histogram => counts.slice(0, counts.findLastIndex(count => count > 0) + 1)
const closedArm = (arm: OpenArm): ArmTraffic => ({ ...arm, took: closed(arm.took) })

/** What was asked since it was last given away. */
export class TrafficCounter {
  #minutes = new Map<number, OpenMinute>()

  get empty(): boolean {
    return this.#minutes.size === 0
  }

  #of(at: Micros): OpenMinute {
    const minute = minuteOf(at)
    let found = this.#minutes.get(minute)
    if (!found) {
      found = { stable: openArm(), canary: openArm(), failed: 0, latency: buckets() }
      this.#minutes.set(minute, found)
    }
    return found
  }

  answered(at: Micros, rows: { readonly stable: number; readonly canary: number }, milliseconds: number): void {
    const { stable, canary, latency } = this.#of(at)
    stable.rows += rows.stable
    canary.rows += rows.canary
    latency[bucketOf(milliseconds)] = (latency[bucketOf(milliseconds)] ?? 0) + 1
  }

  failed(at: Micros, rows: number): void {
    this.#of(at).failed += rows
  }

  /** A request that both arms were asked. */
  judged({ at, outcome, took }: RequestEvent): void {
    const minute = this.#of(at)
    for (const which of ['stable', 'canary'] as const) {
      const arm = minute[which]
      const became = outcome[which]
      arm.asked++
      if (became === 'error' || became === 'invalid') arm.errors++
      if (became === 'timeout') arm.timeouts++
      if (took) arm.took[bucketOf(took[which])] = (arm.took[bucketOf(took[which])] ?? 0) + 1
    }
  }

  take(): Minutes {
    const taken = [...this.#minutes].map(([minute, { stable, canary, failed, latency }]): [number, Minute] => [
      minute,
      { stable: closedArm(stable), canary: closedArm(canary), failed, latency: closed(latency) },
    ])
    this.#minutes = new Map()
    return Object.fromEntries(taken)
  }
}

/** How near the rules of a rollout are to taking it back: shares of their limits, by the names of the guardrails. */
export type Nearness = Readonly<Record<string, number>>

/** Two days. */
const maxMinutes = 2 * 24 * 60

interface Kept {
  readonly minutes: Minutes
  readonly evidence: Readonly<Record<number, Nearness>>
}

/** What was asked of a deployment, minute by minute, for people; and how its rollout stood at the end of each. */
export class TrafficHistory implements Keeper {
  readonly keeps = 'traffic'
  readonly #minutes = new Map<number, Minute>()
  readonly #evidence = new Map<number, Nearness>()
  readonly #changed = new Set<number>()

  add(minutes: Minutes): void {
    for (const [name, more] of Object.entries(minutes)) {
      const minute = Number(name)
      this.#minutes.set(minute, addMinutes(this.#minutes.get(minute) ?? noMinute, more))
      this.#changed.add(minute)
    }
    this.#prune()
  }

  stands(at: Micros, nearness: Nearness): void {
    const minute = minuteOf(at)
    const known = this.#evidence.get(minute)
    if (known && JSON.stringify(known) === JSON.stringify(nearness)) return
    this.#evidence.set(minute, nearness)
    this.#changed.add(minute)
    this.#prune()
  }

  #prune(): void {
    for (const map of [this.#minutes, this.#evidence]) while (map.size > maxMinutes) map.delete(Math.min(...map.keys()))
  }

  /** What is known of `count` minutes up to a moment, each of `step` minutes, oldest first; empty ones too. */
  since(
    at: Micros,
    count: number,
    step: number,
  ): readonly { readonly at: Micros; readonly minute: Minute; readonly evidence: Nearness | null }[] {
    const last = Math.floor(minuteOf(at) / step) * step
    return Array.from({ length: count }, (_, i) => {
      const begins = last - (count - 1 - i) * step
      const within = Array.from({ length: step }, (__, k) => begins + k)
      const minute = within.reduce((sum, each) => addMinutes(sum, this.#minutes.get(each) ?? noMinute), noMinute)
      const evidence = within.map(each => this.#evidence.get(each)).findLast(one => one !== undefined)
      return { at: startOf(begins), minute, evidence: evidence ?? null }
    })
  }

  capture(whole: boolean): Json | undefined {
    if (!whole && this.#changed.size === 0) return undefined
    const of = <T>(map: ReadonlyMap<number, T>): Record<number, T> =>
      Object.fromEntries([...map].filter(([minute]) => whole || this.#changed.has(minute)))
    const kept: Kept = { minutes: of(this.#minutes), evidence: of(this.#evidence) }
    this.#changed.clear()
    return kept as unknown as Json
  }

  takeBack(state: Json): void {
    const { minutes, evidence } = state as unknown as Kept
    for (const [minute, one] of Object.entries(minutes)) this.#minutes.set(Number(minute), one)
    for (const [minute, one] of Object.entries(evidence)) this.#evidence.set(Number(minute), one)
  }

  recall(): void {
    // predictions and labels are none of its concern
  }
  recallLabel(): void {
    // likewise
  }
  stored(): Promise<unknown> {
    return Promise.resolve()
  }
}
