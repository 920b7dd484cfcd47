import type { NumberProfile } from './profile.ts'

/** Factors between units that get mixed up, with the words for each. */
export const unitFactors: readonly (readonly [factor: number, words: string])[] = [
  [1.609344, 'kilometres for miles'],
  [1 / 1.609344, 'miles for kilometres'],
  [2.204623, 'pounds for kilograms'],
  [1 / 2.204623, 'kilograms for pounds'],
  [1 / 0.3048, 'feet for metres'],
  [0.3048, 'metres for feet'],
  [60, 'minutes for hours, or seconds for minutes'],
  [1 / 60, 'hours for minutes, or minutes for seconds'],
  [3600, 'seconds for hours'],
  [1 / 3600, 'hours for seconds'],
  [100, 'hundredths for wholes'],
  [0.01, 'wholes for hundredths'],
  [1000, 'thousandths for wholes'],
  [0.001, 'wholes for thousandths'],
]

/** A quartile may be this far from the baseline's times a factor, relative to it. */
export const unitTolerance = 0.02

/** The factors that a window is held against: first that nothing changed. */
export const heldFactors: readonly number[] = [1, ...unitFactors.map(([factor]) => factor)]

const levels = [0.25, 0.5, 0.75] as const

/** Quartiles of a baseline, linear within its bins; undefined where the first is the third, or there are no values. */
export function quartilesOf({ form, edges, counts }: NumberProfile): readonly number[] | undefined {
  const rows = counts.reduce((sum, count) => sum + count, 0)
  if (rows === 0) return undefined
  const quartiles = levels.map(level => {
    let before = 0
    let bin = 0
    while (bin < counts.length - 1 && before + (counts[bin] as number) < level * rows) before += counts[bin++] as number
    if (form === 'points') return edges[bin] as number
    const [low, high] = [edges[bin] as number, edges[bin + 1] ?? (edges[bin] as number)]
    const inside = counts[bin] as number
    return inside === 0 ? high : low + (high - low) * Math.min(1, (level * rows - before) / inside)
  })
  return quartiles[0] === quartiles[2] ? undefined : quartiles
}

export interface UnitEdges {
  /** Ascending: the ends of a band about each quartile times each factor. Empty where no unit can be told. */
  readonly edges: Float64Array
  /** By factor: for each quartile the places of its band's ends among the edges. */
  readonly bands: readonly (readonly (readonly [low: number, high: number])[])[]
}

/** Where a window counts its values beside the bins, so that a change of unit shows whatever the factor. */
export function unitEdges(profile: NumberProfile): UnitEdges {
  const quartiles = quartilesOf(profile)
  if (!quartiles) return { edges: new Float64Array(0), bands: [] }
  const ends = heldFactors.map(factor =>
    quartiles.map(quartile => {
      const middle = factor * quartile
      const ends = [middle * (1 - unitTolerance), middle * (1 + unitTolerance)].sort((a, b) => a - b)
      // What equals a quartile of 0 lies within its band
      return (middle === 0 ? [-Number.MIN_VALUE, 0] : ends) as [number, number]
    }),
  )
  const edges = Float64Array.from(new Set(ends.flat(2))).sort()
  const bands = ends.map(row => row.map(([low, high]) => [edges.indexOf(low), edges.indexOf(high)] as const))
  return { edges, bands }
}

/** How a window's quartiles lie to the baseline's times one factor. */
export interface UnitFit {
  readonly factor: number
  /** Whether every quartile lies in its band, three standard errors of a share allowed. */
  readonly fits: boolean
  /** Greatest distance, in shares of rows, of a quartile from its band. */
  readonly miss: number
}

/** Reads the counters beside the edges: `counters[i]` values lie above edge i - 1 and at or below edge i. */
export function unitFits({ bands }: UnitEdges, counters: ArrayLike<number>): readonly UnitFit[] {
  const upTo = new Float64Array(counters.length)
  let rows = 0
  for (let i = 0; i < counters.length; i++) upTo[i] = rows += counters[i] as number
  if (rows === 0) return []
  return bands.map((row, at) => {
    let miss = 0
    let fits = true
    row.forEach(([low, high], quartile) => {
      const level = levels[quartile] as number
      const own = Math.max(0, (upTo[low] as number) / rows - level, level - (upTo[high] as number) / rows)
      if (own > 3 * Math.sqrt((level * (1 - level)) / rows)) fits = false
      miss = Math.max(miss, own)
    })
    return { factor: heldFactors[at] as number, fits, miss }
  })
}
