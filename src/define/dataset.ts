import { column } from './expression/build.ts'
import { columnsOf, type Node } from './expression/node.ts'
import type { TimestampExpression } from './expression/types.ts'
import { columnsForm, type ColumnExpressions, type Columns } from './column.ts'
import { expectationColumns, type ExpectationColumns, type ExpectationSpec } from './expectation/index.ts'
import { finite } from './expectation/kinds/finite.ts'
import { notNull } from './expectation/kinds/not-null.ts'
import { readable } from './expectation/kinds/readable.ts'
import { schema } from './expectation/kinds/schema.ts'
import { wholeLines } from './expectation/kinds/whole-lines.ts'
import type { BatchFunction, Expectation } from './expectation/spec.ts'
import { anyText, builder, callback, flag, listOf, members, optional, text, type Forms } from './forms.ts'
import { checkName, definitionBrand, refuse, unknownColumn, type Definition } from './named.ts'
import { checkSource, sourceForm, type Source } from './source.ts'

type TimestampKeys<C extends Columns> = {
  [K in keyof C & string]: C[K]['type'] extends 'timestamp' ? K : never
}[keyof C & string]

export interface DatasetOptions<C extends Columns> {
  /** Where its rows come from. */
  readonly source: Source
  /** Its columns by name; others that the source has are left alone. */
  readonly columns: C
  /** When the row's event happened. Needed for features, time splits and monitoring. */
  readonly eventTime?: TimestampKeys<C>
  /**
   * When a column's value became known, for those not known at the event. Features and training rows see a value only
   * from then on.
   */
  readonly knownAt?: {
    readonly [K in keyof C & string]?: (c: ColumnExpressions<C>) => TimestampExpression<boolean, string>
  }
  /** Columns that identify a row: failing rows are shown with them. */
  readonly key?: readonly (keyof C & string)[]
  /** What must hold of it. Some expectations every dataset has by itself. */
  readonly expect?: (c: ExpectationColumns<C>) => readonly Expectation[]
  /** Texts that stand for a missing value in every text column, applied before every check and counted in the report. */
  readonly treatAsNull?: readonly string[]
  /**
   * Which rows that break a critical check stay out of snapshots, where the check does not say so itself. By default those
   * of checks that fail, as long as they are few; rows that a passing check tolerates (`mostly`, `maxBad`) stay in. `true`:
   * tolerated ones stay out as well. `false`: none does, and a critical check that fails refuses the whole.
   */
  readonly quarantine?: boolean
  /**
   * Key under which snapshots, quarantined rows and training frames made from them are encrypted at rest. Needed when a
   * column holds personal data.
   */
  readonly encryptWith?: string
}

export interface Dataset<Name extends string = string, C extends Columns = Columns> extends Definition {
  readonly name: Name
  readonly source: Source
  readonly columns: C
  readonly eventTime: string | undefined
  readonly knownAt: Readonly<Record<string, Node>>
  readonly key: readonly string[]
  readonly expectations: readonly ExpectationSpec[]
  /** Other datasets that expectations look at, by name. */
  readonly related: ReadonlyMap<string, Dataset>
  /** The user's functions, by the id of their expectation. */
  readonly functions: ReadonlyMap<string, BatchFunction>
  readonly treatAsNull: readonly string[]
  readonly quarantine: boolean | undefined
  readonly encryptWith: string | undefined
}

/** Whether a name is one that Millrace keeps for itself, or that no column of it can have. */
export function isOwnName(name: string): boolean {
  return /^$|^millrace_|\?unreadable$|^__proto__$/i.test(name)
}

/** Names of the columns that hold personal data. */
export function personalColumns({ columns }: Pick<Dataset, 'columns'>): ReadonlySet<string> {
  let found = personal.get(columns)
  if (!found) personal.set(columns, (found = new Set(Object.keys(columns).filter(name => columns[name]?.pii))))
  return found
}
/** Asked of each check: of thousands of columns it must not be looked for anew. */
const personal = new WeakMap<object, ReadonlySet<string>>()

/** Texts that stand for a missing value where a column is text, or is read from text. */
export function nullTexts({ columns, treatAsNull }: Dataset, name: string): readonly string[] {
  return columns[name]?.treatAsNull ?? treatAsNull
}

/** The expressions of a dataset's columns. */
export function columnsOfDataset<C extends Columns>(columns: C): ColumnExpressions<C> {
  const made: Record<string, unknown> = {}
  for (const [name, spec] of Object.entries(columns)) made[name] = column(name, spec.type)
  return made as ColumnExpressions<C>
}

type AnyColumnKind = { readonly make: (...args: never[]) => Expectation }
const make = (kind: AnyColumnKind, ...args: unknown[]): Expectation =>
  (kind.make as (...all: unknown[]) => Expectation)(...args)

/** What a declared expectation takes the place of: the implied one of the same kind and columns. */
function subject({ kind, columns, when }: ExpectationSpec): string {
  return when ? '' : `${kind}/${columns.join(',')}`
}

function checkExpectations(name: string, columns: Columns, expectations: readonly ExpectationSpec[]): void {
  const ids = new Set<string>()
  for (const one of expectations) {
    const unknown = [...one.columns, ...(one.when ? columnsOf(one.when) : [])].find(
      column => !Object.hasOwn(columns, column),
    )
    if (unknown !== undefined)
      refuse('dataset', name, `an expectation (${one.says}) reads '${unknown}', which is no column of it`)
    if (ids.has(one.id))
      refuse('dataset', name, `two expectations are the same or share the id ${one.id} (${one.says})`)
    ids.add(one.id)
  }
}

