import type { Metric } from '../../define/canary.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Micros } from '../../internal/time.ts'
import type { MetricsEvent, RolloutState } from '../deploy/rollout/index.ts'
import type { Keeper } from './journal.ts'
import type { ServedRow, ToldValue } from './recorder.ts'

interface Unit {
  readonly at: Micros
  readonly canary: boolean
  readonly chance: number
  readonly values: Record<string, number>
}

/** Units that wait for their horizon, callers that have been counted, and values that came before their prediction; at most. */
const maxWaiting = 100_000
const maxCallers = 200_000
const maxEarly = 10_000

/** What happened since it was written last: a unit served, a value told, so many of the oldest counted. */
type Step =
  | readonly ['served', id: string, at: Micros, canary: 0 | 1, chance: number, caller: string | null]
  | readonly ['told', id: string, metric: string, value: number]
  | readonly ['counted', units: number]

interface Kept {
  readonly rollout: string | null
  /** Units counted before the steps, where they are all that is known. */
  readonly counted?: number
  readonly callers?: readonly string[]
  readonly steps: readonly Step[]
}

/**
 * Units of one rollout and what they were worth. A unit is a prediction, or the first one of a caller where callers are kept on
 * one arm: the arm of its later ones is drawn no more. It counts once its horizon is over, whatever was told by then, so that
 * quick values are not preferred; the first value of a metric counts.
 */
export class MetricUnits implements Keeper {
  readonly keeps = 'metrics'
  readonly #rollout: () => RolloutState | undefined
  readonly #horizon: () => Micros
  readonly #now: () => Micros
  #salt: string | null = null
  #units = new Map<string, Unit>()
  #callers = new Set<string>()
  #early = new Map<string, Record<string, number>>()
  #counted = 0
  #steps: Step[] = []

  constructor(rollout: () => RolloutState | undefined, horizon: () => Micros, now: () => Micros) {
    this.#rollout = rollout
    this.#horizon = horizon
    this.#now = now
  }

  /** Units of the running rollout that do not count yet. */
  get waiting(): number {
    return this.#units.size
  }

  #begin(salt: string | null): void {
    this.#salt = salt
    this.#units = new Map()
    this.#callers = new Set()
    this.#early = new Map()
    this.#counted = 0
    this.#steps = []
  }

  /** Those of another rollout than the present one are none of it. */
  #isOf(rollout: string | undefined): boolean {
    const state = this.#rollout()
    if (!state || Object.keys(state.config.metrics).length === 0) return false
    if (this.#salt !== state.salt) this.#begin(state.salt)
    return rollout === undefined || rollout === state.salt
  }

  served(rows: readonly ServedRow[], rollout: string): void {
    if (!this.#isOf(rollout)) return
    for (const { id, at, canary, chance, caller } of rows) {
      // One that is said to be of the future would keep those behind it waiting
      const step: Step = ['served', id, Math.min(at, this.#now()), canary ? 1 : 0, chance, caller ?? null]
      if (this.#take(step)) this.#steps.push(step)
    }
  }

  /** Gives how many of them were not told before. */
  told(values: readonly ToldValue[]): number {
    if (!this.#isOf(undefined)) return 0
    let fresh = 0
    for (const { id, metric, value } of values) {
      const step: Step = ['told', id, metric, value]
      if (!this.#take(step)) continue
      this.#steps.push(step)
      if (this.#units.has(id)) fresh++
    }
    return fresh
  }

  /** False where it changes nothing. */
  #take(step: Step): boolean {
    if (step[0] === 'counted') {
      for (const id of [...this.#units.keys()].slice(0, step[1])) this.#units.delete(id)
      this.#counted += step[1]
      return true
    }
    if (step[0] === 'told') {
      const [, id, metric, value] = step
      const values = this.#units.get(id)?.values ?? this.#earlyOf(id)
      if (values[metric] !== undefined) return false
      values[metric] = value
      return true
    }
    const [, id, at, canary, chance, caller] = step
    if (this.#units.has(id) || this.#units.size >= maxWaiting) return false
    if (caller !== null) {
      if (this.#callers.has(caller) || this.#callers.size >= maxCallers) return false
      this.#callers.add(caller)
    }
    this.#units.set(id, { at, canary: canary === 1, chance, values: this.#early.get(id) ?? {} })
    this.#early.delete(id)
    return true
  }

  #earlyOf(id: string): Record<string, number> {
    const known = this.#early.get(id) ?? {}
    this.#early.set(id, known)
    if (this.#early.size > maxEarly) this.#early.delete(this.#early.keys().next().value as string)
    return known
  }

  /** The units whose horizon is over, each once, in the order in which they were served. */
  release(): MetricsEvent | undefined {
    const state = this.#rollout()
    if (!state || this.#salt !== state.salt || this.#units.size === 0) return undefined
    const now = this.#now()
    const horizon = this.#horizon()
    const due: Unit[] = []
    for (const unit of this.#units.values()) {
      if (unit.at + horizon > now) break
      due.push(unit)
    }
    if (due.length === 0) return undefined
    const first = this.#counted
    const step: Step = ['counted', due.length]
    this.#take(step)
    this.#steps.push(step)
    const valueOf = ({ values }: Unit, name: string, { missing }: Metric): number | null => values[name] ?? missing
    return {
      type: 'metrics',
      at: now,
      first,
      canary: due.map(one => (one.canary ? 1 : 0)),
      chance: due.map(one => one.chance),
      values: Object.fromEntries(
        Object.entries(state.config.metrics).map(([name, metric]) => [
          name,
          due.map(unit => valueOf(unit, name, metric)),
        ]),
      ),
    }
  }

  capture(whole: boolean): Json | undefined {
    const steps = this.#steps
    this.#steps = []
    if (!whole) return steps.length === 0 ? undefined : ({ rollout: this.#salt, steps } as unknown as Json)
    const all: Step[] = []
    for (const [id, { at, canary, chance, values }] of this.#units) {
      all.push(['served', id, at, canary ? 1 : 0, chance, null])
      for (const [metric, value] of Object.entries(values)) all.push(['told', id, metric, value])
    }
    for (const [id, values] of this.#early)
      for (const [metric, value] of Object.entries(values)) all.push(['told', id, metric, value])
    const kept: Kept = { rollout: this.#salt, counted: this.#counted, callers: [...this.#callers], steps: all }
    return kept as unknown as Json
  }

  takeBack(state: Json): void {
    const { rollout, counted, callers, steps } = state as unknown as Kept
    if (counted !== undefined || rollout !== this.#salt) this.#begin(rollout)
    this.#counted = counted ?? this.#counted
    for (const caller of callers ?? []) this.#callers.add(caller)
    for (const step of steps) this.#take(step)
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
