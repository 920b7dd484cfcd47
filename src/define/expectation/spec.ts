import { digestJson } from '../../internal/digest.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Dataset } from '../dataset.ts'
import { columnsOf, type Node } from '../expression/node.ts'
import type { BoolExpression } from '../expression/types.ts'
import { inLine, onlyKeys, refuse, unknownOption } from '../named.ts'
import { checkOptions } from './options.ts'
import { declarationSite, type Severity } from '../report.ts'

/** What every expectation can be given. */
export interface ExpectationOptions {
  /** Name that its history is kept under; by default a hash of the declaration. */
  readonly id?: string
  /** `critical` (default) fails the run; `warning` is reported; `info` is told and leaves the whole a pass. */
  readonly severity?: Severity
  /** Applied only to rows for which this is true. */
  readonly when?: BoolExpression<boolean, string>
  /** What a check over no value is: by default `fail`, and `pass` where its own `when` left no row. */
  readonly onEmpty?: 'fail' | 'warn' | 'pass'
}

/** Most that may break a rule: a share of the rows, 0..1, or a number of rows. Exactly one of the two. */
export interface Limit {
  /** Of the rows that are judged, 0 to 1. */
  readonly share?: number
  /** Of rows. */
  readonly count?: number
}

export interface RowOptions extends ExpectationOptions {
  /** Least share of evaluated rows that must hold, 0..1 (default 1). */
  readonly mostly?: number
  /** Most rows that may break it. Not together with `mostly`. */
  readonly maxBad?: number
  /** Beyond this the check is a warning. */
  readonly warn?: Limit
  /** Beyond this it fails; the long form of `mostly` and `maxBad`. */
  readonly fail?: Limit
  /** What a null operand counts as: not evaluated (default), broken, or held. */
  readonly nulls?: 'ignore' | 'bad' | 'good'
  /** What shares are taken of: rows that were evaluated (default), or all rows that `when` leaves. */
  readonly denominator?: 'evaluated' | 'all'
  /** What NaN and infinities count as: broken (default), null, or values like others. */
  readonly nonFinite?: 'bad' | 'null' | 'allow'
  /**
   * Whether rows that break it stay out of snapshots. By default those of a critical check that fails do, and those that a
   * passing check tolerates stay in. `true`: they stay out in either case, also of a warning. `false`: they never do, and a
   * critical check that fails refuses the whole. The dataset's own `quarantine` is the default of its critical checks.
   */
  readonly quarantine?: boolean
}

/** Options of a rule in which no float stands: NaN and infinities do not occur. */
export type NoFloatOptions = Omit<RowOptions, 'nonFinite'>

/** Options of a rule that is true or false for every row, whatever is null in it. */
export type DecidedOptions = Omit<RowOptions, 'nulls' | 'denominator' | 'nonFinite'>

/** The names that `DecidedOptions` leaves out. */
export const undecided = ['nulls', 'denominator', 'nonFinite'] as const

/** The bounds of a measure; one or both. */
export interface Bounds {
  /** Least value, itself allowed. */
  readonly min?: number
  /** Greatest value, itself allowed. */
  readonly max?: number
}

export const optionNames = ['id', 'severity', 'when', 'onEmpty'] as const
export const rowOptionNames = [
  ...optionNames,
  'mostly',
  'maxBad',
  'warn',
  'fail',
  'nulls',
  'denominator',
  'nonFinite',
  'quarantine',
] as const

/** How many rows may break a row-level rule. */
export interface Limits {
  readonly fail: Limit
  readonly warn?: Limit
}

/** A declared rule as plain data: part of the dataset's definition and of its digest. */
export interface ExpectationSpec<A = unknown> {
  readonly kind: string
  readonly id: string
  readonly columns: readonly string[]
  readonly severity: Severity
  readonly when?: Node
  readonly onEmpty?: 'fail' | 'warn' | 'pass'
  /** The declaration in words: `delay between -120 and 1440`. */
  readonly says: string
  readonly site?: { readonly file: string; readonly line: number }
  /** What the kind itself was given. */
  readonly args: A
  /** Present for row-level rules only. */
  readonly limits?: Limits
  readonly nulls?: 'ignore' | 'bad' | 'good'
  readonly denominator?: 'evaluated' | 'all'
  readonly nonFinite?: 'bad' | 'null' | 'allow'
  /** Whether its bad rows stay out of snapshots, where it says so itself. */
  readonly quarantine?: boolean
}

/** A user's own function over a batch of columns; true where the row holds. */
export type BatchFunction = (batch: Readonly<Record<string, readonly unknown[]>>) => ArrayLike<boolean>

