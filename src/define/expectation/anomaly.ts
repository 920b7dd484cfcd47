/** How a figure is held against its own history. */
export type Strategy = 'change' | 'normal' | 'mad' | 'seasonal'

export interface ExpectedRange {
  readonly low: number
  readonly high: number
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

function around(values: readonly number[], sigma: number): ExpectedRange {
  const mean = values.reduce((sum, one) => sum + one, 0) / values.length
  const spread = Math.sqrt(values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, values.length - 1))
  return { low: mean - sigma * spread, high: mean + sigma * spread }
}

/**
 * The range in which the next figure is no surprise. `change`: within a ratio of the last. `normal`: mean ± sigma standard
 * deviations. `mad`: median ± sigma·1.4826·MAD. `seasonal`: `normal` over the figures one, two, … periods ago. A relative
 * change below `minChange` is never one: a history that never moved would make any change a surprise.
 */
export function expectedRange(
  history: readonly number[],
  strategy: Strategy,
  options: {
    readonly sigma: number
    readonly maxChange: number
    readonly minChange: number
    readonly period: number
  },
): ExpectedRange | undefined {
  const range = strict(history, strategy, options)
  if (!range) return undefined
  const middle = (range.low + range.high) / 2
  const away = Math.abs(middle) * options.minChange
  return { low: Math.min(range.low, middle - away), high: Math.max(range.high, middle + away) }
}

function strict(
  history: readonly number[],
  strategy: Strategy,
  options: { readonly sigma: number; readonly maxChange: number; readonly period: number },
): ExpectedRange | undefined {
  const last = history.at(-1)
  if (last === undefined) return undefined
  if (strategy === 'change') {
    const away = Math.abs(last) * options.maxChange
    return { low: last - away, high: last + away }
  }
  if (strategy === 'normal') return around(history, options.sigma)
  if (strategy === 'mad') {
    const middle = median(history)
    const away = options.sigma * 1.4826 * median(history.map(one => Math.abs(one - middle)))
    return { low: middle - away, high: middle + away }
  }
  const same: number[] = []
  for (let i = history.length - options.period; i >= 0; i -= options.period) same.push(history[i] as number)
  return same.length < 2 ? undefined : around(same, options.sigma)
}
