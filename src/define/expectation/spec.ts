import { digestJson } from '../../internal/digest.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Node } from '../expression/node.ts'
import type { BoolExpression } from '../expression/types.ts'
import { onlyKeys } from '../named.ts'
import { declarationSite, type Severity } from '../report.ts'

/** What every expectation can be given. */
export interface ExpectationOptions {
  /** Name that its history is kept under; by default a hash of the declaration. */
  readonly id?: string
  /** `critical` (default) fails the run; `warning` and `info` are reported only. */
  readonly severity?: Severity
  /** Applied only to rows for which this is true. */
  readonly when?: BoolExpression<boolean, string>
}

export interface RowOptions extends ExpectationOptions {
  /** Least share of evaluated rows that must hold, 0..1 (default 1). */
  readonly mostly?: number
  /** Most rows that may break it. Not together with `mostly`. */
  readonly maxBad?: number
  /** What a null operand counts as: not evaluated (default), broken, or held. */
  readonly nulls?: 'ignore' | 'bad' | 'good'
}

interface Common {
  readonly kind: string
  readonly id: string
  readonly columns: readonly string[]
  readonly severity: Severity
  readonly when?: Node
  /** The declaration in words: `delay between -120 and 1440`. */
  readonly says: string
  readonly site?: { readonly file: string; readonly line: number }
}

export interface Tolerance {
  readonly mostly?: number
  readonly maxBad?: number
}

/** Holds for a row when `good` is true. */
export interface RowExpectation extends Common, Tolerance {
  readonly form: 'row'
  readonly good: Node
  readonly nulls: 'ignore' | 'bad' | 'good'
}

/** Rows must be alone with their values in `over` (all columns when empty). Nulls: rows with a null key are not evaluated. */
export interface GroupExpectation extends Common, Tolerance {
  readonly form: 'group'
  readonly over: readonly string[]
}

export type AggregateName =
  | 'count'
  | 'mean'
  | 'std'
  | 'sum'
  | 'min'
  | 'max'
  | 'median'
  | 'quantile'
  | 'distinctCount'
  | 'nullShare'

/** An aggregate must lie within [min, max]. Over no values it fails, except `count`. */
export interface AggregateExpectation extends Common {
  readonly form: 'aggregate'
  readonly aggregate: AggregateName
  readonly of?: Node
  readonly q?: number
  readonly min?: number
  readonly max?: number
}

/** Newest value of a timestamp column must be at most `maxAgeMicros` old, and not in the future by more than 5 minutes. */
export interface FreshnessExpectation extends Common {
  readonly form: 'freshness'
  readonly of: Node
  readonly maxAgeMicros: number
}

/** Names, types and nullability as declared. */
export interface SchemaExpectation extends Common {
  readonly form: 'schema'
  readonly mode: 'exact' | 'superset'
}

export type ExpectationSpec =
  | RowExpectation
  | GroupExpectation
  | AggregateExpectation
  | FreshnessExpectation
  | SchemaExpectation

/** What the builders return; opaque to users. */
export interface Expectation {
  readonly expectation: ExpectationSpec
}

type Draft<S> = S extends ExpectationSpec ? Omit<S, 'id' | 'severity' | 'when' | 'site'> : never

/** Completes a declaration: id by content, severity, condition, and the line it stands on. */
export function expectation(draft: Draft<ExpectationSpec>, options: ExpectationOptions = {}): Expectation {
  onlyKeys('expectation', draft.kind, options, [
    'id',
    'severity',
    'when',
    'mostly',
    'maxBad',
    'nulls',
    'min',
    'max',
    'mode',
  ])
  const when = options.when?.node
  const identity = { ...draft, ...(when ? { when } : {}) } as unknown as Json
  const site = declarationSite(new Error().stack)
  return {
    expectation: {
      ...draft,
      id: options.id ?? `${draft.kind}-${digestJson(identity).slice(7, 19)}`,
      severity: options.severity ?? 'critical',
      ...(when ? { when } : {}),
      ...(site ? { site } : {}),
    } as ExpectationSpec,
  }
}

export function tolerance(options: RowOptions): Tolerance {
  return {
    ...(options.mostly === undefined ? {} : { mostly: options.mostly }),
    ...(options.maxBad === undefined ? {} : { maxBad: options.maxBad }),
  }
}
