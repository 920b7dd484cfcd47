import { expect, it } from 'vitest'
import { type CheckResult, overallStatus, type Report } from '../../define/report.ts'
import { modelGate } from './model-gate.ts'

const check = (status: CheckResult['status'], severity: CheckResult['severity'], message: string): CheckResult => ({
  id: message,
  kind: 'metric',
  target: { model: 'm' },
  severity,
  status,
  observed: {},
  evaluated: 1,
  bad: status === 'pass' ? 0 : 1,
  threshold: '',
  message,
})

function judged(...checks: CheckResult[]) {
  const report: Report = {
    id: 'r1',
    kind: 'model',
    subject: 'm',
    at: 0,
    status: overallStatus(checks),
    checks,
    evidence: { rows: 1 },
  }
  return modelGate(report, { auc: 0.7 }, 3, 5)
}

const good = check('pass', 'critical', 'good')

it('a critical check that failed refuses the version, with its words', () => {
  expect(judged(good, check('fail', 'critical', 'auc is low'), check('fail', 'warning', 'odd'))).toMatchObject({
    verdict: 'refused',
    reason: 'model tests failed: auc is low',
    subject: 'model m',
    at: 5,
    evidence: ['r1'],
    inputs: { metrics: { auc: 0.7 }, champion: 3 },
  })
})

it.each(['critical', 'warning', 'info'] as const)('a %s check that could not be made refuses it too', severity => {
  expect(judged(good, check('error', severity, 'cannot tell'))).toMatchObject({
    verdict: 'refused',
    reason: 'model tests failed: cannot tell',
  })
})

it.each([
  ['nothing but passes', [good], '1 model checks, all passed'],
  ['a failed warning', [good, check('fail', 'warning', 'odd')], '2 model checks, with warnings'],
  ['a failed note', [good, check('fail', 'info', 'so')], '2 model checks, all passed'],
  ['a skipped one', [good, check('skipped', 'critical', 'no champion')], '1 model checks, all passed; 1 not judged'],
] as const)('lets %s pass', (_, checks, reason) => {
  expect(judged(...checks)).toMatchObject({ verdict: 'passed', reason })
})
