import type { CheckResult } from '../../define/report.ts'

/** Rows of the file that break the same checks. */
export interface BadRows {
  /** Ids of the checks that they break. */
  readonly checks: readonly string[]
  /** A snapshot takes them all the same. */
  readonly accepted: boolean
  readonly rows: number
}

/** What of the failing rows is the file's own. */
export interface Own {
  /** Rows that no snapshot would take. */
  readonly quarantined: number
  /** Rows that break a critical check that failed. */
  readonly failed: number
  /** Ids of the checks that some of them break. */
  readonly broken: ReadonlySet<string>
}

export const stops = (check: CheckResult): boolean =>
  check.status === 'error' || (check.status === 'fail' && check.severity === 'critical')

/** Counts the file's own bad rows. `checks`: what was found of everything that it was judged with. */
export function ownOf(bad: readonly BadRows[], checks: readonly CheckResult[]): Own {
  const failed = new Set(checks.filter(stops).map(check => check.id))
  const count = (some: readonly BadRows[]): number => some.reduce((sum, one) => sum + one.rows, 0)
  return {
    quarantined: count(bad.filter(one => !one.accepted)),
    failed: count(bad.filter(one => one.checks.some(id => failed.has(id)))),
    broken: new Set(bad.flatMap(one => one.checks)),
  }
}

/**
 * A check of rows as it is the file's: what rows that are there already break, and no row of the file does, is not the
 * file's fault.
 */
export function blamed(check: CheckResult, own: Own): CheckResult {
  if (own.broken.has(check.id)) return check
  const { sample: _, distinctBad: __, ...rest } = check
  return {
    ...rest,
    status: 'pass',
    bad: 0,
    message: `no row of the file breaks it; of what is there already: ${check.message}`,
  }
}