/** What the builders return; opaque to users. */
export interface Expectation {
  readonly expectation: ExpectationSpec
  /** Other datasets that it looks at. */
  readonly uses?: readonly Dataset[]
  /** What a `batches` expectation runs. */
  readonly run?: BatchFunction
}

/** What a kind says of one declaration; ids, options and the declaring line are added by `expectation`. */
export interface Draft<A = unknown> {
  readonly kind: string
  readonly says: string
  readonly args: A
  readonly columns: readonly string[]
  readonly options: ExpectationOptions
  readonly uses?: readonly Dataset[]
  readonly run?: BatchFunction
  /** Names of options that this kind has besides the common ones, and of those that mean nothing to it. */
  readonly more?: readonly string[]
  readonly without?: readonly string[]
}

/** Longest declaration in words; the declaration itself is kept whole. */
const longestWords = 400

function common(draft: Draft, known: readonly string[]) {
  checkOptions(draft.kind, draft.options)
  onlyKeys('expectation', draft.kind, draft.options, [
    ...known.filter(name => !draft.without?.includes(name)),
    ...(draft.more ?? []),
  ])
  const { when, onEmpty } = draft.options
  return {
    kind: draft.kind,
    args: draft.args,
    columns: draft.columns,
    says: shortened(draft.says),
    ...(when ? { when: when.node } : {}),
    ...(onEmpty ? { onEmpty } : {}),
  }
}

function shortened(words: string): string {
  const line = inLine(words)
  return line.length > longestWords ? `${line.slice(0, longestWords - 1)}…` : line
}

function finish(
  draft: Draft,
  made: Omit<ExpectationSpec, 'id' | 'severity' | 'quarantine'>,
  quarantine?: boolean,
): Expectation {
  const site = declarationSite(new Error().stack)
  const { id, severity } = draft.options
  return {
    expectation: {
      ...made,
      ...(quarantine === undefined ? {} : { quarantine }),
      id: id ?? `${draft.kind}-${digestJson(made as unknown as Json).slice(7, 19)}`,
      severity: severity ?? 'critical',
      ...(site ? { site } : {}),
    },
    ...(draft.uses ? { uses: draft.uses } : {}),
    ...(draft.run ? { run: draft.run } : {}),
  }
}

/** Completes the declaration of a rule about a measure of the dataset. */
export function expectation(draft: Draft): Expectation {
  return finish(draft, common(draft, optionNames))
}

/** Completes the declaration of a rule that single rows break. */
export function rowExpectation(
  draft: Omit<Draft, 'options'> & {
    readonly options: RowOptions
    /** What nulls are where the options do not say. */
    readonly nulls?: RowOptions['nulls']
    /** What NaN and infinities are where the options do not say. */
    readonly nonFinite?: RowOptions['nonFinite']
    /** Whether a float stands in it; by default whether one is in an expression among its arguments. */
    readonly floats?: boolean
  },
): Expectation {
  const { options, kind } = draft
  const nonFinite = options.nonFinite ?? draft.nonFinite
  const made = {
    ...common(draft, rowOptionNames),
    limits: limitsOf(kind, options),
    nulls: options.nulls ?? draft.nulls ?? 'ignore',
    ...(options.denominator ? { denominator: options.denominator } : {}),
    ...(nonFinite ? { nonFinite } : {}),
  } as const
  if (options.nonFinite !== undefined && !(draft.floats ?? readsFloat(draft.args)))
    refuse('expectation', kind, 'nonFinite has no effect here: no float column stands in it')
  return finish(draft, made, options.quarantine)
}

/** Whether an expression with a float column is among arguments. */
function readsFloat(args: unknown): boolean {
  if (typeof args !== 'object' || args === null) return false
  const { op, type } = args as Partial<Node>
  return (op === 'column' && type === 'float') || Object.values(args).some(readsFloat)
}

function limitsOf(kind: string, options: RowOptions): Limits {
  const { mostly, maxBad, warn, fail } = options
  if ([mostly, maxBad, fail].filter(one => one !== undefined).length > 1)
    refuse('expectation', kind, 'takes one of mostly, maxBad and fail')
  if (mostly !== undefined && !(mostly >= 0 && mostly <= 1)) refuse('expectation', kind, 'mostly must be from 0 to 1')
  for (const limit of [warn, fail]) if (limit) checkLimit(kind, limit)
  if (maxBad !== undefined) checkLimit(kind, { count: maxBad })
  const failing = mostly === undefined ? (fail ?? { count: maxBad ?? 0 }) : { share: 1 - mostly }
  if (!warn) return { fail: failing }
  // a warning alone never fails
  const limits = [mostly, maxBad, fail].every(one => one === undefined)
    ? { fail: { share: 1 }, warn }
    : { fail: failing, warn }
  if (neverWarns(limits))
    refuse(
      'expectation',
      kind,
      `can never warn: ${limitText(warn)} may be bad before it does, ${limitText(limits.fail)} before it fails`,
    )
  return limits
}

