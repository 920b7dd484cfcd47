import type { ExpectationSpec } from '../../define/expectation/spec.ts'
import type { Node } from '../../define/expression/node.ts'
import { rowColumn, rowsOfFile, type DataEngine } from '../../ports/data-engine.ts'
import { combinationsOf, flagsOfMask, masksOf, type Combination as Found } from './combinations.ts'
import { badTable } from './rules/context.ts'
import { unreadableColumn, type FoundDataset } from './relation.ts'
import { contentColumn, fileColumn } from './repairs.ts'
import type { OpenSource } from './source.ts'

/** A check whose failing rows can be pointed at: SQL that is true for them, false or null for the others. */
export interface RowLevel {
  readonly spec: ExpectationSpec
  readonly bad: string
  /** How many they are. */
  readonly rows: number
  /** Table of their numbers, where they are known by these. */
  readonly numbers?: string | undefined
  /** The same as an expression, where it is one. */
  readonly condition?: Node | undefined
  /** Whether the check is critical and failed. */
  readonly failed: boolean
  /** Whether its rows stay out of snapshots. */
  readonly staysOut: boolean
  /** Its first rows, once the dataset was split. */
  first?: readonly number[]
}

/**
 * A check with a table of the numbers of its rows, where a subquery tells them and the engine takes none but as a filter; the
 * table is one more of `tables`.
 */
export async function withNumbers(
  engine: DataEngine,
  found: FoundDataset,
  check: RowLevel,
  tables: string[],
): Promise<RowLevel> {
  if (!engine.dialect.filtersOnly || check.condition || check.numbers !== undefined) return check
  const row = engine.dialect.identifier(rowColumn)
  const numbers = badTable()
  tables.push(numbers)
  await engine.execute(`CREATE TABLE ${numbers} AS SELECT ${row} FROM (${found.numbered}) WHERE ${check.bad}`)
  return { ...check, numbers }
}

/** Rows of a check that are told one by one. */
export const maxSampled = 20

export interface Split {
  /** SELECT of the rows that snapshots hold, in their order of arrival. */
  readonly good: string
  /**
   * SELECT of every failing row, in any order, with `millrace_checks` (ids), `millrace_reasons` (sentences) and
   * `millrace_accepted` (it stays nevertheless). Undefined when none fails.
   */
  readonly bad: string | undefined
  /** Rows that break some check. */
  readonly failing: number
  /** Those of them that stay out of snapshots, and how many of these each check asks for, by its id. */
  readonly quarantined: number
  readonly quarantinedBy: ReadonlyMap<string, number>
  /** Those of them that break a critical check that failed. */
  readonly failed: number
}

/** A combination of broken checks that some rows share. */
interface Combination extends Found {
  readonly masks: readonly bigint[]
  readonly broken: readonly RowLevel[]
}

function withMasks(found: Found, failing: readonly RowLevel[]): Combination {
  const masks: bigint[] = Array.from({ length: Math.ceil(failing.length / flagsOfMask) }, () => 0n)
  for (const check of found.checks) {
    const at = Math.floor(check / flagsOfMask)
    masks[at] = (masks[at] as bigint) | (1n << BigInt(check % flagsOfMask))
  }
  return { ...found, masks, broken: found.checks.map(check => failing[check] as RowLevel) }
}

const isOut = ({ broken }: Combination): boolean => broken.some(check => check.staysOut)

const countRows = (some: readonly Combination[]): number => some.reduce((sum, one) => sum + one.rows, 0)

function countQuarantined(combinations: readonly Combination[], failing: readonly RowLevel[]) {
  const by = failing
    .filter(check => check.staysOut)
    .map(check => [check.spec.id, countRows(combinations.filter(one => one.broken.includes(check)))] as const)
  return {
    failing: countRows(combinations),
    quarantined: countRows(combinations.filter(isOut)),
    quarantinedBy: new Map(by),
    failed: countRows(combinations.filter(one => one.broken.some(check => check.failed))),
  }
}

/**
 * Parts a dataset by its failed row-level checks. The rows themselves are copied nowhere: what is kept is which combinations
 * of checks occur, and the two SELECTs give rows as they are read.
 */
