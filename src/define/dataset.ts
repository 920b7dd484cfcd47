import { column } from './expression/build.ts'
import type { Node } from './expression/node.ts'
import type { TimestampExpression } from './expression/types.ts'
import type { ColumnExpressions, Columns } from './column.ts'
import { expectationColumns, type ExpectationColumns, type ExpectationSpec } from './expectation/index.ts'
import * as row from './expectation/row.ts'
import type { Expectation } from './expectation/spec.ts'
import { schema } from './expectation/table.ts'
import { checkName, definitionBrand, onlyKeys, refuse, type Definition } from './named.ts'
import type { Source } from './source.ts'

type TimestampKeys<C extends Columns> = {
  [K in keyof C & string]: C[K]['type'] extends 'timestamp' ? K : never
}[keyof C & string]

export interface DatasetOptions<C extends Columns> {
  readonly source: Source
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
  /** Columns that identify a row, for quarantine and repair. */
  readonly key?: readonly (keyof C & string)[]
  readonly expect?: (c: ExpectationColumns<C>) => readonly Expectation[]
  /** Bad rows go to a quarantine file and the snapshot holds the good ones (default true). */
  readonly quarantine?: boolean
  /** Key under which quarantined rows are encrypted. Needed when a column holds personal data. */
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
  readonly quarantine: boolean
  readonly encryptWith: string | undefined
}

/** The expressions of a dataset's columns. */
export function columnsOfDataset<C extends Columns>(columns: C): ColumnExpressions<C> {
  const made: Record<string, unknown> = {}
  for (const [name, spec] of Object.entries(columns)) made[name] = column(name, spec.type)
  return made as ColumnExpressions<C>
}

/**
 * Declares where rows come from and what must hold of them. Besides the declared expectations every dataset checks its
 * schema, that columns not declared nullable have no nulls, and that floats are finite.
 */
export function dataset<const Name extends string, const C extends Columns>(
  name: Name,
  options: DatasetOptions<C>,
): Dataset<Name, C> {
  checkName('dataset', name)
  onlyKeys('dataset', name, options, [
    'source',
    'columns',
    'eventTime',
    'knownAt',
    'key',
    'expect',
    'quarantine',
    'encryptWith',
  ])
  if (Object.keys(options.columns).length === 0) refuse('dataset', name, 'declares no columns')
  const expressions = columnsOfDataset(options.columns)
  const implied: Expectation[] = [schema({ id: 'schema' })]
  for (const [column, spec] of Object.entries(options.columns)) {
    const { node } = expressions[column as keyof C & string] as unknown as { node: Node }
    if (!spec.nullable) implied.push(row.notNull(node, { id: `${column}-not-null` }))
    if (spec.type === 'float') implied.push(row.finite(node, { id: `${column}-finite` }))
  }
  const declared = options.expect?.(expectationColumns(options.columns)) ?? []
  const expectations = [...implied, ...declared].map(one => one.expectation)
  const ids = new Set<string>()
  for (const one of expectations) {
    if (ids.has(one.id))
      refuse('dataset', name, `two expectations are the same or share the id ${one.id} (${one.says})`)
    ids.add(one.id)
  }
  const knownAt: Record<string, Node> = {}
  for (const [column, time] of Object.entries(options.knownAt ?? {}))
    knownAt[column] = (time as (c: ColumnExpressions<C>) => TimestampExpression<boolean, string>)(expressions).node
  if (Object.keys(knownAt).length > 0 && options.eventTime === undefined)
    refuse('dataset', name, 'has knownAt but no eventTime')
  const quarantine = options.quarantine ?? true
  const personal = Object.entries(options.columns).find(([, spec]) => spec.pii)?.[0]
  if (personal && quarantine && options.encryptWith === undefined)
    refuse(
      'dataset',
      name,
      `column '${personal}' holds personal data: say with which key quarantined rows are encrypted, encryptWith: '…'`,
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
    quarantine,
    encryptWith: options.encryptWith,
  }
}
