import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CheckResult } from '../../define/report.ts'
import { type BadRows, blamed, ownOf } from './blame.ts'

const check = (id: string, status: CheckResult['status'], severity: CheckResult['severity']): CheckResult => ({
  id,
  kind: 'unique',
  target: { dataset: 'sales', columns: ['id'] },
  severity,
  status,
  observed: {},
  evaluated: 10,
  bad: 3,
  threshold: 'no bad rows',
  message: `3 rows break ${id}`,
  sample: [{ id: 1 }],
})

const checks = [
  check('key', 'fail', 'critical'),
  check('range', 'fail', 'warning'),
  check('known', 'pass', 'critical'),
  check('broken', 'error', 'warning'),
] as const

/** A bad row: which checks it breaks, and whether a snapshot takes it all the same. */
const row = fc.record({
  checks: fc.uniqueArray(fc.constantFrom(...checks.map(one => one.id)), { minLength: 1 }),
  accepted: fc.boolean(),
})

describe('bad rows of a file', () => {
  it('are counted as plain counting does, however they are grouped', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 30 }), rows => {
        const groups = new Map<string, BadRows>()
        for (const one of rows) {
          const name = JSON.stringify(one)
          groups.set(name, { ...one, rows: (groups.get(name)?.rows ?? 0) + 1 })
        }
        const own = ownOf([...groups.values()], checks)
        expect(own.quarantined).toBe(rows.filter(one => !one.accepted).length)
        // a warning that fails refuses nothing; a check that could not be made does, however severe
        const stopped = ['key', 'broken']
        expect(own.failed).toBe(rows.filter(one => one.checks.some(id => stopped.includes(id))).length)
        expect([...own.broken].sort()).toEqual([...new Set(rows.flatMap(one => one.checks))].sort())
      }),
    )
  })
})

describe('a file that joins a dataset', () => {
  const key = checks[0]
  it('is not blamed for rows that are there already', () => {
    const own = ownOf([], checks)
    const found = blamed(key, own)
    expect(found).toMatchObject({ status: 'pass', bad: 0 })
    expect(found.message).toBe('no row of the file breaks it; of what is there already: 3 rows break key')
    // no row of somebody else is shown as one of its own
    expect('sample' in found).toBe(false)
  })

  it('is blamed for a single row of its own, and for that check only', () => {
    const own = ownOf([{ checks: ['key'], accepted: false, rows: 1 }], checks)
    expect(blamed(key, own)).toBe(key)
    expect(blamed(checks[1], own).status).toBe('pass')
  })
})
