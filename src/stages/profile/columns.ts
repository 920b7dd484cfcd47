import type { ColumnSpec } from '../../define/column.ts'
import { unreadableName } from '../../define/expectation/kinds/readable.ts'
import type { Estimate, Metric } from '../../define/expectation/metric.ts'
import { fromNode } from '../../define/expression/build.ts'
import type { Node } from '../../define/expression/node.ts'
import type { NumberExpression, TextExpression } from '../../define/expression/types.ts'
import type { Micros } from '../../internal/time.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import type { ColumnDistribution } from '../validate/distribution.ts'
import type { Measurer } from '../validate/measurer.ts'
import type { FoundDataset } from '../validate/relation.ts'
import { formatOf, formsOf } from './forms.ts'
import { timesOf } from './times.ts'
import type { ColumnProfile, ValueCount, NumberFacts, TextFacts } from './types.ts'

/** Levels of the quantiles that are told; the outermost are where outliers are looked for. */
export const levels = [0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999] as const
const maxTop = 10
/** Rows up to which different values are counted exactly whatever it costs. */
const exactRows = 5_000_000

export const nodeOf = (name: string, { type }: ColumnSpec): Node => ({ op: 'column', name, type })
const call = (fn: 'isNull' | 'isNan' | 'isFinite' | 'not' | 'and', ...args: Node[]): Node => ({
  op: 'call',
  fn,
  args,
  type: 'bool',
})
const isNumber = ({ type }: ColumnSpec): boolean => type === 'int' || type === 'float'
const finite = (of: Node): { readonly where?: Node } => (of.type === 'float' ? { where: call('isFinite', of) } : {})

const nullsOf = (of: Node): Metric => ({ fn: 'rows', where: call('isNull', of) })
const lengthNode = (of: Node): Node => (fromNode(of) as TextExpression<boolean, string>).length().node
const meanLength = (of: Node): Metric & { fn: 'moments' } => ({ fn: 'moments', of: lengthNode(of) })
const lengthRange = (of: Node): Metric & { fn: 'extremes' } => ({ fn: 'extremes', of: lengthNode(of) })
const nanOf = (of: Node): Metric => ({ fn: 'rows', where: call('isNan', of) })
const notFiniteOf = (of: Node): Metric => ({ fn: 'rows', where: call('not', call('isFinite', of)) })
const unreadableOf = (name: string): Metric => ({
  fn: 'rows',
  where: { op: 'column', name: unreadableName(name), type: 'bool' },
})

/** How the different values of a column are counted. */
async function countingOf(
  measurer: Measurer,
  name: string,
  spec: ColumnSpec,
): Promise<Metric & { fn: 'topValues' | 'approximateDistinct' }> {
  const of = nodeOf(name, spec)
  const counted = (await measurer.rows()) <= exactRows || (await measurer.hasFewValues(name))
  return counted ? { fn: 'topValues', of, most: maxTop } : { fn: 'approximateDistinct', of }
}

/** Everything that is asked of a column and can share a look at the rows with other measures. */
export async function metricsOf(
  measurer: Measurer,
  name: string,
  spec: ColumnSpec,
  checked: boolean,
): Promise<Metric[]> {
  const of = nodeOf(name, spec)
  return [
    nullsOf(of),
    await countingOf(measurer, name, spec),
    ...(checked ? [unreadableOf(name)] : []),
    ...(spec.type === 'bool' ? [] : [{ fn: 'extremes', of, ...finite(of) } as const]),
    ...(isNumber(spec)
      ? ([
          { fn: 'moments', of, spread: true },
          { fn: 'quantiles', of, q: levels },
        ] as const)
      : []),
    ...(spec.type === 'float' ? [nanOf(of), notFiniteOf(of)] : []),
    ...(spec.type === 'text' ? [meanLength(of), lengthRange(of)] : []),
  ]
}

/** Where nearly all values lie, by the outermost quantiles that rest on some rows, and far outside of it. */
export interface Fences {
  /** Share of the values beyond `from`, and beyond `to`. */
  readonly q: number
  readonly from: number
  readonly to: number
  readonly low: number
  readonly high: number
  readonly span: number
}

/** Rows beyond an outermost quantile, so that a few outliers do not move it. */
const rowsBeyond = 10

