import { describe, expect, it } from 'vitest'
import type { Dataset } from '../../define/dataset.ts'
import { csv, dataset, expect as rule, t } from '../../index.ts'
import { type CheckResult, overallStatus, type Report } from '../../define/report.ts'
import { gate, refusedForRows } from './gate.ts'

type Given = NonNullable<Parameters<typeof dataset>[1]['quarantine']>

/** Three critical rules over rows, one of which asks for its own quarantine, a warning, and a rule over the whole. */
const dataOf = (quarantine?: Given): Dataset =>
  dataset('orders', {
    source: csv('orders.csv'),
    columns: { amount: t.float(), place: t.text() },
    ...(quarantine === undefined ? {} : { quarantine }),
    expect: c => [
      c.amount.between(0, 10, { id: 'range' }),
      c.place.notNull({ id: 'place', quarantine: false }),
      c.amount.notNull({ id: 'odd', severity: 'warning' }),
      rule.rowCount({ min: 5, id: 'count' }),
    ],
  }) as unknown as Dataset

const checkOf = (id: string, status: CheckResult['status'], bad = 0, severity: CheckResult['severity'] = 'critical') =>
  ({
    id,
    kind: id,
    target: {},
    severity,
    status,
    observed: {},
    evaluated: 1000,
    bad,
    threshold: '',
    message: `${id}: ${bad}`,
  }) as CheckResult

function judged(
  data: Dataset,
  checks: CheckResult[],
  counts: { rows?: number; quarantined?: number; failed?: number } = {},
) {
  const report: Report = {
    id: 'r',
    kind: 'validation',
    subject: data.name,
    at: 0,
    status: overallStatus(checks),
    checks,
    evidence: {},
  }
  return {
    ...gate(report, data, { rows: 1000, quarantined: 0, failed: 0, ...counts }, 9),
    forRows: refusedForRows(report, data),
  }
}

describe('rows that break a critical rule', () => {
  const few = [checkOf('range', 'fail', 10)]

  it('stay out when they are few, and the others are accepted', () => {
    expect(judged(dataOf(), few, { quarantined: 10, failed: 10 })).toMatchObject({
      kind: 'quarantine',
      verdict: 'quarantined',
      reason: '10 of 1,000 rows go to quarantine; the others are accepted: range: 10',
      subject: 'dataset orders',
      at: 9,
    })
  })

  it('refuse the whole when they are more than one of a hundred', () => {
    const many = judged(dataOf(), [checkOf('range', 'fail', 11)], { quarantined: 11, failed: 11 })
    expect(many).toMatchObject({ verdict: 'refused', forRows: true, rule: { value: 0.011, threshold: 0.01 } })
    expect(many.reason).toBe('orders is refused: 11 of 1,000 rows (1.1 %) are bad: range: 11')
  })

  it('refuse the whole when nothing is set aside', () => {
    expect(judged(dataOf(false), few, { failed: 10 })).toMatchObject({ verdict: 'refused', forRows: false })
    expect(judged(dataOf(false), few, { failed: 10 }).reason).toBe('orders is refused: range: 10')
    // and so does one rule that sets nothing aside
    expect(judged(dataOf(), [checkOf('place', 'fail', 1)], { failed: 1 })).toMatchObject({ verdict: 'refused' })
  })
})

it('a rule over the whole refuses, whatever rows are left out', () => {
  const both = judged(dataOf(), [checkOf('range', 'fail', 1), checkOf('count', 'fail', 1)], {
    quarantined: 1,
    failed: 1,
  })
  expect(both).toMatchObject({ verdict: 'refused', forRows: false, reason: 'orders is refused: count: 1 (and 1 more)' })
})

it.each(['critical', 'warning', 'info'] as const)('a %s rule that could not be judged refuses', severity => {
  expect(judged(dataOf(), [checkOf('range', 'error', 0, severity)])).toMatchObject({
    verdict: 'refused',
    forRows: false,
  })
})

