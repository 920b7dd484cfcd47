import type {
  AggregateExpectation,
  ExpectationSpec,
  FreshnessExpectation,
  GroupExpectation,
  RowExpectation,
  Tolerance,
} from '../../define/expectation/spec.ts'
import type { CheckResult, Status } from '../../define/report.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { formatTime, type Micros } from '../../internal/time.ts'
import type { FoundDataset } from './relation.ts'

type Partial = Pick<CheckResult, 'status' | 'observed' | 'evaluated' | 'bad' | 'threshold' | 'message'> & {
  readonly error?: string
}

function result(expectation: ExpectationSpec, dataset: string, partial: Partial): CheckResult {
  return {
    id: expectation.id,
    kind: expectation.kind,
    target: { dataset, columns: expectation.columns },
    severity: expectation.severity,
    ...partial,
    ...(expectation.site ? { location: expectation.site } : {}),
  }
}

const count = (n: number): string => n.toLocaleString('en-US')
const plural = (n: number, one: string): string => `${count(n)} ${one}${n === 1 ? '' : 's'}`

/** Most bad rows that still pass. Integer arithmetic, so that a share never decides by a rounding error. */
function allowed(tolerance: Tolerance, evaluated: number): number {
  if (tolerance.maxBad !== undefined) return tolerance.maxBad
  return Math.floor(evaluated * (1 - (tolerance.mostly ?? 1)) + 1e-9)
}

function limit(tolerance: Tolerance, most: number): string {
  if (tolerance.mostly !== undefined && tolerance.mostly < 1)
    return `at most ${count(most)} bad rows (${tolerance.mostly * 100} % must hold)`
  return most === 0 ? 'no bad rows' : `at most ${plural(most, 'bad row')}`
}

/** An expectation over nothing holds only when its own condition left nothing. */
function empty(expectation: ExpectationSpec, dataset: string, threshold: string): CheckResult {
  const status: Status = expectation.when ? 'pass' : 'fail'
  return result(expectation, dataset, {
    status,
    observed: {},
    evaluated: 0,
    bad: 0,
    threshold,
    message: expectation.when
      ? `${expectation.says}: no row meets the condition`
      : `${expectation.says}: there is no value to hold it against`,
  })
}

export function failed(expectation: ExpectationSpec, dataset: string, reason: string): CheckResult {
  return result(expectation, dataset, {
    status: 'error',
    observed: {},
    evaluated: 0,
    bad: 0,
    threshold: '',
    message: `${expectation.says}: could not be evaluated, ${reason}`,
    error: reason,
  })
}

export function tolerated(
  expectation: RowExpectation | GroupExpectation,
  dataset: string,
  bad: number,
  evaluated: number,
  extra: Record<string, Json> = {},
): CheckResult {
  const most = allowed(expectation, evaluated)
  const threshold = limit(expectation, most)
  // A null-only column has nothing to hold a row check against, except where nulls themselves are judged
  if (evaluated === 0) return empty(expectation, dataset, threshold)
  const status: Status = bad <= most ? 'pass' : 'fail'
  const share = (100 * bad) / evaluated
  const percent = bad === 0 ? '' : ` (${share < 0.01 ? share.toPrecision(2) : share.toFixed(2)} %)`
  return result(expectation, dataset, {
    status,
    observed: { bad, badShare: bad / evaluated, ...extra },
    evaluated,
    bad,
    threshold,
    message:
      bad === 0
        ? `${expectation.says}: all ${count(evaluated)} rows`
        : `${expectation.says}: ${plural(bad, 'row')} of ${count(evaluated)}${percent} ${bad === 1 ? 'does' : 'do'} not, ${threshold} allowed`,
  })
}

export function within(
  expectation: AggregateExpectation,
  dataset: string,
  observed: number | null,
  evaluated: number,
): CheckResult {
  const threshold = `${expectation.min === undefined ? '' : `≥ ${expectation.min}`}${expectation.min !== undefined && expectation.max !== undefined ? ' and ' : ''}${expectation.max === undefined ? '' : `≤ ${expectation.max}`}`
  if (observed === null) return empty(expectation, dataset, threshold)
  const holds =
    (expectation.min === undefined || observed >= expectation.min) &&
    (expectation.max === undefined || observed <= expectation.max)
  const shown = Number.isInteger(observed) ? count(observed) : observed.toPrecision(6)
  return result(expectation, dataset, {
    status: holds ? 'pass' : 'fail',
    observed: { value: observed },
    evaluated,
    bad: holds ? 0 : 1,
    threshold,
    message: `${expectation.says}: it is ${shown}`,
  })
}

export function fresh(
  expectation: FreshnessExpectation,
  dataset: string,
  newest: Micros | null,
  now: Micros,
): CheckResult {
  const threshold = `at most ${expectation.maxAgeMicros / 1e6} s old`
  if (newest === null) return empty(expectation, dataset, threshold)
  const age = now - newest
  const future = age < -5 * 60_000_000
  const holds = !future && age <= expectation.maxAgeMicros
  return result(expectation, dataset, {
    status: holds ? 'pass' : 'fail',
    observed: { newest: formatTime(newest), ageSeconds: age / 1e6 },
    evaluated: 1,
    bad: holds ? 0 : 1,
    threshold,
    message: future
      ? `${expectation.says}: the newest value ${formatTime(newest)} lies in the future`
      : `${expectation.says}: the newest value is ${formatTime(newest)}, ${(age / 3.6e9).toFixed(1)} h ago`,
  })
}

export function schemaVerdict(
  expectation: Extract<ExpectationSpec, { form: 'schema' }>,
  found: FoundDataset,
): CheckResult {
  const declared = Object.keys(found.dataset.columns)
  const extra = found.present.map(column => column.name).filter(name => !declared.includes(name))
  const problems = [
    ...found.missing.map(column => `${column} is missing`),
    ...found.mismatched.map(one => `${one.column} is declared ${one.declared} but is ${one.physical}`),
    ...(expectation.mode === 'exact' ? extra.map(column => `${column} is not declared`) : []),
  ]
  return result(expectation, found.dataset.name, {
    status: problems.length === 0 ? 'pass' : 'fail',
    observed: { missing: found.missing, mismatched: found.mismatched.map(one => one.column), extra },
    evaluated: declared.length,
    bad: problems.length,
    threshold: expectation.mode === 'exact' ? 'exactly the declared columns' : 'all declared columns, of their types',
    message:
      problems.length === 0
        ? `columns as declared: all ${declared.length}`
        : `columns as declared: ${problems.join('; ')}`,
  })
}