export function fencesOf({ quantiles, count }: Pick<NumberFacts, 'quantiles' | 'count'>): Fences | undefined {
  const at = (q: number) => quantiles.find(one => one.q === q)?.at as number
  const q = [0.001, 0.01, 0.05].find(level => level * count >= rowsBeyond)
  if (q === undefined) return undefined
  const [from, to] = [at(q), at(1 - q)]
  const span = to - from
  return span > 0 ? { q, from, to, low: from - span / 2, high: to + span / 2, span } : undefined
}

/**
 * The far values of one side that no chain of others leads to: a long tail thins out, a fault stands alone. `far` has the
 * nearest first; `from` is where nearly all rows end.
 */
function aloneBeyond(far: readonly ValueCount[], from: number, gap: number): ValueCount[] {
  let last = from
  for (const [i, one] of far.entries()) {
    if (Math.abs(Number(one.value) - last) > gap) return far.slice(i)
    last = Number(one.value)
  }
  return []
}

/** More rows than this share of all are no outliers but a part of the data. */
const maxIsolated = 0.001

type Quantiles = Pick<NumberFacts, 'quantiles' | 'count'>
type FloatValue = NumberExpression<'float', boolean, string>

async function isolatedOf(measurer: Measurer, of: Node, rows: number, facts: Quantiles): Promise<ValueCount[]> {
  const bounds = fencesOf(facts)
  if (!bounds) return []
  const { low, high, span } = bounds
  const value = (fromNode(of) as FloatValue).toFloat()
  const beyond = value.lt(low).or(value.gt(high)).node
  const { where } = finite(of)
  const { values, counts } = await measurer.measure({
    fn: 'values',
    of,
    where: where ? call('and', beyond, where) : beyond,
  })
  const far = values.map((one, i) => ({ value: one, rows: counts[i] as number }))
  const below = far.filter(one => Number(one.value) < low).sort((a, b) => Number(b.value) - Number(a.value))
  const above = far.filter(one => Number(one.value) > high).sort((a, b) => Number(a.value) - Number(b.value))
  const found = [...aloneBeyond(below, low, span), ...aloneBeyond(above, high, span)]
  return found.reduce((sum, one) => sum + one.rows, 0) <= Math.max(1, maxIsolated * rows) ? found : []
}

/** The extremes between the isolated values of both sides. */
async function keptOf(
  measurer: Measurer,
  of: Node,
  isolated: readonly ValueCount[],
  middle: number,
): Promise<NumberFacts['kept']> {
  const values = isolated.map(one => Number(one.value))
  const low = Math.max(...values.filter(value => value < middle))
  const high = Math.min(...values.filter(value => value > middle))
  const value = (fromNode(of) as FloatValue).toFloat()
  const { where } = finite(of)
  const inside = [
    ...(where ? [where] : []),
    ...(Number.isFinite(low) ? [value.gt(low).node] : []),
    ...(Number.isFinite(high) ? [value.lt(high).node] : []),
  ]
  const all = inside.length === 0 ? {} : { where: inside.reduce((a, b) => call('and', a, b)) }
  const { min, max } = await measurer.measure({ fn: 'extremes', of, ...all })
  return { min: Number(min), max: Number(max) }
}

async function numberFacts(measurer: Measurer, of: Node, rows: number): Promise<NumberFacts | undefined> {
  const { count, mean, m2 } = measurer.result({ fn: 'moments', of, spread: true })
  if (count === 0) return undefined
  const { at } = measurer.result({ fn: 'quantiles', of, q: levels })
  const quantiles = levels.map((q, i) => ({ q, at: at[i] as number }))
  const nan = of.type === 'float' ? Number(measurer.result(nanOf(of))) : 0
  const infinite = of.type === 'float' ? Number(measurer.result(notFiniteOf(of))) - nan : 0
  const isolated = await isolatedOf(measurer, of, rows, { quantiles, count })
  const kept = await keptOf(measurer, of, isolated, quantiles[levels.indexOf(0.5)]?.at as number)
  return { count, mean, std: Math.sqrt(m2 / count), quantiles, nan, infinite, isolated, kept }
}

/** Texts whose forms are looked at where there are too many to look at all. */
const someTexts = 20_000
/** Texts that are put to the tests of formats, and the share of their rows that must pass one. */
const maxTested = 2000
const leastOfFormat = 0.99

