import { missingBin } from './arena.ts'
import type { CodeBins } from './categories.ts'

/** Bins of one histogram column that codes may have; the last slot holds the codes of the feature's other columns. */
export const codesPerColumn = missingBin

/** Which columns of the histograms a feature has: one, or several for many codes, whose rows then also have words of their own. */
export interface Layout {
  readonly columns: number
  /** By feature. */
  readonly first: readonly number[]
  /** By feature: which of the arena's `wide` holds its bins, −1 for a feature of one column. */
  readonly wide: readonly number[]
  readonly wides: number
}

export function layoutOf(features: number, codeBins: readonly (CodeBins | undefined)[]): Layout {
  const first: number[] = []
  const wide: number[] = []
  let columns = 0
  let wides = 0
  for (let feature = 0; feature < features; feature++) {
    first.push(columns)
    const bins = codeBins[feature]?.bins ?? 0
    wide.push(bins > codesPerColumn ? wides++ : -1)
    columns += Math.max(1, Math.ceil(bins / codesPerColumn))
  }
  return { columns, first, wide, wides }
}