export async function split(
  engine: DataEngine,
  found: FoundDataset,
  failing: readonly RowLevel[],
  table: string,
): Promise<Split> {
  const { dialect } = engine
  const row = dialect.identifier(rowColumn)
  const named = [...found.usable].map(dialect.identifier).join(', ')
  // in the order of arrival: joins keep none, and a snapshot's digest must not depend on threads
  const kept = (where: string) =>
    `SELECT ${named} FROM (${found.numbered})${where}${found.inOrder ? '' : ` ORDER BY ${row}`}`
  if (failing.length === 0) return { good: kept(''), bad: undefined, ...countQuarantined([], []) }
  const { sql: masks, names, from } = masksOf(engine, failing)
  // what a cell of text held that is no value of its column's type
  const texts = found.tells ? dialect.identifier(unreadableColumn) : ''
  const own = [row, ...[...found.usable].map(dialect.identifier), ...(texts === '' ? [] : [texts])]
  const shown = own.map(column => `f.${column} AS ${column}`)
  const flagged = `SELECT ${own.join(', ')}, ${masks} FROM ${from(found.numbered)}`
  const occurring = await combinationsOf(engine, found.numbered, failing, maxSampled)
  const combinations = occurring.map(one => withMasks(one, failing))
  for (const check of failing)
    check.first = combinations
      .filter(one => one.broken.includes(check))
      .flatMap(one => one.first)
      .sort((a, b) => a - b)
      .slice(0, maxSampled)
  await keepCombinations(engine, table, names, combinations)
  // of the rows that break nothing no combination is kept: to leave them out first would work every condition out twice
  const same = names.map(name => `f.${name} = c.${name}`).join(' AND ')
  const out = failing.flatMap(({ staysOut, bad }) => (staysOut ? [`(${bad})`] : []))
  return {
    good: kept(out.length === 0 ? '' : ` WHERE NOT coalesce(${out.join(' OR ')}, false)`),
    bad: `SELECT ${shown.join(', ')}, c.millrace_checks, c.millrace_reasons, c.millrace_accepted FROM (${flagged}) f JOIN ${table} c ON ${same}`,
    ...countQuarantined(combinations, failing),
  }
}

/** Failing rows for keeping. */
export interface FailingRows {
  /** Ids of the checks that they break. */
  readonly checks: ReadonlySet<string>
  /** SELECT of them in any order. */
  readonly sql: string
  /** The same by file and place: sorting them costs as much as finding them. */
  readonly inOrder: string
}

/**
 * Failing rows with the file that each came from, by name and by content, and its place there from 0, instead of its number; null
 * where the engine does not tell it.
 */
export function withOrigin(
  engine: DataEngine,
  bad: string,
  checks: ReadonlySet<string>,
  found: FoundDataset,
  { files, digests }: Pick<OpenSource, 'files' | 'digests'>,
): FailingRows {
  const { dialect } = engine
  const row = dialect.identifier(rowColumn)
  const file = `CAST(${dialect.wholeDivision(row, rowsOfFile)} AS BIGINT)`
  const of = (values: readonly string[]) =>
    values.length === 1
      ? `CAST(${dialect.literal(values[0] as string, 'text')} AS ${dialect.oneOf(values)})`
      : dialect.pick(values, file)
  const columns = [
    ...(files ? [`${of(files)} AS ${dialect.identifier(fileColumn)}`] : []),
    ...(digests ? [`${of(digests)} AS ${dialect.identifier(contentColumn)}`] : []),
    found.source.unplaced ? `${dialect.literal(null, 'int')} AS ${row}` : `${row} % ${rowsOfFile} AS ${row}`,
  ]
  const told = found.tells ? [unreadableColumn] : []
  const shown = [...found.usable, ...told, 'millrace_checks', 'millrace_reasons', 'millrace_accepted'].map(
    dialect.identifier,
  )
  const over = (rows: string) => `SELECT ${[...shown, ...columns].join(', ')} FROM (${rows})`
  return { checks, sql: over(bad), inOrder: over(`${bad} ORDER BY ${row}`) }
}

/** A table with a row for each combination: its checks by id and in words, and whether its rows stay. */
async function keepCombinations(
  engine: DataEngine,
  table: string,
  names: readonly string[],
  combinations: readonly Combination[],
): Promise<void> {
  const { dialect } = engine
  const broken = new Set(combinations.flatMap(one => one.broken))
  const listOf = (texts: Iterable<string>) => dialect.listOf([...new Set(texts)])
  const columns = [
    ...names.map(name => `${name} BIGINT`),
    `millrace_checks ${listOf([...broken].map(({ spec }) => spec.id))}`,
    `millrace_reasons ${listOf([...broken].map(({ spec }) => spec.says))}`,
    'millrace_accepted BOOLEAN',
  ]
  await engine.execute(`CREATE TABLE ${table} (${columns.join(', ')})`)
  for (let from = 0; from < combinations.length; from += 500) {
    const rows = combinations.slice(from, from + 500).map(one => {
      const ids = dialect.list(one.broken.map(({ spec }) => spec.id))
      const words = dialect.list(one.broken.map(({ spec }) => spec.says))
      return `(${one.masks.join(', ')}, ${ids}, ${words}, ${!isOut(one)})`
    })
    await engine.execute(`INSERT INTO ${table} VALUES ${rows.join(', ')}`)
  }
}