async function textFacts(context: ProfileContext, of: Node & { name: string }): Promise<TextFacts | undefined> {
  const { measurer, engine, found } = context
  const { count, mean } = measurer.result(meanLength(of))
  const { min, max } = measurer.result(lengthRange(of))
  if (count === 0) return undefined
  const { texts, rows } = (await measurer.hasFewValues(of.name))
    ? allTexts(await measurer.measure({ fn: 'values', of }))
    : await sampledTexts(engine, found, of.name, await measurer.rows())
  const format = formatOf(texts.slice(0, maxTested), rows.slice(0, maxTested), leastOfFormat)
  return {
    ...(format ? { format } : {}),
    length: { min: Number(min), max: Number(max), mean },
    forms: formsOf(texts, rows),
    formsOf: rows.reduce((sum, one) => sum + one, 0),
  }
}

const allTexts = ({ values, counts }: { values: readonly unknown[]; counts: readonly number[] }) => ({
  texts: values.map(String),
  rows: counts,
})

async function sampledTexts(engine: DataEngine, found: FoundDataset, name: string, all: number) {
  const { dialect } = engine
  const column = dialect.identifier(name)
  const plain = `SELECT ${column} AS v FROM (${found.sql})`
  const some = all > 2 * someTexts ? dialect.sample(plain, (2 * someTexts) / all) : plain
  const read = await engine.rows(`SELECT v FROM (${some}) WHERE v IS NOT NULL LIMIT ${someTexts}`)
  return { texts: read.map(row => String(row.v)), rows: read.map(() => 1) }
}

async function unreadableCells({ engine, found, measurer }: ProfileContext, name: string) {
  const cells = Number(measurer.result(unreadableOf(name)))
  if (cells === 0) return { cells, top: [] }
  const rows = await engine.rows(
    `SELECT v, count(*) AS n FROM (${found.unreadableTexts(name)}) GROUP BY v ORDER BY n DESC, v LIMIT 5`,
  )
  return { cells, top: rows.map(row => ({ value: row.v ?? null, rows: Number(row.n) })) }
}

const atMost = ({ value, exact }: Estimate, most: number): Estimate => ({ value: Math.min(value, most), exact })

/** What a column is looked at with. */
export interface ProfileContext {
  readonly engine: DataEngine
  readonly measurer: Measurer
  readonly found: FoundDataset
  readonly now: Micros
}

/** What is in a column of which everything in `metricsOf` was measured. */
export async function profileColumn(
  context: ProfileContext,
  name: string,
  distribution: ColumnDistribution,
  declared: ReadonlySet<string> | undefined,
): Promise<ColumnProfile> {
  const { measurer, found, now } = context
  const spec = found.dataset.columns[name] as ColumnSpec
  const of = { ...nodeOf(name, spec), name }
  const physical = found.present.find(one => one.name === name)?.physical ?? ''
  const personal = spec.pii === true
  const nulls = Number(measurer.result(nullsOf(of)))
  const counting = await countingOf(measurer, name, spec)
  const counted = measurer.result(counting)
  const tops = 'distinct' in counted ? counted : undefined
  const extremes = spec.type === 'bool' || personal ? undefined : measurer.result({ fn: 'extremes', of, ...finite(of) })
  const rows = await measurer.rows()
  const number = isNumber(spec) && !personal ? await numberFacts(measurer, of, rows) : undefined
  const text = spec.type === 'text' && !personal ? await textFacts(context, of) : undefined
  const times = spec.type === 'timestamp' && !personal ? await timesOf(measurer, of, now) : undefined
  return {
    column: name,
    type: spec.type,
    physical,
    ...(declared ? { declared: declared.has(name) } : {}),
    personal,
    nulls,
    ...(found.checked.has(name) ? { unreadable: await unreadableCells(context, name) } : {}),
    // an estimate may be above what there is
    distinct: tops ? { value: tops.distinct, exact: true } : atMost(counted as Estimate, rows - nulls),
    min: extremes?.min ?? null,
    max: extremes?.max ?? null,
    top: personal ? [] : (tops?.values.map((value, i) => ({ value, rows: tops.counts[i] as number })) ?? []),
    ...(number ? { number } : {}),
    ...(text ? { text } : {}),
    ...(times ? { times } : {}),
    distribution,
  }
}