/** Whether all that is beyond the limit of a warning is beyond that of a failure as well, or nothing can be beyond it. */
export function neverWarns({ fail, warn }: Required<Limits>): boolean {
  if (warn.share === 1 || fail.count === 0 || fail.share === 0) return true
  if (warn.count !== undefined && fail.count !== undefined) return warn.count >= fail.count
  return warn.share !== undefined && fail.share !== undefined && warn.share >= fail.share
}

function limitText({ share, count }: Limit): string {
  return share === undefined
    ? `${count} ${count === 1 ? 'row' : 'rows'}`
    : `${Number((100 * share).toPrecision(6))} % of the rows`
}

function checkLimit(kind: string, limit: Limit): void {
  onlyKeys('expectation', `${kind} limit`, limit, ['share', 'count'])
  const { share, count } = limit
  if ((share === undefined) === (count === undefined))
    refuse('expectation', kind, 'a limit is a share or a count, exactly one of them')
  if (share !== undefined && !(share >= 0 && share <= 1)) refuse('expectation', kind, 'a share must be from 0 to 1')
  if (count !== undefined && !(Number.isInteger(count) && count >= 0))
    refuse('expectation', kind, 'a count of rows must be a whole number, 0 or more')
}

/** A column as expectations name it: `c.delay`. */
export interface ColumnReference {
  readonly node: Node
}

/** The name of a plain column; a derived expression is refused. */
export function columnName(reference: ColumnReference, kind: string): string {
  const node = reference?.node
  if (node?.op !== 'column') refuse('expectation', kind, 'needs plain columns, such as c.delay')
  return node.name
}

/** The names of plain columns, each once. */
export function columnNames(references: readonly ColumnReference[], kind: string): string[] {
  if (!Array.isArray(references)) refuse('expectation', kind, 'takes its columns as a list, such as [c.delay]')
  const names = references.map(one => columnName(one as ColumnReference, kind))
  const again = names.find((name, i) => names.indexOf(name) !== i)
  if (again !== undefined) refuse('expectation', kind, `names the column '${again}' twice`)
  return names
}

/** Columns that an expectation reads, its condition's left out. */
export function columnsOfAll(nodes: readonly Node[]): string[] {
  return [...new Set(nodes.flatMap(columnsOf))]
}

/** Finite bounds, at least one, in order. */
export function checkBounds(
  kind: string,
  bounds: Bounds,
  lowest = Number.NEGATIVE_INFINITY,
  highest = Number.POSITIVE_INFINITY,
): void {
  const { min, max } = bounds
  if (min === undefined && max === undefined) refuse('expectation', kind, 'needs min, max or both')
  for (const bound of [min, max])
    if (
      bound !== undefined &&
      (typeof bound !== 'number' || !Number.isFinite(bound) || bound < lowest || bound > highest)
    )
      refuse('expectation', kind, `a bound must be a finite number${within(lowest, highest)}`)
  if (min !== undefined && max !== undefined && min > max)
    refuse('expectation', kind, `min ${min} is greater than max ${max}`)
}

function within(lowest: number, highest: number): string {
  if (highest !== Number.POSITIVE_INFINITY) return ` from ${lowest} to ${highest}`
  return lowest === Number.NEGATIVE_INFINITY ? '' : ` from ${lowest}`
}

/** Refuses what is no bound where bounds are an argument of their own. */
export function onlyBounds(kind: string, bounds: Bounds): void {
  const other = Object.keys(bounds).find(key => key !== 'min' && key !== 'max')
  if (other === undefined) return
  const isOption = (rowOptionNames as readonly string[]).includes(other)
  refuse(
    'expectation',
    kind,
    isOption
      ? `'${other}' is no bound: options go into the next argument, { ${other}: … }`
      : `bounds ${unknownOption(other, ['min', 'max'])}`,
  )
}

/** The bounds alone, as an expectation's arguments. */
export function boundsOf({ min, max }: Bounds): Bounds {
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }
}

/** `between 1 and 5`, `at least 1`, `at most 5`. */
export function boundsInWords({ min, max }: Bounds): string {
  if (min !== undefined && max !== undefined) return min === max ? `exactly ${min}` : `between ${min} and ${max}`
  return min === undefined ? `at most ${max}` : `at least ${min}`
}