const datasetForms: Forms<DatasetOptions<Columns>> = {
  source: sourceForm,
  columns: columnsForm,
  eventTime: optional(text),
  knownAt: optional({
    words: "functions of columns by column name, such as { late: c => c.ordered.plus('2h') }",
    holds: value => typeof value === 'object' && value !== null && Object.values(value).every(callback.holds),
  }),
  key: optional(listOf(text, 1)),
  expect: optional(callback),
  treatAsNull: optional(listOf(anyText)),
  quarantine: optional(flag),
  encryptWith: optional(text),
}

/** The known times of columns; each a time made of columns of the dataset. */
function knownTimes<C extends Columns>(
  name: string,
  declared: DatasetOptions<C>['knownAt'] = {},
  expressions: ColumnExpressions<C>,
): Readonly<Record<string, Node>> {
  const known: Record<string, Node> = {}
  for (const [column, time] of Object.entries(declared)) {
    const made = (time as (c: ColumnExpressions<C>) => Partial<TimestampExpression<boolean, string>>)(expressions)
    if (made?.node?.type !== 'timestamp') refuse('dataset', name, `knownAt of '${column}' is no time`)
    known[column] = made.node
  }
  return known
}

/** Columns that options name must be there, an event time must be one, and a key names each once. */
function checkColumnNames<C extends Columns>(name: string, options: DatasetOptions<C>): void {
  const { columns, eventTime, key = [], knownAt = {} } = options
  const names = Object.keys(columns)
  const stranger = [...key, ...Object.keys(knownAt), ...(eventTime === undefined ? [] : [eventTime])].find(
    column => !names.includes(column),
  )
  if (stranger !== undefined) refuse('dataset', name, unknownColumn(stranger, names))
  if (eventTime !== undefined && columns[eventTime]?.type !== 'timestamp')
    refuse('dataset', name, `eventTime '${eventTime}' is ${String(columns[eventTime]?.type)}, not a timestamp`)
  if (Object.keys(knownAt).length > 0 && eventTime === undefined)
    refuse('dataset', name, 'has knownAt but no eventTime')
  const again = key.find((column, i) => key.indexOf(column) !== i)
  if (again !== undefined) refuse('dataset', name, `key names '${again}' twice`)
}

function declareDataset<const Name extends string, const C extends Columns>(
  name: Name,
  options: DatasetOptions<C>,
): Dataset<Name, C> {
  checkName('dataset', name)
  const own = Object.keys(options.columns).find(isOwnName)
  if (own !== undefined) refuse('dataset', name, `the column '${own}' has a name that Millrace keeps for itself`)
  checkSource(options.source)
  checkColumnNames(name, options)
  const expressions = columnsOfDataset(options.columns)
  const isText = ['csv', 'json'].includes(options.source.kind)
  const isLoose = isText || options.source.kind === 'sqlite' || options.source.kind === 'postgres'
  const implied: Expectation[] = [
    schema.make({ id: 'schema' }),
    ...(isText ? [wholeLines.make({ id: 'whole-lines' })] : []),
  ]
  for (const [column, spec] of Object.entries(options.columns)) {
    const { node } = expressions[column as keyof C & string] as unknown as { node: Node }
    if (!spec.nullable) implied.push(make(notNull, node, { id: `${column}-not-null` }))
    if (isLoose && spec.type !== 'text') implied.push(make(readable, node, { id: `${column}-readable` }))
    if (spec.type === 'float') implied.push(make(finite, node, { id: `${column}-finite` }))
  }
  const declared = options.expect?.(expectationColumns(options.columns)) ?? []
  if (!Array.isArray(declared)) refuse('dataset', name, 'expect must give a list of expectations')
  const strange = declared.findIndex(one => typeof one?.expectation?.kind !== 'string')
  if (strange >= 0) refuse('dataset', name, `what expect gives at ${strange + 1} is no expectation`)
  const told = new Set(declared.map(one => subject(one.expectation)))
  const all = [...implied.filter(one => !told.has(subject(one.expectation))), ...declared]
  const expectations = all.map(one => one.expectation)
  checkExpectations(name, options.columns, expectations)
  const functions = new Map(all.flatMap(one => (one.run ? [[one.expectation.id, one.run] as const] : [])))
  const knownAt = knownTimes(name, options.knownAt, expressions)
  const [personal] = personalColumns(options)
  const keepsRows = options.quarantine !== false || expectations.some(one => one.quarantine === true)
  if (personal && keepsRows && options.encryptWith === undefined)
    refuse(
      'dataset',
      name,
      `column '${personal}' holds personal data: say with which key its rows are encrypted, encryptWith: '…'`,
    )
  return {
    [definitionBrand]: 'dataset',
    name,
    source: options.source,
    columns: options.columns,
    eventTime: options.eventTime,
    knownAt,
    key: options.key ?? [],
    expectations,
    related: new Map(all.flatMap(one => one.uses ?? []).map(one => [one.name, one])),
    functions,
    treatAsNull: options.treatAsNull ?? [],
    quarantine: options.quarantine,
    encryptWith: options.encryptWith,
  }
}

/**
 * Declares where rows come from and what must hold of them. Besides the declared expectations every dataset checks its
 * schema, that columns not declared nullable have no nulls, that floats are finite, and of text that all of it can be read.
 * A declared expectation of the same kind and columns takes the place of such an implied one.
 */
export const dataset = builder('dataset', { name: text, options: members(datasetForms) }, declareDataset)
