import type { Json } from '../../internal/canonical-json.ts'
import type { Status } from '../report.ts'
import type { RowCounts, Verdict } from './kind.ts'
import type { Bounds, ExpectationSpec, Limit, Limits } from './spec.ts'
import { grouped } from '../../internal/grouped.ts'

export const count = (n: number): string => grouped(n)
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`

/** A figure for people: whole numbers with separators, others with six digits. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  return Number.isInteger(value) && Math.abs(value) < 1e15 ? count(value) : String(Number(value.toPrecision(6)))
}

export function percent(share: number): string {
  const value = 100 * share
  return `${value === 0 ? '0' : value < 0.01 ? value.toPrecision(2) : String(Number(value.toFixed(2)))} %`
}

/** A figure as JSON carries it: NaN and infinities have no JSON number. */
export function carried(value: number): Json {
  return Number.isFinite(value) ? value : String(value)
}

/** Most rows that a limit allows. Compared as integers, so that no rounding of a share ever decides. */
export function allowed(limit: Limit, base: number): number {
  return limit.count ?? Math.floor(base * (limit.share ?? 0) + 1e-9)
}

function limitInWords(limit: Limit, most: number): string {
  if (limit.share !== undefined && limit.share > 0)
    return `at most ${plural(most, 'bad row')} (${percent(limit.share)})`
  return most === 0 ? 'no bad rows' : `at most ${plural(most, 'bad row')}`
}

/** Nothing to judge: fails, unless the declaration says otherwise or its own condition left no row. */
export function overNothing(spec: ExpectationSpec, threshold: string, rows?: RowCounts): Verdict {
  const status: Status =
    spec.onEmpty ?? (spec.when && rows?.evaluated === 0 && rows.excludedNull === 0 ? 'pass' : 'fail')
  return {
    status,
    observed: {},
    evaluated: 0,
    bad: 0,
    ...(rows ? { excludedNull: rows.excludedNull, excludedFilter: rows.excludedFilter } : {}),
    threshold,
    message:
      spec.when && (rows?.excludedNull ?? 0) === 0
        ? `${spec.says}: no row meets the condition`
        : `${spec.says}: ${rows?.excludedNull === 0 ? 'there are no rows' : 'there is no value to hold it against'}`,
  }
}

/** The verdict of every row-level rule. */
export function tolerated(spec: ExpectationSpec, rows: RowCounts): Verdict {
  const limits = spec.limits as Limits
  const { bad, evaluated, excludedNull, excludedFilter } = rows
  const base = spec.denominator === 'all' ? evaluated + excludedNull : evaluated
  const most = allowed(limits.fail, base)
  const threshold = limits.warn
    ? `${limitInWords(limits.fail, most)}, warning beyond ${plural(allowed(limits.warn, base), 'row')}`
    : limitInWords(limits.fail, most)
  // A column of nulls alone holds nothing, except where nulls themselves are judged
  if (evaluated === 0) return overNothing(spec, threshold, rows)
  const status: Status = bad > most ? 'fail' : limits.warn && bad > allowed(limits.warn, base) ? 'warn' : 'pass'
  const share = bad / base
  const left = excludedNull > 0 ? `, ${plural(excludedNull, 'null')} not judged` : ''
  return {
    status,
    observed: { bad, badShare: share, ...rows.observed },
    evaluated,
    bad,
    excludedNull,
    excludedFilter,
    threshold,
    message:
      bad === 0
        ? `${spec.says}: all ${plural(evaluated, 'row')}${left}`
        : `${spec.says}: ${plural(bad, 'row')} of ${count(base)} (${percent(share)}) ${bad === 1 ? 'does' : 'do'} not, ${threshold} allowed${left}`,
  }
}

/** `≥ 1 and ≤ 5`. */
export function boundsAsSigns({ min, max }: Bounds): string {
  const low = min === undefined ? '' : `≥ ${figure(min)}`
  const high = max === undefined ? '' : `≤ ${figure(max)}`
  return low && high ? `${low} and ${high}` : low || high
}

export function inside(value: number, { min, max }: Bounds): boolean {
  return (min === undefined || value >= min) && (max === undefined || value <= max)
}

/** The verdict of a measure that must lie within bounds; null where there was no value to take it of. */
export function bounded(
  spec: ExpectationSpec,
  bounds: Bounds,
  value: number | null,
  evaluated: number,
  options: { readonly observed?: Readonly<Record<string, Json>>; readonly shown?: string } = {},
): Verdict {
  const threshold = boundsAsSigns(bounds)
  if (value === null) return overNothing(spec, threshold)
  const holds = inside(value, bounds)
  return {
    status: holds ? 'pass' : 'fail',
    observed: { value: carried(value), ...options.observed },
    evaluated,
    bad: holds ? 0 : 1,
    threshold,
    message: `${spec.says}: it is ${options.shown ?? figure(value)}`,
  }
}

/** A check that could not be made for want of something that is no fault of the data. */
export function skipped(spec: ExpectationSpec, reason: string): Verdict {
  return {
    status: 'skipped',
    observed: {},
    evaluated: 0,
    bad: 0,
    threshold: '',
    message: `${spec.says}: skipped, ${reason}`,
  }
}

/** The verdict of a rule about the whole that holds when no problem was found. */
export function problems(
  spec: ExpectationSpec,
  found: readonly string[],
  evaluated: number,
  threshold: string,
  observed: Readonly<Record<string, Json>>,
): Verdict {
  return {
    status: found.length === 0 ? 'pass' : 'fail',
    observed,
    evaluated,
    bad: found.length,
    threshold,
    message: found.length === 0 ? `${spec.says}: it is so` : `${spec.says}: ${found.join('; ')}`,
  }
}
