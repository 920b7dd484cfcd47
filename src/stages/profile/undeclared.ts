import type { Dataset } from '../../define/dataset.ts'
import type { ColumnSpec } from '../../define/column.ts'
import { unreadableName } from '../../define/expectation/kinds/readable.ts'
import { linearPattern } from '../../define/expression/pattern.ts'
import { definitionBrand } from '../../define/named.ts'
import type { Source } from '../../define/source.ts'
import { readingOf } from '../../define/stored.ts'
import {
  rowColumn,
  type ColumnType,
  type DataEngine,
  type DescribedColumn,
  type Relation,
} from '../../ports/data-engine.ts'
import { unreadableColumn } from '../validate/relation.ts'

/** A dataset without any rules: columns as they were found. */
export function undeclared(
  source: Source,
  columns: ReadonlyMap<string, ColumnSpec>,
  treatAsNull: readonly string[] = [],
): Dataset {
  return {
    [definitionBrand]: 'dataset',
    name: 'undeclared',
    source,
    columns: Object.fromEntries(columns),
    eventTime: undefined,
    knownAt: {},
    key: [],
    expectations: [],
    related: new Map(),
    functions: new Map(),
    treatAsNull,
    quarantine: false,
    encryptWith: undefined,
  }
}

const columnOf = (type: ColumnType): ColumnSpec => ({
  type,
  nullable: true,
  ...(type === 'timestamp' ? { zone: 'UTC' } : {}),
})

/** Rows whose cells say what a column of text holds. */
const lookedAt = 200_000
/** Least share of the cells that are written as a type for the column to count as one of it. */
const mostlyOf = 0.9

const typesOfText = ['int', 'float', 'bool', 'timestamp'] as const

const leadingNought = linearPattern('/^[+-]?0[0-9]/')

/** The type as which most cells of a column of text can be read; text where too many cannot. */
async function typeOfText(engine: DataEngine, relation: Relation, names: readonly string[]): Promise<ColumnType[]> {
  const { dialect } = engine
  const some = `(SELECT * FROM ${relation.sql} LIMIT ${lookedAt})`
  const found: ColumnType[] = []
  // a statement a column: the engine takes ever longer for many aggregates of different columns
  for (const name of names) {
    const cell = dialect.identifier(name)
    const counts = typesOfText.map(
      type => `${dialect.countWhere(`${dialect.readText(cell, type, 'UTC')} IS NOT NULL`)} AS ${type}`,
    )
    const filled = dialect.countWhere(`${cell} <> ''`)
    // 007 is a code: as a number it would lose its zeros
    const codes = dialect.countWhere(dialect.matches(cell, leadingNought))
    const [row] = await engine.rows(`SELECT ${filled} AS filled, ${codes} AS codes, ${counts.join(', ')} FROM ${some}`)
    const best = typesOfText.reduce((a, b) => (Number(row?.[b]) > Number(row?.[a]) ? b : a))
    const enough = Number(row?.filled) > 0 && Number(row?.[best]) >= mostlyOf * Number(row?.filled)
    const code = (best === 'int' || best === 'float') && Number(row?.codes) > 0
    found.push(enough && !code ? best : 'text')
  }
  return found
}

/** A column that is left aside, and why. */
export interface LeftAside {
  readonly column: string
  readonly physical: string
  readonly reason: string
}

export interface FoundColumns {
  readonly columns: ReadonlyMap<string, ColumnSpec>
  readonly left: readonly LeftAside[]
}

const ownName = (name: string): boolean =>
  [rowColumn, unreadableColumn].includes(name.toLowerCase()) || name.endsWith(unreadableName(''))

/**
 * The columns of a relation: those of `declared` as they are declared where they fit, the others by what they hold.
 */
export async function findColumns(engine: DataEngine, relation: Relation, declared?: Dataset): Promise<FoundColumns> {
  const present = relation.described ?? (await engine.describe(relation))
  const left: LeftAside[] = []
  const columns = new Map<string, ColumnSpec>()
  const open: DescribedColumn[] = []
  for (const column of present) {
    const { name, physical, type } = column
    const spec = declared && Object.hasOwn(declared.columns, name) ? declared.columns[name] : undefined
    if (ownName(name)) left.push({ column: name, physical, reason: 'Millrace keeps this name for itself' })
    else if (spec && (relation.text || readingOf(column.stored, spec.type))) columns.set(name, withZone(spec))
    // a list holds vectors, of a length that is nowhere said
    else if ((column.stored === undefined || column.stored === 'list') && !relation.text)
      left.push({ column: name, physical, reason: 'its values are no single value of a type that can be measured' })
    else {
      columns.set(name, columnOf(type ?? 'text'))
      if ((relation.text && !relation.described) || column.stored === 'written') open.push(column)
    }
  }
  const types = await typeOfText(
    engine,
    relation,
    open.map(column => column.name),
  )
  open.forEach(({ name }, i) => columns.set(name, columnOf(types[i] as ColumnType)))
  return { columns, left }
}

const withZone = (spec: ColumnSpec): ColumnSpec =>
  spec.type === 'timestamp' && spec.zone === undefined ? { ...spec, zone: 'UTC' } : spec

/** The same columns, those of the names read as plain text. */
export function asText(columns: ReadonlyMap<string, ColumnSpec>, names: ReadonlySet<string>): Map<string, ColumnSpec> {
  return new Map([...columns].map(([name, spec]) => [name, names.has(name) ? columnOf('text') : spec]))
}
