import type { CheckResult } from '../../define/report.ts'
import type { Change, CheckChange, Comparison } from '../../stages/validate/compare.ts'
import { shown, titleOf } from './subject.ts'

const words: Record<Change, string> = {
  worse: 'worse',
  changed: 'asked otherwise',
  new: 'new',
  gone: 'gone',
  better: 'better',
  same: 'as before',
}

/** `2 worse, 1 new, 60 as before`. */
export function comparisonSummary({ checks }: Comparison): string {
  const count = (change: Change): number => checks.filter(one => one.change === change).length
  const parts = (Object.keys(words) as Change[]).flatMap(change =>
    count(change) > 0 ? [`${count(change)} ${words[change]}`] : [],
  )
  return parts.join(', ')
}

function figure(check: CheckResult | undefined): string {
  if (!check) return '-'
  const { value } = check.observed
  if (typeof value === 'number') return `${check.status}, ${Number(value.toPrecision(6))}`
  return check.bad > 0 ? `${check.status}, ${check.bad.toLocaleString('en-US')} bad` : check.status
}

/** What changed, as cells: the change, the check, then, now. */
export function comparisonRows({ checks }: Comparison): readonly (readonly [Change, string, string, string])[] {
  return checks
    .filter(({ change }) => change !== 'same')
    .map(({ change, before, now }: CheckChange) => [
      change,
      shown(titleOf((now ?? before) as CheckResult)),
      figure(before),
      figure(now),
    ])
}

/** For JSON: what now is stands among the checks already. */
export function comparisonJson(comparison: Comparison | undefined): Readonly<Record<string, unknown>> {
  if (!comparison) return {}
  const checks = comparison.checks.map(({ change, before, now }) => ({
    id: (now ?? before)?.id,
    change,
    ...(before
      ? {
          before: {
            id: before.id,
            status: before.status,
            evaluated: before.evaluated,
            bad: before.bad,
            observed: before.observed,
          },
        }
      : {}),
  }))
  return { comparison: { with: comparison.with, checks } }
}
