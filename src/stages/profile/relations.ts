import { expect } from '../../define/expectation/columns.ts'
import { fromNode } from '../../define/expression/build.ts'
import type { Measurer } from '../validate/measurer.ts'
import type { FoundDataset } from '../validate/relation.ts'
import { evaluateRule, type RuleContext } from '../validate/rules/index.ts'
import { kinds } from '../../define/expectation/columns.ts'
import type { Kind } from '../../define/expectation/kind.ts'
import type { ExpectationSpec } from '../../define/expectation/spec.ts'
import type { ValidateServices } from '../validate/source.ts'
import { nodeOf } from './columns.ts'
import type { ColumnProfile, Correlation } from './types.ts'

/** Row pairs of numbers that are multiplied at most; beyond this only some rows are looked at. */
const maxProducts = 6_000_000
const maxColumns = 60

/** A number of each row; NaN where there is none. */
type Numbers = Float64Array

/** Pearson's r over the rows that have both numbers. */
function pearson(a: Numbers, b: Numbers): number {
  let [count, sumA, sumB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number]
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue
    count++
    sumA += x
    sumB += y
  }
  const [meanA, meanB] = [sumA / count, sumB / count]
  let [spreadA, spreadB, cross] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [(a[i] as number) - meanA, (b[i] as number) - meanB]
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue
    spreadA += x * x
    spreadB += y * y
    cross += x * y
  }
  return cross / Math.sqrt(spreadA * spreadB)
}

/** Pearson's r of every two columns of numbers, the strongest first, and the rows that they rest on. */
export async function correlationsOf(
  { engine }: ValidateServices,
  found: FoundDataset,
  measurer: Measurer,
  columns: readonly ColumnProfile[],
): Promise<{ correlations: Correlation[]; of: number }> {
  const { dialect } = engine
  const rows = await measurer.rows()
  const numbers = columns.filter(one => one.number && one.number.std > 0).slice(0, maxColumns)
  const pairs = (numbers.length * (numbers.length - 1)) / 2
  if (pairs === 0) return { correlations: [], of: rows }
  const cells = numbers.map((one, i) => `${dialect.cast(dialect.identifier(one.column), 'float')} AS n${i}`)
  const all = `SELECT ${cells.join(', ')} FROM (${found.sql})`
  // few enough to be multiplied here, which costs a statement for every dozen of pairs less
  const read = await engine.columns(pairs * rows > maxProducts ? dialect.sample(all, maxProducts / pairs / rows) : all)
  const values = numbers.map((_, i): Numbers => {
    const column = read.get(`n${i}`)
    return Float64Array.from(column?.values as Float64Array, (value, row) =>
      column?.nulls?.[row] ? Number.NaN : value,
    )
  })
  const correlations = numbers.flatMap((a, i) =>
    numbers.slice(i + 1).flatMap((b, j) => {
      const r = pearson(values[i] as Numbers, values[i + 1 + j] as Numbers)
      return Number.isFinite(r) ? [{ a: a.column, b: b.column, r }] : []
    }),
  )
  return { correlations: correlations.sort((x, y) => Math.abs(y.r) - Math.abs(x.r)), of: values[0]?.length ?? 0 }
}

/** Rows that break a row-level rule, counted as validation counts them. */
async function broken(
  services: ValidateServices,
  found: FoundDataset,
  measurer: Measurer,
  spec: ExpectationSpec,
): Promise<number> {
  const context: RuleContext = {
    engine: services.engine,
    dataset: found.dataset,
    found,
    reference: async () => undefined,
    measure: metric => measurer.measure(metric),
    memory: undefined,
    userCode: undefined,
  }
  const rule = (kinds.get(spec.kind) as Kind<unknown>).needs(spec).rows
  if (!rule) throw new TypeError(`${spec.kind} is no rule of rows`)
  const { counts, tables = [] } = await evaluateRule(context, spec, rule)
  for (const table of tables) await services.engine.execute(`DROP TABLE IF EXISTS ${table}`)
  return counts.bad
}

/** Rows that are a copy of an earlier one. */
export async function duplicatesOf(
  services: ValidateServices,
  found: FoundDataset,
  measurer: Measurer,
): Promise<number> {
  if (found.usable.size === 0) return 0
  return broken(services, found, measurer, expect.duplicateRows().expectation)
}

/** A key of a table is made of these; a measurement that never repeats is none. */
const canBeKey = ({ type, nulls, personal, unreadable }: ColumnProfile): boolean =>
  nulls === 0 && !personal && (unreadable?.cells ?? 0) === 0 && type !== 'bool' && type !== 'float'

const maxPairs = 6
/** Rows that a pair of columns would share by chance, if it is to mean something that it never does. */
const fewestByChance = 5

/** Share of the rows that the estimated number of different values must reach: estimates may be a fifth too low. */
const likelyKey = 0.7
/** Rows among which a key that is none mostly shows it already. */
const firstRows = 500_000

async function repeatsEarly(
  { engine }: ValidateServices,
  found: FoundDataset,
  names: readonly string[],
): Promise<boolean> {
  const columns = names.map(engine.dialect.identifier).join(', ')
  const some = `SELECT ${columns} FROM (${found.sql}) LIMIT ${firstRows}`
  const twice = await engine.rows(`SELECT count(*) AS n FROM (${some}) GROUP BY ${columns} HAVING count(*) > 1 LIMIT 1`)
  return twice.length > 0
}

/**
 * Columns that no two rows share, else pairs of them. Only pairs with at least as many combinations as rows are looked at,
 * the likeliest first, and not those that chance alone would hardly let repeat.
 */
export async function keysOf(
  services: ValidateServices,
  found: FoundDataset,
  measurer: Measurer,
  columns: readonly ColumnProfile[],
  duplicates: number,
): Promise<string[][]> {
  const rows = await measurer.rows()
  if (rows < 2 || duplicates > 0) return []
  const able = columns.filter(canBeKey)
  const unique = async (names: readonly string[]) => {
    if (rows > 2 * firstRows && (await repeatsEarly(services, found, names))) return false
    const nodes = names.map(name => fromNode(nodeOf(name, found.dataset.columns[name] as never)) as never)
    return (await broken(services, found, measurer, expect.unique(nodes).expectation)) === 0
  }
  const keys: string[][] = []
  for (const { column, distinct } of able)
    if (distinct.exact ? distinct.value === rows : distinct.value > likelyKey * rows && (await unique([column])))
      keys.push([column])
  if (keys.length > 0) return keys
  const pairs = able
    .flatMap((a, i) =>
      able.slice(i + 1).map(b => ({ names: [a.column, b.column], combinations: a.distinct.value * b.distinct.value })),
    )
    .filter(one => one.combinations >= rows && (rows * rows) / (2 * one.combinations) >= fewestByChance)
    .sort((a, b) => b.combinations - a.combinations)
  for (const { names } of pairs.slice(0, maxPairs)) if (await unique(names)) keys.push(names)
  return keys
}
