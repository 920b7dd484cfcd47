import type { CheckResult } from '../../src/define/report.ts'

/** A check of delays that passed over 100 rows; `over` says what is otherwise. */
export function checkOfDelays(over: Partial<CheckResult> = {}): CheckResult {
  return {
    id: 'between-0123456789ab',
    kind: 'between',
    target: { dataset: 'flights', columns: ['delay'] },
    severity: 'critical',
    status: 'pass',
    observed: { bad: 0 },
    evaluated: 100,
    bad: 0,
    threshold: 'no bad rows',
    message: 'delay is between -120 and 1440: all 100 rows',
    ...over,
  }
}
