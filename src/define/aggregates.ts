import type { ColumnExpressions, Columns } from './column.ts'
import { columnsOfDataset } from './dataset.ts'
import type { Node, ScalarType } from './expression/node.ts'
import type { BoolExpression, Expression, NumberType, TypeOfExpression } from './expression/types.ts'
import { builder, callback, members, numberFrom, optional, wholeFrom, type Form, type Forms } from './forms.ts'
import { refuse } from './named.ts'
import { windowForm, windowSpec, type Window, type WindowSpec } from './window.ts'

/** What is made of the events that a feature sees; `derived`: of other features of its view. */
export type AggregationName =
  | 'count'
  | 'sum'
  | 'mean'
  | 'min'
  | 'max'
  | 'std'
  | 'quantile'
  | 'share'
  | 'distinct'
  | 'mostFrequent'
  | 'first'
  | 'last'
  | 'lag'
  | 'secondsSince'
  | 'derived'

/** One feature: an aggregate over the events of its entity in a window that ends at T, as far as they were known at T. */
export interface FeatureSpec<T extends ScalarType = ScalarType, N extends boolean = boolean> extends WindowSpec {
  readonly aggregation: AggregationName
  readonly type: T
  readonly nullable: N
  /** What is aggregated; absent where events are. For `share` a condition, for `derived` an expression over features. */
  readonly of?: Node
  /** Of `lag` how many events before the last, of `mostFrequent` which place, from 1. */
  readonly nth?: number
  /** Of a vector: how many numbers it has. */
  readonly length?: number
  /** Of `quantile`: the share of the values that is below. */
  readonly level?: number
}

type KeysOf<C extends Columns, T extends ScalarType> = {
  [K in keyof C & string]: C[K]['type'] extends T ? K : never
}[keyof C & string]

/** What is aggregated: a column by name, or an expression over columns. */
export type AggregateOperand<C extends Columns, T extends ScalarType> =
  | KeysOf<C, T>
  | ((c: ColumnExpressions<C>) => Expression<T, boolean, string>)

type TypeOf<C extends Columns, O> = O extends keyof C
  ? C[O]['type']
  : O extends (...args: never[]) => infer E
    ? TypeOfExpression<E>
    : never

/** Of one value; of vectors only which one it is can be asked: `first`, `last`, `lag`. */
type SingleType = Exclude<ScalarType, 'vector'>

type Extreme<C extends Columns, O> = TypeOf<C, O> extends 'timestamp' ? 'timestamp' : 'float'

export interface AggregateOptions<C extends Columns> {
  /** Only events of which this is true count. */
  readonly where?: (c: ColumnExpressions<C>) => BoolExpression<boolean, string>
}

export interface RankedOptions<C extends Columns> extends AggregateOptions<C> {
  /** Which one: 1 the most frequent (default), 2 the one after it. */
  readonly rank?: number
}

/**
 * What `f` is in `compute: f => ({ … })`. Without a window a feature looks as far back as the view's ttl, and where there is none at
 * all events. Where there is no event, or none with a value, `count`, `sum` and `distinct` are 0, the others null.
 */
