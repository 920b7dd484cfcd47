import type { PropertyTest } from '../../../define/model-test/index.ts'
import { next, type Case, type Ground, type Value } from './cases.ts'

/** A property as the search sees it. */
export interface Rule {
  readonly words: string
  /** One case of a row, drawn; undefined where the row has none. */
  draw(row: readonly Value[]): Case | undefined
  /** By how much the scores break it; 0 where they do not. NaN among them breaks everything. */
  breaks(one: Case, before: Float32Array, after: Float32Array): number
  /** The values after follow from the row, so that a row that is changed makes them anew. */
  readonly redraw?: true
  /**
   * How one input is looked along: any two of its values as a case (`pairs`), or each value as one (`each`). Undefined where
   * looking along helps nobody.
   */
  readonly along?: {
    readonly input: number
    readonly values: readonly Value[]
    readonly kind: 'ordered' | 'any' | ((value: Value) => Value)
  }[]
}

const valueOf = (value: number | string | boolean | undefined): Value | undefined =>
  typeof value === 'boolean' ? Number(value) : value

export function ruleOf(test: PropertyTest, ground: Ground): Rule {
  const { names, profiles, unit, random } = ground
  const moved = test.inputs.map(name => names.indexOf(name))
  const all = test.inputs.join(' and ')
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)] as T
  const anyValue = (input: number): Value => {
    const profile = profiles[input] as Ground['profiles'][number]
    if (profile.hasMissing && random.next() < 0.05) return profile.kind === 'text' ? '' : Number.NaN
    return profile.kind === 'number' && random.next() < 0.5
      ? pick(profile.quantiles)
      : pick(profile.values.length > 0 ? profile.values : [''])
  }
  const withMissing = (input: number): readonly Value[] => {
    const profile = profiles[input] as Ground['profiles'][number]
    return profile.hasMissing ? [...profile.values, profile.kind === 'text' ? '' : Number.NaN] : profile.values
  }
  const own = (row: readonly Value[]): Value[] => moved.map(input => row[input] as Value)
  const largest = (before: Float32Array, after: Float32Array): number => {
    let most = 0
    for (let k = 0; k < before.length; k++) {
      const by = Math.abs((after[k] as number) - (before[k] as number))
      if (!(by <= most)) most = by
    }
    return most
  }
  const guarded =
    (of: (before: Float32Array, after: Float32Array) => number) =>
    (_: Case, before: Float32Array, after: Float32Array): number =>
      // No number compares with another: without this a model that answers NaN would hold every property
      [...before, ...after].some(Number.isNaN) ? Infinity : Math.max(0, of(before, after))

  switch (test.kind) {
    case 'monotone': {
      const up = test.direction === 'increasing'
      const slack = test.slack ?? 1e-6 * unit
      return {
        words: `score never ${up ? 'falls' : 'rises'} as ${all} ${moved.length > 1 ? 'rise' : 'rises'}`,
        draw(row) {
          const pairs = moved.map(input => {
            const { values, quantiles } = profiles[input] as Ground['profiles'][number]
            const from = (random.next() < 0.5 ? quantiles : values) as readonly number[]
            const [a, b] = [pick(from), pick(from)]
            return a <= b ? [a, b] : [b, a]
          })
          return {
            row,
            moved,
            before: pairs.map(([low]) => low as number),
            after: pairs.map(([, high]) => high as number),
          }
        },
        breaks: guarded(([before = 0], [after = 0]) => (up ? before - after : after - before) - slack),
        along: moved.map(input => ({
          input,
          values: profiles[input]?.values ?? [],
          kind: 'ordered' as const,
        })),
      }
    }
    case 'invariant': {
      const most = test.maxDelta ?? 0.01 * unit
      return {
        words: `${all} ${moved.length > 1 ? 'move' : 'moves'} the score by at most ${short(most)}`,
        draw: row => ({ row, moved, before: own(row), after: moved.map(anyValue) }),
        breaks: guarded((before, after) => largest(before, after) - most),
        along: moved.map(input => ({ input, values: withMissing(input), kind: 'any' as const })),
      }
    }
    case 'directional': {
      const [input = 0] = moved
      const [from, to] = [valueOf(test.from), valueOf(test.to)]
      const { by } = test
      const up = test.moves === 'up'
      const step = (value: Value): Value => (by === undefined ? (to as Value) : sum(value as number, by))
      const words =
        by === undefined
          ? `${test.inputs[0]} ${from === undefined ? '' : `from ${test.from} `}to ${test.to}`
          : `${test.inputs[0]} ${by < 0 ? '-' : '+'} ${Math.abs(by)}`
      return {
        words: `${words} moves the score ${test.moves}`,
        draw(row) {
          const value = from ?? (row[input] as Value)
          if (by !== undefined && Number.isNaN(value)) return undefined
          return { row, moved, before: [value], after: [step(value)] }
        },
        breaks: guarded(([before = 0], [after = 0]) => (up ? before - after : after - before) - 1e-6 * unit),
        ...(from === undefined ? { along: [{ input, values: profiles[input]?.values ?? [], kind: step }] } : {}),
      }
    }
    case 'matters':
      return {
        words: `${all} ${moved.length > 1 ? 'move' : 'moves'} the score by ${short(test.least ?? 0.001 * unit)} on average`,
        draw: row => ({ row, moved, before: own(row), after: moved.map(anyValue) }),
        breaks: guarded(() => 0),
      }
    case 'stable': {
      const most = test.maxDelta ?? 0.05 * unit
      return {
        words: `noise of ${short(test.noise)} deviations moves the score by at most ${short(most)}`,
        draw(row) {
          const before = own(row)
          const after = before.map((value, i) =>
            Math.fround(
              (value as number) +
                test.noise *
                  (profiles[moved[i] as number]?.deviation ?? 0) *
                  Math.max(-3, Math.min(3, random.normal())),
            ),
          )
          return { row, moved, before, after }
        },
        breaks: guarded((before, after) => largest(before, after) - most),
      }
    }
  }
}

/** In float32, as the model reads it; where that changes nothing, the next number. */
function sum(value: number, by: number): number {
  const made = Math.fround(value + by)
  return made === value && by > 0 ? next(value) : made
}

const short = (value: number): string => String(Number(value.toPrecision(3)))
