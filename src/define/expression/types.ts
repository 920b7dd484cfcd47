import type { Duration } from '../../internal/time.ts'
import type { Node, ScalarType } from './node.ts'

declare const facts: unique symbol

/**
 * A typed column expression. `T` is its type, `N` whether it can be null, `D` the columns it reads: so that a renamed
 * column is a compile error wherever it was used, down to the body of a prediction request.
 */
export interface Expression<T extends ScalarType = ScalarType, N extends boolean = boolean, D extends string = string> {
  readonly node: Node
  readonly [facts]?: { readonly type: T; readonly nullable: N; readonly columns: D }
  isNull(): BoolExpression<false, D>
  isNotNull(): BoolExpression<false, D>
}

export type NumberType = 'int' | 'float'
type AnyNumber = Expression<NumberType, boolean, string>
export type NumberOperand = number | bigint | AnyNumber
export type TextOperand = string | Expression<'text', boolean, string>
export type TimestampOperand = Date | Expression<'timestamp', boolean, string>

type TypeOf<O> = O extends Expression<infer T, boolean, string> ? T : O extends number | bigint ? 'int' : never
type NullOf<O> = O extends Expression<ScalarType, infer N, string> ? N : false
type ColumnsOf<O> = O extends Expression<ScalarType, boolean, infer D> ? D : never
/** A number literal may be fractional, so an int with a literal stays as wide as float unless both are expressions. */
type Arithmetic<T extends NumberType, O> = T extends 'int'
  ? O extends AnyNumber
    ? TypeOf<O> extends 'int'
      ? 'int'
      : 'float'
    : NumberType
  : 'float'

export interface Comparable<N extends boolean, D extends string, Operand> {
  eq<O extends Operand>(other: O): BoolExpression<N | NullOf<O>, D | ColumnsOf<O>>
  ne<O extends Operand>(other: O): BoolExpression<N | NullOf<O>, D | ColumnsOf<O>>
  lt<O extends Operand>(other: O): BoolExpression<N | NullOf<O>, D | ColumnsOf<O>>
  lte<O extends Operand>(other: O): BoolExpression<N | NullOf<O>, D | ColumnsOf<O>>
  gt<O extends Operand>(other: O): BoolExpression<N | NullOf<O>, D | ColumnsOf<O>>
  gte<O extends Operand>(other: O): BoolExpression<N | NullOf<O>, D | ColumnsOf<O>>
}

export interface NumberExpression<T extends NumberType, N extends boolean, D extends string>
  extends Expression<T, N, D>,
    Comparable<N, D, NumberOperand> {
  add<O extends NumberOperand>(other: O): NumberExpression<Arithmetic<T, O>, N | NullOf<O>, D | ColumnsOf<O>>
  minus<O extends NumberOperand>(other: O): NumberExpression<Arithmetic<T, O>, N | NullOf<O>, D | ColumnsOf<O>>
  plus<O extends NumberOperand>(other: O): NumberExpression<Arithmetic<T, O>, N | NullOf<O>, D | ColumnsOf<O>>
  times<O extends NumberOperand>(other: O): NumberExpression<Arithmetic<T, O>, N | NullOf<O>, D | ColumnsOf<O>>
  /** Real division; null where the divisor is zero. */
  div<O extends NumberOperand>(other: O): NumberExpression<'float', boolean, D | ColumnsOf<O>>
  /** Remainder with the sign of the dividend; null where the divisor is zero. */
  mod<O extends NumberOperand>(other: O): NumberExpression<Arithmetic<T, O>, boolean, D | ColumnsOf<O>>
  neg(): NumberExpression<T, N, D>
  abs(): NumberExpression<T, N, D>
  floor(): NumberExpression<T, N, D>
  /** Null where negative. */
  sqrt(): NumberExpression<'float', boolean, D>
  /** Natural logarithm; null where not positive. */
  ln(): NumberExpression<'float', boolean, D>
  exp(): NumberExpression<'float', N, D>
  toFloat(): NumberExpression<'float', N, D>
  isFinite(): BoolExpression<N, D>
  in(values: readonly (number | bigint)[]): BoolExpression<N, D>
  coalesce<O extends NumberOperand>(other: O): NumberExpression<Arithmetic<T, O>, NullOf<O>, D | ColumnsOf<O>>
}

