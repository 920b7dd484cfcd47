import type { Dataset } from '../../define/dataset.ts'
import { valueInWords } from '../../define/expectation/value-counts.ts'
import { fromNode } from '../../define/expression/build.ts'
import type { Node } from '../../define/expression/node.ts'
import type { NumberExpression } from '../../define/expression/types.ts'
import type { ColumnType, Value } from '../../ports/data-engine.ts'
import { exactMicros, formatTime } from '../../internal/time.ts'
import type { Measurer } from './measurer.ts'

/** How the values of a column are spread, for people to look at. */
export interface ColumnDistribution {
  readonly column: string
  readonly type: ColumnType
  readonly nulls: number
  /** Different values, where they are few enough to be counted. */
  readonly distinct: number | undefined
  /** Bars in order: of single values, most frequent first, or of ranges, ascending. Empty for personal data. */
  readonly bars: readonly { readonly label: string; readonly rows: number }[]
  readonly form: 'values' | 'ranges' | 'hidden'
  /** Rows beyond the values that are shown. */
  readonly others: number
}

const maxBars = 12
const ranges = 24

const day = 86_400_000_000

/** The end of a range; of times the day alone where a range has days. */
function label(value: number, type: ColumnType, width: number): string {
  if (type !== 'timestamp') return String(Number(value.toPrecision(5)))
  return formatTime(Math.round(value))
    .slice(0, width >= day ? 10 : 16)
    .replace('T', ' ')
}

interface Level {
  readonly at: number
  readonly rows: number
}

/** Equal ranges over the values, each with its rows. */
function histogram(
  levels: readonly Level[],
  type: ColumnType,
  low = levels.reduce((least, one) => Math.min(least, one.at), Number.POSITIVE_INFINITY),
  high = levels.reduce((most, one) => Math.max(most, one.at), Number.NEGATIVE_INFINITY),
): { label: string; rows: number }[] {
  const width = (high - low) / ranges
  const rows: number[] = Array.from({ length: ranges }, () => 0)
  for (const { at, rows: count } of levels) {
    const bin = width === 0 ? 0 : Math.min(ranges - 1, Math.floor((at - low) / width + 1e-9))
    rows[bin] = (rows[bin] as number) + count
  }
  return rows.map((count, i) => ({
    label: `${label(low + i * width, type, width)} … ${label(low + (i + 1) * width, type, width)}`,
    rows: count,
  }))
}

/** Rows in equal ranges between the extremes, from one grouping. */
async function ofRanges(measurer: Measurer, of: Node, column: string, type: ColumnType, nulls: number) {
  const none = { column, type, nulls, distinct: undefined, form: 'ranges', others: 0 } as const
  const isFinite: Node = { op: 'call', fn: 'isFinite', args: [of], type: 'bool' }
  const where = type === 'float' ? { where: isFinite } : {}
  const { min, max } = await measurer.measure({ fn: 'extremes', of, ...where })
  if (min === null || max === null) return { ...none, bars: [] }
  const low = Number(min)
  const width = (Number(max) - low) / ranges
  const number: Node = type === 'timestamp' ? { op: 'call', fn: 'diffMicros', args: [of, epoch], type: 'int' } : of
  const place = (fromNode(number) as NumberExpression<'float', boolean, string>).toFloat().minus(low)
  const bin = place.div(width === 0 ? 1 : width).floor()
  const { values, counts } = await measurer.measure({ fn: 'values', of: bin.node, ...where })
  const levels = values.map((value, i) => ({ at: low + Number(value) * width, rows: counts[i] as number }))
  return { ...none, bars: histogram(levels, type, low, Number(max)) }
}

async function ofValues(measurer: Measurer, of: Node, column: string, type: ColumnType): Promise<ColumnDistribution> {
  const { values, counts, nulls } = await measurer.measure({ fn: 'values', of })
  const order = values.map((_, i) => i).sort((a, b) => (counts[b] as number) - (counts[a] as number))
  const numeric = (type === 'int' || type === 'float' || type === 'timestamp') && values.length > maxBars
  const finite = values.flatMap((value, i) =>
    Number.isFinite(Number(value)) ? [{ at: Number(value), rows: counts[i] as number }] : [],
  )
  if (numeric && finite.length > 0)
    return { column, type, nulls, distinct: values.length, bars: histogram(finite, type), form: 'ranges', others: 0 }
  const shown = order.slice(0, maxBars)
  const others = order.slice(maxBars).reduce((sum, i) => sum + (counts[i] as number), 0)
  const inWords = (value: Value) =>
    type === 'timestamp' && value !== null ? formatTime(exactMicros(value)) : valueInWords(value)
  const bars = shown.map(i => ({ label: inWords(values[i] ?? null), rows: counts[i] as number }))
  return { column, type, nulls, distinct: values.length, bars, form: 'values', others }
}

/** The distribution of every column that can be looked at, most of it from what was measured already. */
export async function distributions(
  measurer: Measurer,
  dataset: Dataset,
  usable: ReadonlySet<string>,
): Promise<ColumnDistribution[]> {
  const rows = await measurer.rows()
  const found: ColumnDistribution[] = []
  for (const [column, { type, pii }] of Object.entries(dataset.columns)) {
    if (!usable.has(column)) continue
    const of: Node = { op: 'column', name: column, type }
    const isNull: Node = { op: 'call', fn: 'isNull', args: [of], type: 'bool' }
    const nulls = await measurer.measure({ fn: 'rows', where: isNull })
    if (pii) found.push({ column, type, nulls, distinct: undefined, bars: [], form: 'hidden', others: 0 })
    else if (await measurer.hasFewValues(column)) found.push(await ofValues(measurer, of, column, type))
    else if (type === 'text' || type === 'bool')
      found.push({ column, type, nulls, distinct: undefined, bars: [], form: 'values', others: rows - nulls })
    else found.push(await ofRanges(measurer, of, column, type, nulls))
  }
  return found
}

const epoch: Node = { op: 'literal', value: 0, type: 'timestamp' }
