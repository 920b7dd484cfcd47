import type { RowRule } from '../../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import { columnsOf } from '../../../define/expression/node.ts'
import { rowColumn, type DataEngine } from '../../../ports/data-engine.ts'
import type { FoundDataset } from '../relation.ts'
import { badTable } from './context.ts'
import { mayRepeat } from './repeats.ts'

type GroupRule = Extract<RowRule, { by: 'group' }>

/** Columns whose values make two rows alike. */
export function keyOf(rule: GroupRule, found: FoundDataset): readonly string[] {
  const except = new Set(rule.except ?? [])
  return rule.over.length > 0 ? rule.over : [...found.usable].filter(name => !except.has(name))
}

interface KeyRule {
  readonly key: ReadonlySet<string>
  /** All that is read of a row to judge it. */
  readonly reads: readonly string[]
}

/** Rows that are not alone in some columns, as a table. */
export interface AlikeRows {
  readonly table: string
  readonly rows: number
  /** The columns in which they are alike. */
  readonly columns: readonly string[]
}

/** Columns that several keys have in common, and what their rules read. */
interface SharedColumns {
  readonly columns: readonly string[]
  readonly reads: readonly string[]
  /** A rule asks for just these columns; else they are tried only as long as few rows are alike in them. */
  readonly own: boolean
  alike?: Promise<AlikeRows | undefined>
}

const within = (some: ReadonlySet<string>, all: ReadonlySet<string>): boolean => [...some].every(one => all.has(one))

/** Sets of columns that are all of one key and within another, or that two keys have in common. */
function candidates(asked: readonly KeyRule[]): ReadonlySet<string>[] {
  const sets = new Map<string, ReadonlySet<string>>()
  for (const one of asked)
    for (const other of asked) {
      const both = new Set([...one.key].filter(name => other.key.has(name)))
      if (one !== other && both.size > 0) sets.set([...both].sort().join('\0'), both)
    }
  return [...sets.values()]
}

/** Of so many rows that were looked at at least one is alone in a set of columns: few are alike in it. */
const fewAlike = 0.9

/** What each key has in common with others: first that in which few rows are alike, and of this what serves the most keys. */
function sharedBy(
  asked: readonly KeyRule[],
  sets: readonly (readonly [ReadonlySet<string>, number])[],
): (SharedColumns | undefined)[] {
  const usersOf = (set: ReadonlySet<string>) => asked.filter(one => within(set, one.key))
  const ordered = sets
    .map(([set, different]) => ({
      set,
      few: different >= fewAlike,
      own: asked.some(one => one.key.size === set.size && within(set, one.key)),
    }))
    .filter(one => one.few || one.own)
    .sort(
      (a, b) =>
        Number(b.few) - Number(a.few) || usersOf(b.set).length - usersOf(a.set).length || b.set.size - a.set.size,
    )
  const made = new Map<KeyRule, SharedColumns>()
  for (const { set, own } of ordered) {
    const users = usersOf(set).filter(one => !made.has(one))
    if (users.length < 2) continue
    const shared: SharedColumns = { columns: [...set], reads: [...new Set(users.flatMap(one => one.reads))], own }
    for (const one of users) made.set(one, shared)
  }
  return asked.map(one => made.get(one))
}

/**
 * What rules about keys share: rows that are alike in many columns are alike in some of them. The rows that are not alone in
 * what several keys have in common are taken out once, whatever conditions and nulls, and each rule looks at these alone.
 */
export class SharedKeys {
  readonly #engine: DataEngine
  readonly #found: FoundDataset
  readonly #rules: readonly (readonly [ExpectationSpec, KeyRule])[]
  readonly #different: (sets: readonly (readonly string[])[]) => Promise<readonly number[]>
  #by: Promise<ReadonlyMap<ExpectationSpec, SharedColumns | undefined>> | undefined
  readonly #made: string[] = []

  /** `different` says of sets of columns which share of some rows is different in them. */
  constructor(
    engine: DataEngine,
    found: FoundDataset,
    rules: readonly (readonly [ExpectationSpec, GroupRule])[],
    different: (sets: readonly (readonly string[])[]) => Promise<readonly number[]>,
  ) {
    this.#engine = engine
    this.#found = found
    this.#different = different
    this.#rules = rules.map(([spec, rule]) => {
      const key = keyOf(rule, found)
      const label = rule.conflicting === undefined ? [] : [rule.conflicting]
      return [spec, { key: new Set(key), reads: [...key, ...label, ...(spec.when ? columnsOf(spec.when) : [])] }]
    })
  }

  async #plan(): Promise<ReadonlyMap<ExpectationSpec, SharedColumns | undefined>> {
    // it takes a look at the hash of every row, which an engine elsewhere would have to send here
    if (this.#engine.remote) return new Map()
    const asked = this.#rules.map(([, one]) => one)
    const sets = candidates(asked)
    const different = sets.length === 0 ? [] : await this.#different(sets.map(set => [...set]))
    const shared = sharedBy(
      asked,
      sets.map((set, i) => [set, different[i] ?? 0]),
    )
    return new Map(this.#rules.map(([spec], i) => [spec, shared[i]]))
  }

  /** Tables to drop once no row is asked for any more. */
  get tables(): readonly string[] {
    return this.#made
  }

  /** All rows that may be alike by the rule of an expectation; undefined where nothing is won by taking them out. */
  async rowsOf(spec: ExpectationSpec, rows: number): Promise<AlikeRows | undefined> {
    this.#by ??= this.#plan()
    const shared = (await this.#by).get(spec)
    if (!shared) return undefined
    shared.alike ??= this.#rows(shared, rows)
    return shared.alike
  }

  async #rows({ columns, reads, own }: SharedColumns, rows: number): Promise<AlikeRows | undefined> {
    const { dialect } = this.#engine
    const hash = dialect.rowHash(columns.map(dialect.identifier))
    // where most are alike nothing is won by taking them out
    const most = Math.ceil(rows / (own ? 4 : 8))
    const suspects = await mayRepeat(this.#engine, `SELECT ${hash} AS h FROM (${this.#found.sql})`, rows, most)
    if (suspects === undefined) return undefined
    const table = badTable()
    const hashes = badTable()
    const row = dialect.identifier(rowColumn)
    this.#made.push(table)
    try {
      await this.#engine.load(hashes, [{ name: 'h', type: 'int', values: suspects }])
      await this.#engine.execute(
        `CREATE TABLE ${table} AS SELECT ${row}, ${reads.map(dialect.identifier).join(', ')} FROM (${this.#found.numbered}) WHERE ${hash} IN (SELECT h FROM ${hashes})`,
      )
    } finally {
      await this.#engine.execute(`DROP TABLE IF EXISTS ${hashes}`)
    }
    const [counted] = await this.#engine.rows(`SELECT count(*) AS n FROM ${table}`)
    return { table, rows: Number(counted?.n), columns }
  }
}
