import type { Columns } from '../column.ts'
import { column } from '../expression/build.ts'
import type { Node, ScalarType } from '../expression/node.ts'
import type { ExpressionOf } from '../expression/types.ts'
import { isMillraceError } from '../../errors/index.ts'
import { messageOf } from '../../internal/message-of.ts'
import { refuse } from '../named.ts'
import { columnCatalogue, tableCatalogue } from './catalogue.ts'
import type { ColumnKind, Kind, TableKind } from './kind.ts'
import type { ExpectationSpec } from './spec.ts'

type Catalogue = typeof columnCatalogue
type MethodsIn<K> = K extends ColumnKind<infer M> ? M : never

/** The methods that the catalogue has for columns of a type. */
export type Methods<T extends ScalarType> = {
  readonly [K in keyof Catalogue as T extends keyof MethodsIn<Catalogue[K]> ? K : never]: T extends keyof MethodsIn<
    Catalogue[K]
  >
    ? MethodsIn<Catalogue[K]>[T]
    : never
}

/**
 * What `c` is in `expect: c => [c.delay.between(-120, 1440)]`: columns that also make expectations about themselves.
 * `expr` is the plain expression, where an expectation hides a method of the same name.
 */
export type ExpectationColumns<C extends Columns> = {
  readonly [K in keyof C & string]: Omit<ExpressionOf<C[K]['type'], C[K]['nullable'], K>, keyof Methods<C[K]['type']>> &
    Methods<C[K]['type']> & { readonly expr: ExpressionOf<C[K]['type'], C[K]['nullable'], K> }
}

/**
 * Makes a declaration. Whatever it was given, it is made or refused by the name of its kind: a caller in JavaScript, who
 * has no types, gets no error of JavaScript's own from it.
 */
function declared(
  { kind, make, optionsRequired }: Pick<ColumnKind<unknown>, 'kind' | 'make' | 'optionsRequired'>,
  args: readonly unknown[],
  column: readonly Node[] = [],
): unknown {
  const most = make.length - column.length + (optionsRequired ? 0 : 1)
  if (args.length > most)
    refuse('expectation', kind.name, `takes at most ${most} argument${most === 1 ? '' : 's'}, options included`)
  try {
    return make(...([...column, ...args] as never[]))
  } catch (error) {
    if (isMillraceError(error)) {
      const { kind: what, name, reason } = error.details
      throw what === undefined || what === 'expectation' || error.code !== 'MR1005'
        ? error
        : refuse('expectation', kind.name, `${String(what)} ${String(name)}: ${String(reason)}`)
    }
    return refuse(
      'expectation',
      kind.name,
      `cannot be declared so: ${inWords(error, args, make.length - column.length)}`,
    )
  }
}

/** What JavaScript's own errors mean for a declaration; their words name our variables. */
function inWords(error: unknown, args: readonly unknown[], needed: number): string {
  if (error instanceof RangeError) return 'it is too large, or nested too deeply'
  const said = messageOf(error)
  if (said.endsWith('has no JSON form')) return said
  if (args.length < needed) return `argument ${args.length + 1} is missing`
  const nothing = args.findIndex(one => one === undefined || one === null)
  if (nothing >= 0) return `argument ${nothing + 1} is ${String(args[nothing])}`
  if (args.length === 1) return `a ${typeof args[0]} is not what it takes`
  return `an argument is not of the type that it takes; given are ${args.map(one => typeof one).join(', ')}`
}

type Tables = typeof tableCatalogue
type Functions = { readonly [K in keyof Tables]: Tables[K] extends TableKind<infer F> ? F : never }

/** Expectations about rows as a whole, several columns, and tables. */
export const expect = Object.fromEntries(
  Object.entries(tableCatalogue).map(([name, entry]) => [
    name,
    (...args: unknown[]) => declared(entry as Pick<ColumnKind<unknown>, 'kind' | 'make' | 'optionsRequired'>, args),
  ]),
) as unknown as Functions

/** A column that is not there is a mistake to be told, not an undefined to stumble over. */
function onlyDeclared<T extends object>(columns: T): T {
  return new Proxy(columns, {
    get(target, name) {
      if (typeof name === 'string' && !(name in target))
        refuse('column', name, `is not declared; there are ${Object.keys(target).join(', ')}`)
      return Reflect.get(target, name) as unknown
    },
  })
}

/** The run-time side of `ExpectationColumns`. */
export function expectationColumns<C extends Columns>(columns: C): ExpectationColumns<C> {
  const made: Record<string, unknown> = {}
  for (const [name, spec] of Object.entries(columns)) {
    const expression = column(name, spec.type) as unknown as { readonly node: Node }
    const methods: Record<string, unknown> = { expr: expression }
    for (const [method, entry] of Object.entries(columnCatalogue) as [string, ColumnKind<unknown>][])
      if (entry.on.includes(spec.type))
        methods[method] = (...args: unknown[]) => declared(entry, args, [expression.node])
    made[name] = Object.assign(
      Object.create(Object.getPrototypeOf(expression) as object) as object,
      expression,
      methods,
    )
  }
  return onlyDeclared(made) as ExpectationColumns<C>
}

const entries = [...Object.values(tableCatalogue), ...Object.values(columnCatalogue)] as readonly {
  readonly kind: Kind
}[]

/** Every kind, each once, in the order of the reference. */
export const kinds: ReadonlyMap<string, Kind> = new Map(entries.map(({ kind }) => [kind.name, kind]))

/** Whether each row answers for itself whether it breaks the rule. */
export function ofEachRow(spec: ExpectationSpec): boolean {
  return (kinds.get(spec.kind) as unknown as Kind<unknown> | undefined)?.needs(spec).rows?.by === 'expression'
}

/** Whether a verdict rests on more than the rows themselves: on the clock, on earlier evaluations, or on other rows. */
export function restsOnMore(spec: ExpectationSpec): boolean {
  const kind = kinds.get(spec.kind) as Kind<unknown> | undefined
  if (kind === undefined || kind.looksBack || kind.restsOnMore?.(spec)) return true
  const needs = kind.needs(spec)
  return needs.reference !== undefined || needs.rows?.by === 'lookup' || needs.rows?.by === 'match'
}
