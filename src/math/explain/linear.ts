import { widthOfLinear, type LinearModel } from '../linear/model.ts'
import type { Contributions } from './contributions.ts'

/**
 * Exact Shapley values of a linear model's margins against background rows: how far what a feature adds lies from what it adds
 * to them on average. Rows are row-major, codes for categorical features.
 */
export function linearContributions(
  model: LinearModel,
  row: ArrayLike<number>,
  background: { readonly rows: number; readonly features: ArrayLike<number> },
): Contributions {
  const width = widthOfLinear(model)
  const { coefficients, intercepts, replacements } = model
  const effects = new Map(model.effects.map(one => [one.feature, one.values]))
  const added = (output: number, feature: number, value: number): number => {
    const codes = effects.get(feature)
    if (codes) return codes[value]?.[output] ?? 0
    return (
      (coefficients[output]?.[feature] as number) * (Number.isNaN(value) ? (replacements[feature] as number) : value)
    )
  }
  const expected: number[] = []
  const values = intercepts.map((intercept, output) => {
    const means = Float64Array.from({ length: width }, (_, feature) => {
      let sum = 0
      for (let at = 0; at < background.rows; at++)
        sum += added(output, feature, background.features[at * width + feature] as number)
      return sum / background.rows
    })
    expected.push(means.reduce((sum, one) => sum + one, intercept))
    return means.map((mean, feature) => added(output, feature, row[feature] as number) - mean)
  })
  return { expected, values }
}
