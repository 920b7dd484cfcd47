import { neverWarns } from '../../../../define/expectation/spec.ts'
import { closed, floatBounds, ofCount } from '../bounds.ts'
import { Code } from '../../../../internal/typescript-text.ts'
import { table, type Call } from '../code.ts'
import { conditionCode, parseCondition } from '../condition.ts'
import { LeftOut, shown } from '../given.ts'
import type { Carrier, Rule } from '../rule.ts'
import type { AllowedRange, Levels } from './threshold.ts'
import { present, valid } from './validity.ts'

type Options = Readonly<Record<string, unknown>>

/** One check, however it was written. */
export interface Check {
  readonly columns: readonly string[]
  /** The second argument of a percentile. */
  readonly level?: number
  readonly levels: () => Levels
  /** Conditions in SQL on the rows that are looked at, joined by and. */
  readonly filters: readonly string[]
}

export type Metric = (rule: Rule, check: Check) => Call | readonly Call[]

/** A condition on the rows that are looked at. What a variable will stand for is not known here. */
function filterCode(rule: Rule, text: string): Code {
  if (/\$\{[^}]*\}/.test(text)) throw new LeftOut(`its filter ${shown(text)} rests on a variable`)
  return conditionCode(rule, parseCondition(text, 'sql'))
}

function when(rule: Rule, check: Check, more?: Code): Options {
  const codes = [...check.filters.map(text => filterCode(rule, text)), ...(more ? [more] : [])]
  if (codes.length === 0) return {}
  return { when: codes.reduce((all, one) => new Code(`${all.text}.and(${one.text})`)) }
}

function column(check: Check): string {
  const [name] = check.columns
  if (name === undefined || check.columns.length > 1) throw new LeftOut('it needs one column')
  return name
}

const severity = (level: 'fail' | 'warn'): Options => (level === 'warn' ? { severity: 'warning' } : {})

/** A figure within bounds: an expectation a level. */
function figures({ fail, warn }: Levels, make: (allowed: AllowedRange, options: Options) => Call): readonly Call[] {
  return [...(fail ? [make(fail, severity('fail'))] : []), ...(warn ? [make(warn, severity('warn'))] : [])]
}

/** Most rows that may be bad; left out where some must be. */
function most(allowed: AllowedRange): number {
  const { min, max } = closed(allowed, true)
  if (max === undefined || max < 0 || (min !== undefined && min > 0))
    throw new LeftOut('that some rows must be bad has no counterpart')
  return max
}

/** Most bad rows as a share of all. */
function share(
  rule: Rule,
  { min, max, minExclusive, maxExclusive }: AllowedRange,
): { readonly share: number } | { readonly count: number } {
  if (max === undefined || max < 0 || (min ?? 0) > 0 || (min === 0 && minExclusive))
    throw new LeftOut('that some rows must be bad has no counterpart')
  if (max === 0) return { count: 0 }
  if (maxExclusive) rule.differs(`a share of just ${max} % passes`)
  return { share: Number((Math.min(100, max) / 100).toPrecision(12)) }
}

/** How many rows may be bad, at each level. */
function tolerance(rule: Rule, { fail, warn }: Levels, percent: boolean): Options {
  const limit = (allowed: AllowedRange) => (percent ? share(rule, allowed) : { count: most(allowed) })
  const shared = percent ? { denominator: 'all' } : {}
  const only = fail ?? warn
  if (!only) throw new LeftOut('it has no threshold')
  if (fail && warn) {
    const limits = { fail: limit(fail), warn: limit(warn) }
    if (!neverWarns(limits)) return { ...limits, ...shared }
  }
  const one = limit(only)
  const options = 'count' in one && one.count === 0 ? {} : { fail: one, ...shared }
  return { ...options, ...severity(fail ? 'fail' : 'warn') }
}

const missing =
  (percent: boolean): Metric =>
  (rule, check) => {
    const found = rule.column(column(check))
    const { denominator: _, ...limits } = tolerance(rule, check.levels(), percent) as Record<string, unknown>
    const options = { ...limits, ...when(rule, check), onEmpty: 'pass' }
    const there = present(rule, found.name)
    if (there) return table('that', [there], { ...options, nulls: 'bad' })
    if (Object.keys(options).length === 1) rule.neverNull.add(found.name)
    return rule.call(found, 'notNull', [], options)
  }

const invalid =
  (percent: boolean): Metric =>
  (rule, check) => {
    const name = column(check)
    const limits = tolerance(rule, check.levels(), percent)
    return valid(rule, name, { ...limits, ...when(rule, check, present(rule, name)), onEmpty: 'pass' })
  }

