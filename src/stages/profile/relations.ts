import { expect } from '../../define/expectation/columns.ts'
import { fromNode } from '../../define/expression/build.ts'
import type { Metric } from '../../define/expectation/metric.ts'
import { Measurer } from '../validate/measurer.ts'
import type { FoundDataset } from '../validate/relation.ts'
import { evaluateRule, type RuleContext } from '../validate/rules/index.ts'
import { kinds } from '../../define/expectation/columns.ts'
import type { Kind } from '../../define/expectation/kind.ts'
import type { ExpectationSpec } from '../../define/expectation/spec.ts'
import type { ValidateServices } from '../validate/source.ts'
import { nodeOf } from './columns.ts'
import type { ColumnProfile, Correlation } from './types.ts'

/** Row pairs of numbers that are multiplied at most; beyond this only some rows are looked at. */
const mostProducts = 6_000_000
/** Pairs in one statement: the engine takes more than twice as long for twice as many. */
const pairsAtOnce = 12
const mostColumns = 60

/** Pearson's r of every two columns of numbers, the strongest first, and the rows that they rest on. */
export async function correlationsOf(
  services: ValidateServices,
  found: FoundDataset,
  measurer: Measurer,
  columns: readonly ColumnProfile[],
): Promise<{ correlations: Correlation[]; of: number }> {
  const numbers = columns.filter(one => one.number && one.number.std > 0).slice(0, mostColumns)
  const pairs = numbers.flatMap((a, i) => numbers.slice(i + 1).map(b => [a, b] as const))
  const rows = await measurer.rows()
  if (pairs.length === 0) return { correlations: [], of: rows }
  const some =
    pairs.length * rows > mostProducts ? sampled(services, found, mostProducts / pairs.length / rows) : measurer
  const metric = (a: ColumnProfile, b: ColumnProfile): Metric & { fn: 'comoments' } => ({
    fn: 'comoments',
    a: nodeOf(a.column, found.dataset.columns[a.column] as never),
    b: nodeOf(b.column, found.dataset.columns[b.column] as never),
  })
  const metrics = pairs.map(([a, b]) => metric(a, b))
  for (let i = 0; i < metrics.length; i += pairsAtOnce) await some.take(metrics.slice(i, i + pairsAtOnce))
  const correlations = pairs.flatMap(([a, b]) => {
    const { m2A, m2B, cross } = some.result(metric(a, b))
    const r = cross / Math.sqrt(m2A * m2B)
    return Number.isFinite(r) ? [{ a: a.column, b: b.column, r }] : []
  })
  return { correlations: correlations.sort((x, y) => Math.abs(y.r) - Math.abs(x.r)), of: await some.rows() }
}

/** A measurer over some of the rows. */
function sampled({ engine, clock }: ValidateServices, found: FoundDataset, share: number): Measurer {
  const names = [...found.usable].map(engine.dialect.identifier).join(', ')
  const sql = `SELECT * FROM (${engine.dialect.sample(`SELECT ${names} FROM (${found.sql})`, share)})`
  const types = new Map(Object.entries(found.dataset.columns).map(([name, spec]) => [name, spec.type]))
  return new Measurer(engine, clock, { sql, numbered: sql, parts: 1 }, types)
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

const mostPairs = 6
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
  for (const { names } of pairs.slice(0, mostPairs)) if (await unique(names)) keys.push(names)
  return keys
}