export interface TextExpression<N extends boolean, D extends string>
  extends Expression<'text', N, D>,
    Comparable<N, D, TextOperand> {
  /** Whether the text holds a pattern, as `RegExp` means it; searched for in linear time: no look-around, no back-references. */
  matches(pattern: RegExp): BoolExpression<N, D>
  startsWith(prefix: string): BoolExpression<N, D>
  in(values: readonly string[]): BoolExpression<N, D>
  /** Code points. */
  length(): NumberExpression<'int', N, D>
  lower(): TextExpression<N, D>
  upper(): TextExpression<N, D>
  trim(): TextExpression<N, D>
  concat<O extends TextOperand>(other: O): TextExpression<N | NullOf<O>, D | ColumnsOf<O>>
  coalesce<O extends TextOperand>(other: O): TextExpression<NullOf<O>, D | ColumnsOf<O>>
}

export interface BoolExpression<N extends boolean, D extends string> extends Expression<'bool', N, D> {
  and<O extends BoolExpression<boolean, string>>(other: O): BoolExpression<N | NullOf<O>, D | ColumnsOf<O>>
  or<O extends BoolExpression<boolean, string>>(other: O): BoolExpression<N | NullOf<O>, D | ColumnsOf<O>>
  not(): BoolExpression<N, D>
}

export interface TimestampExpression<N extends boolean, D extends string>
  extends Expression<'timestamp', N, D>,
    Comparable<N, D, TimestampOperand> {
  year(zone?: string): NumberExpression<'int', N, D>
  month(zone?: string): NumberExpression<'int', N, D>
  day(zone?: string): NumberExpression<'int', N, D>
  hour(zone?: string): NumberExpression<'int', N, D>
  minute(zone?: string): NumberExpression<'int', N, D>
  /** 1 Monday … 7 Sunday. */
  dayOfWeek(zone?: string): NumberExpression<'int', N, D>
  plus(length: Duration): TimestampExpression<N, D>
  minus(length: Duration): TimestampExpression<N, D>
  plusMinutes<O extends NumberOperand>(minutes: O): TimestampExpression<N | NullOf<O>, D | ColumnsOf<O>>
  minutesSince<O extends TimestampOperand>(other: O): NumberExpression<'float', N | NullOf<O>, D | ColumnsOf<O>>
}

/** The expression interface of a column type. */
export type ExpressionOf<T extends ScalarType, N extends boolean, D extends string> = T extends NumberType
  ? NumberExpression<T, N, D>
  : T extends 'text'
    ? TextExpression<N, D>
    : T extends 'bool'
      ? BoolExpression<N, D>
      : T extends 'timestamp'
        ? TimestampExpression<N, D>
        : T extends 'vector'
          ? Expression<'vector', N, D>
          : never

/** JavaScript value of a scalar in a row: timestamps as RFC 3339 text, Date or microseconds, vectors as lists. */
export type ValueOf<T extends ScalarType, N extends boolean> =
  | (T extends 'int'
      ? number | bigint
      : T extends 'float'
        ? number
        : T extends 'text'
          ? string
          : T extends 'bool'
            ? boolean
            : T extends 'vector'
              ? readonly number[]
              : string | Date | number)
  | (N extends true ? null : never)

export type TypeOfExpression<E> = E extends Expression<infer T, boolean, string> ? T : never
export type NullableOfExpression<E> = E extends Expression<ScalarType, infer N, string> ? N : never
export type ColumnsOfExpression<E> = E extends Expression<ScalarType, boolean, infer D> ? D : never