it('warnings and notes let it pass', () => {
  const told = [checkOf('odd', 'fail', 500, 'warning'), checkOf('range', 'pass')]
  expect(judged(dataOf(), told)).toMatchObject({
    kind: 'gate',
    verdict: 'passed',
    reason: 'all 2 checks of orders hold',
  })
})

it('tolerated rows that their rule sets aside are told, and nothing is refused', () => {
  expect(judged(dataOf(), [checkOf('range', 'pass')], { quarantined: 300 })).toMatchObject({
    verdict: 'quarantined',
    reason:
      '300 of 1,000 rows go to quarantine, as their checks ask although they tolerate them; the others are accepted',
  })
})

it('rows that a rule tolerates and sets aside do not count among those that refuse the whole', () => {
  const both = [checkOf('range', 'fail', 10), checkOf('place', 'pass')]
  expect(judged(dataOf(), both, { quarantined: 300, failed: 10 })).toMatchObject({
    verdict: 'quarantined',
    rule: { value: 0.01 },
  })
  // nor do those that stay excuse them
  expect(judged(dataOf(), both, { quarantined: 0, failed: 11 })).toMatchObject({
    verdict: 'refused',
    rule: { value: 0.011 },
  })
})

it('no rows at all: an empty dataset passes what it passes, and is refused where something failed', () => {
  expect(judged(dataOf(), [checkOf('range', 'fail', 0)], { rows: 0 })).toMatchObject({
    verdict: 'refused',
    reason: 'orders is refused: it has no rows',
  })
})

it('says first what failed of most rows, how many more there are, and of which file', () => {
  const two = [checkOf('range', 'fail', 2), { ...checkOf('range', 'fail', 7), message: 'worst' }]
  expect(judged(dataOf(), two, { quarantined: 9, failed: 9 }).reason).toBe(
    '9 of 1,000 rows go to quarantine; the others are accepted: worst (and 1 more)',
  )
  const report = { id: 'r', checks: two, evidence: { file: 'sha256:1', source: 'new.csv' } } as never as Report
  const of = (evidence: object) =>
    gate({ ...report, evidence } as never, dataOf(), { rows: 100, quarantined: 9, failed: 9 }, 0)
  expect(of(report.evidence).reason).toBe('file new.csv is refused: 9 of 100 rows (9.0 %) are bad: worst (and 1 more)')
  expect(of({ file: 'sha256:1' }).reason).toMatch(/^orders is refused/)
  expect(of({ source: 'new.csv' }).reason).toMatch(/^orders is refused/)
  expect(of({}).inputs).toEqual({ rows: 100, quarantined: 9, failed: ['range', 'range'] })
  expect(of({}).evidence).toEqual(['r'])
})

it('counts what refuses besides the first: other rules over the whole, and rows', () => {
  const whole = [checkOf('count', 'fail', 1), { ...checkOf('place', 'error'), message: 'no such column' }]
  expect(judged(dataOf(), whole).reason).toBe('orders is refused: count: 1 (and 1 more)')
  expect(judged(dataOf(), [...whole, checkOf('range', 'fail', 9)]).reason).toMatch(/\(and 2 more\)$/)
  expect(judged(dataOf(), whole.slice(1)).reason).toBe('orders is refused: no such column')
})

it.each([
  ['has no rows', [checkOf('count', 'fail')], 'orders is refused: it has no rows'],
  ['has no rows because it could not be read', [checkOf('count', 'error')], 'orders is refused: count: 0'],
  ['has no rows and other columns', [{ ...checkOf('count', 'fail'), kind: 'schema' }], 'orders is refused: count: 0'],
] as const)('what %s says so', (_, checks, reason) => {
  expect(judged(dataOf(), checks as unknown as CheckResult[], { rows: 0 })).toMatchObject({
    reason,
    rule: { value: 1 },
  })
})

it('no rows and nothing that failed pass', () => {
  expect(judged(dataOf(), [checkOf('range', 'pass')], { rows: 0 }).verdict).toBe('passed')
})
