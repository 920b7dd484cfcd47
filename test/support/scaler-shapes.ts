import { expect } from 'vitest'
import { fitScaler, type ScalerKind, SpreadError } from '../../src/math/scaler/index.ts'

interface Figures {
  readonly offset: number | null
  readonly scale: number | null
  readonly var?: number | null
  readonly max?: number | null
}

/** One column with what scikit-learn learned from it: see test/fixtures/scaler/make.py. */
export interface ScalerShape {
  readonly name: string
  readonly values: readonly (number | null)[]
  readonly weights: readonly number[]
  readonly standard: Figures
  readonly minmax: Figures
  readonly robust: Figures
  readonly weighted: Figures & { readonly quantiles: readonly (number | null)[] }
}

export interface ScalerReference {
  readonly seed: number
  readonly columns: readonly ScalerShape[]
}

const tolerance = 1e-12

/** Within 1e-12 of the wanted figure, relative to it or to `size`, what it is a difference of; denormals within one step. */
function near(what: string, actual: number, wanted: number, size = 0): void {
  const bound = Math.max(tolerance * Math.max(Math.abs(wanted), size), Number.MIN_VALUE)
  if (!(Math.abs(actual - wanted) <= bound)) expect.fail(`${what}: ${actual} is not ${wanted} within ${bound}`)
}

/**
 * Holds our fit of a column to scikit-learn's: equal within 1e-12. A mean near zero is a sum that cancels, so it is held
 * relative to the mean size of what was summed. Where scikit-learn's own standard scale or variance is no finite number, ours
 * must refuse (or know better: one value only is constant, whatever its size); a column without values must be left as it is.
 */
export function holdToReference(shape: ScalerShape): void {
  const values = Float64Array.from(shape.values, value => value ?? NaN)
  const present = values.filter(value => !Number.isNaN(value))
  const size = present.reduce((sum, value) => sum + Math.abs(value) / present.length, 0)
  for (const kind of ['standard', 'minmax', 'robust'] as const) hold(shape, kind, shape[kind], values, size)
  const weights = Float64Array.from(shape.weights)
  hold(shape, 'standard', shape.weighted, values, size, weights)
  const [q25, median, q75] = shape.weighted.quantiles
  if (q25 == null || median == null || q75 == null) return
  const robust = fitScaler('robust', [values], { weights }).features[0]
  expect([robust?.median, robust?.iqr], `${shape.name}: weighted quantiles`).toEqual([median, q75 - q25])
}

function hold(
  { name, values: listed }: ScalerShape,
  kind: ScalerKind,
  wanted: Figures,
  values: Float64Array,
  size: number,
  weights?: Float64Array,
): void {
  const what = `${name}, ${weights ? 'weighted ' : ''}${kind}`
  const fit = () => fitScaler(kind, [values], weights ? { weights } : {}).features[0]
  const empty = weights
    ? listed.every((value, at) => value === null || weights[at] === 0)
    : listed.every(value => value === null)
  if (!empty && kind === 'standard' && (wanted.var === null || wanted.scale === null)) {
    const one = new Set(listed.filter((value, at) => value !== null && weights?.[at] !== 0)).size === 1
    if (one) expect(fit(), what).toMatchObject({ constant: true, scale: 1 })
    else expect(fit, what).toThrow(SpreadError)
    return
  }
  const found = fit()
  expect(found?.nullCount, what).toBe(listed.filter(value => value === null).length)
  if (empty) {
    expect(found, what).toMatchObject({ count: 0, offset: 0, scale: 1, constant: false })
    return
  }
  near(`${what} offset`, found?.offset ?? NaN, wanted.offset ?? NaN, kind === 'standard' ? size : 0)
  near(`${what} scale`, found?.scale ?? NaN, wanted.scale ?? NaN)
  // Of a constant column the variance is the rounding error of computing it
  if (wanted.var != null && !found?.constant) near(`${what} variance`, found?.var ?? NaN, wanted.var)
  if (wanted.max != null) expect(found?.max, what).toBe(wanted.max)
}
