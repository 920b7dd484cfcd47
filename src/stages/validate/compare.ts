import type { CheckResult, Report, Status } from '../../define/report.ts'

/** `changed`: it is asked with other limits than then, so that neither better nor worse can be said. */
export type Change = 'worse' | 'changed' | 'new' | 'gone' | 'better' | 'same'

/** One check then and now. */
export interface CheckChange {
  readonly change: Change
  readonly before?: CheckResult
  readonly now?: CheckResult
}

/** What became of the checks of a dataset since an earlier report of it. */
export interface Comparison {
  /** What it is compared with, for people: `origin/main (3f2c1a9)`, `snapshot 12ab34cd56ef`. */
  readonly with: string
  /** Worst first: worse, changed, new, gone, better, same. */
  readonly checks: readonly CheckChange[]
}

const rank: Record<Status, number> = { pass: 0, skipped: 1, warn: 2, fail: 3, error: 4 }
const order: Record<Change, number> = { worse: 0, changed: 1, new: 2, gone: 3, better: 4, same: 5 }

/** Share of the rows that were judged and broke it. */
function badShare({ bad, evaluated }: CheckResult): number {
  return evaluated === 0 ? 0 : bad / evaluated
}

/** A limit in words without the number of rows that its share comes to. */
const limitAlone = ({ threshold }: CheckResult): string =>
  / %\)/.test(threshold) ? threshold.replaceAll(/\b[\d,.]+ (bad )?rows?\b/g, '') : threshold

/** Whether the same was asked. Earlier versions kept no digest of the declaration: their words tell, where a limit was reached. */
function sameAsked(before: CheckResult, now: CheckResult): boolean {
  if (before.declared !== undefined && now.declared !== undefined) return before.declared === now.declared
  if (before.id !== now.id) return false
  return before.threshold === '' || now.threshold === '' || limitAlone(before) === limitAlone(now)
}

function changeOf(before: CheckResult, now: CheckResult): Change {
  if (!sameAsked(before, now)) return 'changed'
  const moved = rank[now.status] - rank[before.status]
  if (moved !== 0) return moved > 0 ? 'worse' : 'better'
  const share = badShare(now) - badShare(before)
  if (share === 0) return 'same'
  return share > 0 ? 'worse' : 'better'
}

/** The same question asked with other limits: a declaration's own hash is another then. */
const question = ({ kind, target }: CheckResult): string => JSON.stringify([kind, target.columns ?? []])

/** Checks that stand alone with their question on both sides. */
function pairByQuestion(before: readonly CheckResult[], now: readonly CheckResult[]): Map<CheckResult, CheckResult> {
  const alone = (checks: readonly CheckResult[]) => {
    return new Map(
      [...groupBy(checks)].flatMap(([key, some]) => (some.length === 1 && some[0] ? [[key, some[0]] as const] : [])),
    )
  }
  const old = alone(before)
  return new Map(
    [...alone(now)].flatMap(([key, check]) => {
      const other = old.get(key)
      return other ? [[check, other] as const] : []
    }),
  )
}

function groupBy(checks: readonly CheckResult[]): Map<string, CheckResult[]> {
  const by = new Map<string, CheckResult[]>()
  for (const check of checks) by.set(question(check), [...(by.get(question(check)) ?? []), check])
  return by
}

/**
 * Compares two reports of a dataset check by check: by id, and where a declaration was changed by what it asks: that is
 * told as changed. A check is worse when its status is, or when a greater share of its rows breaks it.
 */
export function compareReports(before: Report, now: Report, words: string): Comparison {
  const byId = new Map(before.checks.map(check => [check.id, check]))
  const ids = new Set(now.checks.map(check => check.id))
  const pairs = pairByQuestion(
    before.checks.filter(check => !ids.has(check.id)),
    now.checks.filter(check => !byId.has(check.id)),
  )
  const paired = new Set<CheckResult>()
  const checks = now.checks.map((check): CheckChange => {
    const old = byId.get(check.id) ?? pairs.get(check)
    if (!old) return { change: 'new', now: check }
    paired.add(old)
    return { change: changeOf(old, check), before: old, now: check }
  })
  for (const old of before.checks) if (!paired.has(old)) checks.push({ change: 'gone', before: old })
  return { with: words, checks: checks.toSorted((a, b) => order[a.change] - order[b.change]) }
}