const duplicate =
  (percent: boolean): Metric =>
  (rule, check) => {
    if (check.columns.length === 0) throw new LeftOut('it names no column')
    const limits = tolerance(rule, check.levels(), percent)
    if ('fail' in limits) rule.differs('its threshold counts all rows that are alike, where Soda counts values')
    const options = { ...limits, ...when(rule, check), onEmpty: 'pass' }
    const columns = rule.several(check.columns)
    const [first] = columns
    return columns.length === 1 && first
      ? rule.call(first, 'unique', [], options)
      : table('unique', [columns.map(one => one.code)], options)
  }

const aggregate =
  (method: string, difference?: string): Metric =>
  (rule, check) => {
    const found = rule.column(column(check), ['float', 'int'])
    if (difference) rule.differs(difference)
    const whole = found.type === 'int' && method !== 'mean' && method !== 'std'
    return figures(check.levels(), (allowed, options) =>
      rule.call(found, method, [], {
        ...(whole ? closed(allowed, true) : floatBounds(rule, allowed)),
        ...when(rule, check),
        ...options,
      }),
    )
  }

const ofLengths =
  (side: 'min' | 'max'): Metric =>
  (rule, check) => {
    const found = rule.column(column(check), ['text'])
    return figures(check.levels(), (allowed, options) => {
      const bounds = ofCount(closed(allowed, true))
      if (bounds[side === 'min' ? 'max' : 'min'] !== undefined)
        throw new LeftOut(
          `that the ${side === 'min' ? 'shortest text is not too long' : 'longest text is not too short'} has no counterpart`,
        )
      return rule.call(found, 'length', [bounds], { ...when(rule, check), ...options })
    })
  }

const rowCount: Metric = (rule, check) =>
  figures(check.levels(), (allowed, options) =>
    table('rowCount', [], { ...ofCount(closed(allowed, true)), ...when(rule, check), ...options }),
  )

/** Rows that a condition tells to be bad. */
export function failedRows(rule: Rule, condition: string, check: Check): Call {
  const bad = conditionCode(rule, parseCondition(condition, 'sql'))
  const options = { ...tolerance(rule, check.levels(), false), ...when(rule, check), nulls: 'good', onEmpty: 'pass' }
  return table('that', [new Code(`${bad.text}.not()`)], options)
}

/** The newest value is not too old. `seconds` gives the greatest age of a level. */
export function freshness(
  rule: Rule,
  name: string,
  levels: readonly (readonly ['fail' | 'warn', number])[],
  check: Pick<Check, 'filters'>,
): readonly Call[] {
  const found = rule.column(name, ['timestamp'])
  rule.differs('a newest value more than five minutes in the future fails')
  return levels.map(([level, seconds]) => {
    if (!Number.isInteger(seconds) || seconds < 1) throw new LeftOut(`${seconds} s is no age`)
    const age =
      seconds % 86_400 === 0
        ? `${seconds / 86_400}d`
        : seconds % 3600 === 0
          ? `${seconds / 3600}h`
          : seconds % 60 === 0
            ? `${seconds / 60}m`
            : `${seconds}s`
    return rule.call(found, 'freshness', [age], {
      ...when(rule, { columns: [], levels: () => ({}), filters: check.filters }),
      ...severity(level),
    })
  })
}

const sample = 'Millrace takes the deviation of the population (divisor n), most databases that of a sample (n − 1)'

/** Metrics by the names that SodaCL has; contracts name the same ones. */
export const metrics: Readonly<Record<string, Metric>> = {
  row_count: rowCount,
  missing_count: missing(false),
  missing_percent: missing(true),
  invalid_count: invalid(false),
  invalid_percent: invalid(true),
  duplicate_count: duplicate(false),
  duplicate_percent: duplicate(true),
  avg: aggregate('mean'),
  min: aggregate('min'),
  max: aggregate('max'),
  sum: aggregate('sum'),
  stddev: aggregate('std', sample),
  stddev_samp: aggregate('std', sample),
  stddev_pop: aggregate('std'),
  min_length: ofLengths('min'),
  max_length: ofLengths('max'),
  distinct: (rule, check) => {
    const found = rule.column(column(check))
    return figures(check.levels(), (allowed, options) =>
      rule.call(found, 'distinctCount', [], { ...ofCount(closed(allowed, true)), ...when(rule, check), ...options }),
    )
  },
  percentile: (rule, check) => {
    const { level } = check
    if (level === undefined || !(level >= 0 && level <= 1)) throw new LeftOut(`${shown(level)} is no level from 0 to 1`)
    const found = rule.column(column(check), ['float', 'int'])
    rule.differs('between two values Millrace interpolates linearly')
    return figures(check.levels(), (allowed, options) =>
      rule.call(found, 'quantile', [level], { ...floatBounds(rule, allowed), ...when(rule, check), ...options }),
    )
  },
}

export const unread: Carrier = rule => {
  throw new LeftOut(`Millrace has no counterpart of it; its settings: ${rule.given.unread().join(', ') || 'none'}`)
}
