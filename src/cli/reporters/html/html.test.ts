import fc from 'fast-check'
import { expect, it } from 'vitest'
import { overallStatus, type CheckResult, type Report } from '../../../define/report.ts'
import { render } from './render.ts'
import { checkOfDelays as check } from '../../../../test/support/reports.ts'

const report = (checks: readonly CheckResult[]): Report => ({
  id: 'r1',
  kind: 'validation',
  subject: 'flights',
  at: 1e15,
  status: overallStatus(checks),
  checks,
  evidence: { source: 'data/*.parquet', rows: 100 },
})

it('shows what does not hold first, and all of it', () => {
  const broken = check({ status: 'fail', bad: 3, message: '3 rows do not', sample: [{ delay: -1116 }] })
  const page = render([report([check(), broken])])
  expect(page.indexOf('What does not hold')).toBeLessThan(page.indexOf('All checks'))
  expect(page).toContain('-1116')
  expect(page).toContain('1 of 3 that break it')
})

it('lets nothing from data become markup, and asks no network for anything', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom('<script>alert(1)</script>', '"><img src=x onerror=1>', "'&<"), (a, b) => {
      const text = a + b
      const distributions = new Map([
        [
          'r1',
          [
            {
              column: text,
              type: 'text' as const,
              nulls: 0,
              distinct: 1,
              bars: [{ label: text, rows: 1 }],
              form: 'values' as const,
              others: 0,
            },
          ],
        ],
      ])
      const broken = check({
        id: text,
        status: 'fail',
        bad: 1,
        message: text,
        threshold: text,
        sample: [{ [text]: text }],
        distinctBad: [{ value: text, count: 1 }],
      })
      const page = render([{ ...report([broken]), subject: text }], { distributions })
      expect(page.match(/<script/g)).toHaveLength(1)
      expect(page).not.toMatch(/<(?:img|link|iframe)|<[^>]*\s(?:src|href)=|url\(|@import/)
    }),
  )
})
