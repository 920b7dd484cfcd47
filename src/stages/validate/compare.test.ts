import { expect, test } from 'vitest'
import type { CheckResult, Report } from '../../define/report.ts'
import { compareReports } from './compare.ts'

const check = (threshold: string, bad: number, more: Partial<CheckResult> = {}): CheckResult => ({
  id: 'fair',
  kind: 'between',
  target: {},
  severity: 'critical',
  status: 'pass',
  observed: {},
  evaluated: 3000,
  bad,
  threshold,
  message: '',
  ...more,
})

const report = (one: CheckResult): Report => ({
  id: '1',
  kind: 'validation',
  subject: 'd',
  at: 0 as Report['at'],
  status: 'pass',
  checks: [one],
  evidence: {},
})

const change = (before: CheckResult, now: CheckResult) =>
  compareReports(report(before), report(now), 'then').checks.map(one => one.change)

test('a report of an earlier version has words only: the rows that a share comes to are no other limit', () => {
  const now = check('at most 29 bad rows (1 %)', 1, { declared: 'sha256:1' })
  expect(change(check('at most 30 bad rows (1 %)', 0), now)).toEqual(['worse'])
  expect(change(check('at most 60 bad rows (2 %)', 0), now)).toEqual(['changed'])
  expect(change(check('at most 30 bad rows', 0), check('at most 29 bad rows', 1))).toEqual(['changed'])
})

test('what was declared tells, not the words', () => {
  const at = (declared: string, bad: number) => check(`after ${bad}`, bad, { declared })
  expect(change(at('sha256:1', 0), at('sha256:1', 1))).toEqual(['worse'])
  expect(change(at('sha256:1', 0), at('sha256:2', 1))).toEqual(['changed'])
})

test('a check that could not be evaluated has no limit in words, and is worse', () => {
  const now = check('', 0, { status: 'error', error: 'no such column' })
  expect(change(check('at most 30 bad rows (1 %)', 0), now)).toEqual(['worse'])
})
