import type { Json } from '../../internal/canonical-json.ts'
import type { Micros } from '../../internal/time.ts'
import type { ScalarType } from '../expression/node.ts'
import type { Status } from '../report.ts'
import type { MetricName, MetricResults } from './metric.ts'
import type { Needs } from './rule.ts'
import type { Expectation, ExpectationSpec } from './spec.ts'

/** How rows fared against a row-level rule. */
export interface RowCounts {
  readonly bad: number
  readonly evaluated: number
  /** Rows left out because an operand is null. */
  readonly excludedNull: number
  /** Rows that `when` left out. */
  readonly excludedFilter: number
  /** Further figures, such as the number of different keys. */
  readonly observed?: Readonly<Record<string, Json>>
}

/** What was measured for one expectation, under the names that its needs gave. */
export interface Measurements {
  metric<N extends MetricName>(name: string, fn: N): MetricResults[N]
  /** Undefined where the reference does not exist (yet). */
  reference<N extends MetricName>(name: string, fn: N): MetricResults[N] | undefined
  readonly rows: RowCounts | undefined
}

/** The columns of the source as they were found. */
export interface FoundSchema {
  readonly present: readonly {
    readonly name: string
    readonly type: ScalarType | undefined
    readonly physical: string
  }[]
  readonly declared: readonly { readonly name: string; readonly type: ScalarType; readonly nullable: boolean }[]
  readonly missing: readonly string[]
  readonly mismatched: readonly { readonly column: string; readonly declared: string; readonly physical: string }[]
  /** What parts the cells of a CSV file that has a header. */
  readonly delimiter?: string
  /** Lines of text files that are no rows: how many, and the first of them. */
  readonly broken: number
  readonly lines: readonly {
    readonly line: number
    readonly file?: string
    readonly reason: string
    readonly text: string
  }[]
  /** Number of rows. */
  readonly rows: number
}

export interface VerdictContext {
  readonly now: Micros
  readonly schema: FoundSchema
  /** Figures that earlier evaluations of the same expectation observed under this name, oldest first. */
  history(name: string): readonly number[]
}

export interface Verdict {
  readonly status: Status
  readonly observed: Readonly<Record<string, Json>>
  readonly evaluated: number
  readonly bad: number
  readonly excludedNull?: number
  readonly excludedFilter?: number
  readonly threshold: string
  readonly message: string
  /** Breaking cases that are no rows of the dataset. */
  readonly sample?: readonly Readonly<Record<string, Json>>[]
}

export type Group = 'table' | 'row' | 'several columns' | 'aggregate' | 'distribution' | 'custom'

/** One kind of expectation: everything about it but how to measure. */
export interface Kind<A = never> {
  readonly name: string
  readonly group: Group
  /** One sentence for the reference. */
  readonly summary: string
  /** A declaration that compiles and holds on the reference's sample dataset. */
  readonly example: string
  /** Whether its verdict rests on what earlier evaluations observed. */
  readonly looksBack?: boolean
  /**
   * Whether its verdict rests on more than rows and declaration: on the clock, or on code that the declaration does not
   * hold whole. Such a verdict is never reused. What looks at another dataset is known by its needs.
   */
  readonly restsOnMore?: (spec: ExpectationSpec<A>) => boolean
  /** What is not exact about it; by default everything is. */
  readonly approximate?: string
  readonly needs: (spec: ExpectationSpec<A>) => Needs
  /** What else has to be measured once the measures before are known, one stage after another. */
  readonly later?: readonly ((spec: ExpectationSpec<A>, measured: Measurements) => Needs)[]
  readonly verdict: (spec: ExpectationSpec<A>, measured: Measurements, context: VerdictContext) => Verdict
}

/** A kind that is declared as a method of columns: its signature by column type. */
export interface ColumnKind<M> {
  readonly kind: Kind
  readonly on: readonly ScalarType[]
  readonly make: (...args: never[]) => Expectation
  /**
   * Options come last and have a default, so that a declaration takes the arguments before them and one more; where they
   * cannot be left out this says so.
   */
  readonly optionsRequired?: true
  /** Only a type: the methods by column type. */
  readonly methods?: M
}

/** A kind that is declared as a function of `expect`. */
export interface TableKind<F> {
  readonly kind: Kind
  readonly make: F
  /**
   * Options come last and have a default, so that a declaration takes the arguments before them and one more; where they
   * cannot be left out this says so.
   */
  readonly optionsRequired?: true
}

type Signature = (...args: never[]) => Expectation

/**
 * Declares a kind whose method stands on columns of the types in `M`. `make` gets the column's node, then the method's
 * arguments.
 */
export function columnKind<M extends Partial<Record<ScalarType, Signature>>>() {
  return <A>(definition: {
    readonly kind: Kind<A>
    readonly on: readonly (keyof M & ScalarType)[]
    readonly make: (...args: never[]) => Expectation
    readonly optionsRequired?: true
  }): ColumnKind<M> => definition as unknown as ColumnKind<M>
}

/** Declares a kind that is a function of `expect`. */
export function tableKind<A, F extends Signature>(definition: {
  readonly kind: Kind<A>
  readonly make: F
  readonly optionsRequired?: true
}): TableKind<F> {
  return definition as unknown as TableKind<F>
}