export interface FeatureBuilder<C extends Columns> {
  /** Number of events. */
  count(window?: Window, options?: AggregateOptions<C>): FeatureSpec<'int', false>
  /** Sum, rounded once. */
  sum(of: AggregateOperand<C, NumberType>, window?: Window, options?: AggregateOptions<C>): FeatureSpec<'float', false>
  /** Mean. */
  mean(of: AggregateOperand<C, NumberType>, window?: Window, options?: AggregateOptions<C>): FeatureSpec<'float', true>
  /** Standard deviation of a sample (divided by n − 1); null for fewer than two values. */
  std(of: AggregateOperand<C, NumberType>, window?: Window, options?: AggregateOptions<C>): FeatureSpec<'float', true>
  /** Least value: a number, or the earliest time. */
  min<O extends AggregateOperand<C, NumberType | 'timestamp'>>(
    of: O,
    window?: Window,
    options?: AggregateOptions<C>,
  ): FeatureSpec<Extreme<C, O>, true>
  /** Greatest value: a number, or the latest time. */
  max<O extends AggregateOperand<C, NumberType | 'timestamp'>>(
    of: O,
    window?: Window,
    options?: AggregateOptions<C>,
  ): FeatureSpec<Extreme<C, O>, true>
  /** The value below which that share of the values is, 0 to 1, interpolated between neighbours: 0.5 is the median. */
  quantile(
    of: AggregateOperand<C, NumberType>,
    level: number,
    window?: Window,
    options?: AggregateOptions<C>,
  ): FeatureSpec<'float', true>
  /** Share of events for which the condition is true, of those for which it is not null. */
  share(
    condition: (c: ColumnExpressions<C>) => BoolExpression<boolean, string>,
    window?: Window,
    options?: AggregateOptions<C>,
  ): FeatureSpec<'float', true>
  /** Number of different values. */
  distinct(
    of: AggregateOperand<C, SingleType>,
    window?: Window,
    options?: AggregateOptions<C>,
  ): FeatureSpec<'int', false>
  /** The value of the most events, of several the least; with `rank: 2` the one after it. */
  mostFrequent<O extends AggregateOperand<C, SingleType>>(
    of: O,
    window?: Window,
    options?: RankedOptions<C>,
  ): FeatureSpec<TypeOf<C, O>, true>
  /** Value of the oldest event that has one; ties as for `last`. */
  first<O extends AggregateOperand<C, ScalarType>>(
    of: O,
    window?: Window,
    options?: AggregateOptions<C>,
  ): FeatureSpec<TypeOf<C, O>, true>
  /** Value of the newest event that has one; ties by known time, then order of arrival. */
  last<O extends AggregateOperand<C, ScalarType>>(
    of: O,
    window?: Window,
    options?: AggregateOptions<C>,
  ): FeatureSpec<TypeOf<C, O>, true>
  /** Value so many events with one before the last: 1 is the last but one. */
  lag<O extends AggregateOperand<C, ScalarType>>(
    of: O,
    n: number,
    window?: Window,
    options?: AggregateOptions<C>,
  ): FeatureSpec<TypeOf<C, O>, true>
  /** Seconds since the newest event. */
  secondsSince(window?: Window, options?: AggregateOptions<C>): FeatureSpec<'float', true>
}

const nullOf = (type: ScalarType): Node => ({ op: 'literal', value: null, type })

/** A value of the events for which a condition is true, of others none. */
const only = (condition: Node, of: Node): Node => ({
  op: 'call',
  fn: 'case',
  args: [condition, of, nullOf(of.type)],
  type: of.type,
})

const one: Node = { op: 'literal', value: 1, type: 'int' }
const window = optional(windowForm)
const whereForms: Forms<AggregateOptions<Columns>> = { where: optional(callback) }
const rankedForms: Forms<RankedOptions<Columns>> = { ...whereForms, rank: optional(wholeFrom(1, 1000)) }
const options = optional(members(whereForms))

const single: readonly ScalarType[] = ['int', 'float', 'text', 'bool', 'timestamp']
const all: readonly ScalarType[] = [...single, 'vector']
const numbers: readonly ScalarType[] = ['int', 'float']
const ordered: readonly ScalarType[] = [...numbers, 'timestamp']
const ofTypes = (types: readonly ScalarType[]): string =>
  types === all ? 'columns' : types === single ? 'single values' : types === numbers ? 'numbers' : 'numbers and times'

type OperandArgument = string | ((c: never) => unknown)
type Options = RankedOptions<never> | undefined

