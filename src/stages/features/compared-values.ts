import { personalColumns } from '../../define/dataset.ts'
import { columnsOfFeature } from '../../define/features.ts'
import type { Value } from '../../ports/data-engine.ts'
import type { ViewPlan } from './channels.ts'

/** How the values of a feature are spread. */
export interface Spread {
  readonly values: number
  readonly nulls: number
  /** Of finite numbers and times (microseconds): the least, the quartiles, the greatest. */
  readonly quartiles?: readonly [number, number, number, number, number]
  /** Of texts and truth values the most frequent ones with their counts, at most five. */
  readonly frequent?: readonly { readonly value: string; readonly count: number }[]
}

/** A feature as it was online and offline at the same moments. */
export interface ComparedFeature {
  readonly feature: string
  readonly mismatches: number
  readonly online: Spread
  readonly offline: Spread
}

/** Vectors whose values are kept to tell how they are spread: they come in no order, so that the first ones are a sample. */
const maxSpread = 10_000
const maxFrequent = 5

class Values {
  #nulls = 0
  readonly #numbers: number[] = []
  readonly #words = new Map<string, number>()
  #values = 0

  add(value: Value): void {
    if (value === null) {
      this.#nulls++
      return
    }
    this.#values++
    if (typeof value === 'number') {
      if (Number.isFinite(value)) this.#numbers.push(value)
    } else this.#words.set(String(value), (this.#words.get(String(value)) ?? 0) + 1)
  }

  /** Of personal values only how many there are. */
  spread(isPersonal: boolean): Spread {
    const numbers = this.#numbers.toSorted((a, b) => a - b)
    const at = (share: number): number => numbers[Math.round(share * (numbers.length - 1))] as number
    const frequent = [...this.#words].toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, maxFrequent)
    return {
      values: this.#values,
      nulls: this.#nulls,
      ...(numbers.length > 0 && !isPersonal ? { quartiles: [at(0), at(0.25), at(0.5), at(0.75), at(1)] } : {}),
      ...(frequent.length > 0 && !isPersonal ? { frequent: frequent.map(([value, count]) => ({ value, count })) } : {}),
    }
  }
}

/** A value as a model sees it. */
export const asTrained = (value: Value): Value => (typeof value === 'number' ? Math.fround(value) : value)

/** Whether a model sees the same. */
export function isSame(online: Value, offline: Value): boolean {
  const [here, there] = [asTrained(online), asTrained(offline)]
  return Object.is(here, there) || here === there
}

/** Counts in which features vectors of one view differ, and how the values of both sides are spread. */
export class ComparedValues {
  readonly #plan: ViewPlan
  readonly #sides: readonly { readonly online: Values; readonly offline: Values }[]
  readonly #mismatches: number[]
  #vectors = 0

  constructor(plan: ViewPlan) {
    this.#plan = plan
    this.#sides = plan.features.map(() => ({ online: new Values(), offline: new Values() }))
    this.#mismatches = plan.features.map(() => 0)
  }

  /** Vectors of the same entity and moment, in the plan's order. Gives the places of the features that differ. */
  add(online: readonly Value[], offline: readonly Value[]): readonly number[] {
    const isKept = this.#vectors++ < maxSpread
    const differing: number[] = []
    for (const [f, side] of this.#sides.entries()) {
      const [here, there] = [online[f] ?? null, offline[f] ?? null]
      if (isKept) {
        side.online.add(here)
        side.offline.add(there)
      }
      if (isSame(here, there)) continue
      differing.push(f)
      this.#mismatches[f] = (this.#mismatches[f] ?? 0) + 1
    }
    return differing
  }

  /** In the plan's order. */
  features(): readonly ComparedFeature[] {
    const { view, features } = this.#plan
    const personal = personalColumns(view.from)
    return features.map(({ name }, f) => {
      const { online, offline } = this.#sides[f] as { readonly online: Values; readonly offline: Values }
      const isPersonal = columnsOfFeature(view, name).some(column => personal.has(column))
      return {
        feature: name,
        mismatches: this.#mismatches[f] as number,
        online: online.spread(isPersonal),
        offline: offline.spread(isPersonal),
      }
    })
  }
}
