import { describe, expect, it } from 'vitest'
import type { CheckResult } from '../../define/report.ts'
import { modelGate } from './model-gate.ts'

describe('the gate of a model', () => {
  const check = (
    status: CheckResult['status'],
    severity: CheckResult['severity'] = 'critical',
    message = 'm',
  ): CheckResult =>
    ({
      id: 'c',
      kind: 'k',
      target: {},
      severity,
      status,
      observed: {},
      evaluated: 1,
      bad: 0,
      threshold: '',
      message,
    }) as CheckResult
  const gate = (status: 'pass' | 'warn' | 'fail', ...checks: CheckResult[]) =>
    modelGate({ id: 'r', kind: 'model', subject: 'm', at: 0, status, checks, evidence: {} }, { auc: 0.7 }, 3, 9)

  it.each([
    ['pass', [check('pass'), check('pass')], 'passed', '2 model checks, all passed'],
    ['warn', [check('pass'), check('fail', 'warning')], 'passed', '2 model checks, with warnings'],
    ['pass', [check('pass'), check('skipped', 'info')], 'passed', '1 model checks, all passed; 1 not judged'],
    [
      'fail',
      [check('fail', 'critical', 'one'), check('error', 'critical', 'two')],
      'refused',
      'model tests failed: one; two',
    ],
  ] as const)('says of %s %#', (status, checks, verdict, reason) => {
    expect(gate(status, ...checks)).toEqual({
      id: expect.any(String),
      kind: 'gate',
      subject: 'model m',
      at: 9,
      verdict,
      reason,
      rule: { name: 'model test suite', threshold: 'no critical failure' },
      inputs: { metrics: { auc: 0.7 }, champion: 3 },
      evidence: ['r'],
      actor: 'system',
    })
  })
})