/** The run-time side of `f`. */
export function featureBuilder<C extends Columns>(view: string, columns: C): FeatureBuilder<C> {
  const expressions = columnsOfDataset<C>(columns)
  const nodeOf = (what: string, made: unknown, types: readonly ScalarType[]): Node => {
    const node = (made as { readonly node?: Node } | null | undefined)?.node
    if (typeof node?.op !== 'string') refuse('features', `${view}: ${what}`, 'is of no expression over columns')
    if (!types.includes(node.type))
      refuse('features', `${view}: ${what}`, `is of a ${node.type}, and needs one of ${types.join(', ')}`)
    return node
  }
  /** What is told of a feature that is a value as it is: of a vector how long it is. */
  const asItIs = (what: string, of: Node): { readonly length?: number } => {
    if (of.type !== 'vector') return {}
    if (of.op !== 'column') return refuse('features', `${view}: ${what}`, 'is of a vector that is no column')
    const length = columns[of.name]?.length
    return length === undefined ? {} : { length }
  }
  const condition = (what: string, made: unknown): Node => {
    const node = (made as { readonly node?: Node } | null | undefined)?.node
    if (node?.type !== 'bool') refuse('features', `${view}: ${what}`, 'its condition is neither true nor false')
    return node
  }
  const valueForm = (types: readonly ScalarType[]): Form => {
    const names = Object.keys(columns).filter(name => types.includes(columns[name]?.type ?? 'text'))
    return {
      words: `a column or an expression of ${ofTypes(types)}: ${names.join(', ') || 'the source has none'}`,
      holds: value => typeof value === 'function' || names.includes(value as string),
    }
  }
  const value = (what: string, given: OperandArgument, types: readonly ScalarType[]): Node =>
    typeof given === 'string'
      ? nodeOf(what, expressions[given as keyof C & string], types)
      : nodeOf(what, (given as (c: unknown) => unknown)(expressions), types)
  const within = (what: string, of: Node | undefined, given: Options): { readonly of?: Node } => {
    const where = (given as AggregateOptions<C> | undefined)?.where
    if (where === undefined) return of === undefined ? {} : { of }
    return { of: only(condition(what, where(expressions)), of ?? one) }
  }
  const feature = <F extends (...args: never[]) => unknown>(name: string, forms: Record<string, Form>, make: F): F =>
    builder('features', forms, make, `${view}: ${name}`)
  const same = (of: ScalarType): ScalarType => of
  /** An aggregate of a value; `type`: what it is of a value of that type. */
  const ofValue = (
    aggregation: AggregationName,
    types: readonly ScalarType[],
    type: (of: ScalarType) => ScalarType,
    nullable = true,
  ) =>
    feature(
      aggregation,
      { of: valueForm(types), window, options },
      (given: OperandArgument, length?: Window, also?: Options): FeatureSpec => {
        const of = value(aggregation, given, types)
        return {
          aggregation,
          type: type(of.type),
          nullable,
          ...(type === same ? asItIs(aggregation, of) : {}),
          ...within(aggregation, of, also),
          ...windowSpec(length),
        }
      },
    )
  const float = (): ScalarType => 'float'
  const extreme = (of: ScalarType): ScalarType => (of === 'timestamp' ? of : 'float')
  const ofEvents = (aggregation: AggregationName, type: ScalarType, nullable: boolean) =>
    feature(
      aggregation,
      { window, options },
      (length?: Window, also?: Options): FeatureSpec => ({
        aggregation,
        type,
        nullable,
        ...within(aggregation, undefined, also),
        ...windowSpec(length),
      }),
    )
  const made = {
    count: ofEvents('count', 'int', false),
    sum: ofValue('sum', numbers, float, false),
    mean: ofValue('mean', numbers, float),
    std: ofValue('std', numbers, float),
    min: ofValue('min', ordered, extreme),
    max: ofValue('max', ordered, extreme),
    quantile: feature(
      'quantile',
      { of: valueForm(numbers), level: numberFrom(0, 1), window, options },
      (given: OperandArgument, level: number, length?: Window, also?: Options): FeatureSpec => ({
        aggregation: 'quantile',
        type: 'float',
        nullable: true,
        level,
        ...within('quantile', value('quantile', given, numbers), also),
        ...windowSpec(length),
      }),
    ),
    share: feature(
      'share',
      { condition: callback, window, options },
      (given: (c: ColumnExpressions<C>) => unknown, length?: Window, also?: Options): FeatureSpec => ({
        aggregation: 'share',
        type: 'float',
        nullable: true,
        ...within('share', condition('share', given(expressions)), also),
        ...windowSpec(length),
      }),
    ),
    distinct: ofValue('distinct', single, () => 'int', false),
    mostFrequent: feature(
      'mostFrequent',
      { of: valueForm(single), window, options: optional(members(rankedForms)) },
      (given: OperandArgument, length?: Window, also?: Options): FeatureSpec => {
        const of = value('mostFrequent', given, single)
        const nth = also?.rank ?? 1
        return {
          aggregation: 'mostFrequent',
          type: of.type,
          nullable: true,
          nth,
          ...within('mostFrequent', of, also),
          ...windowSpec(length),
        }
      },
    ),
    first: ofValue('first', all, same),
    last: ofValue('last', all, same),
    lag: feature(
      'lag',
      { of: valueForm(all), n: wholeFrom(1, 1000), window, options },
      (given: OperandArgument, nth: number, length?: Window, also?: Options): FeatureSpec => {
        const of = value('lag', given, all)
        return {
          aggregation: 'lag',
          type: of.type,
          nullable: true,
          nth,
          ...asItIs('lag', of),
          ...within('lag', of, also),
          ...windowSpec(length),
        }
      },
    ),
    secondsSince: ofEvents('secondsSince', 'float', true),
  }
  return made as unknown as FeatureBuilder<C>
}
