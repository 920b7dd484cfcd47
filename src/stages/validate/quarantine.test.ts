import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { t } from '../../define/column.ts'
import { dataset } from '../../define/dataset.ts'
import type { ExpectationSpec } from '../../define/expectation/spec.ts'
import { parquet } from '../../define/source.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { validate } from './validate.ts'

// Which rows stay out of snapshots: every way to ask for it, against plain counting.

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

const asked = fc.constantFrom(undefined, true, false)
const rule = fc.record({
  below: fc.integer({ min: 0, max: 12 }),
  mostly: fc.constantFrom(0, 0.3, 0.5, 0.7, 0.9, 1),
  severity: fc.constantFrom<ExpectationSpec['severity']>('critical', 'warning', 'info'),
  quarantine: asked,
})

/** The rule in words of the reference, for one rule of one dataset. */
function isOut(
  { mostly, severity, quarantine }: { mostly: number; severity: string; quarantine: boolean | undefined },
  whole: boolean | undefined,
  badShare: number,
): boolean {
  if (quarantine === true) return true
  if (quarantine === false || severity !== 'critical' || whole === false) return false
  return whole === true || badShare > 1 - mostly + 1e-12
}

it('is what each rule, its outcome and the dataset say', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 12 }),
      fc.array(rule, { minLength: 1, maxLength: 4 }),
      asked,
      async (values, rules, whole) => {
        const made = dataset('d', {
          source: parquet('-'),
          columns: { x: t.int() },
          ...(whole === undefined ? {} : { quarantine: whole }),
          expect: c =>
            rules.map(({ below, mostly, severity, quarantine }, i) =>
              c.x.between(undefined, below, {
                id: `rule ${i}`,
                mostly,
                severity,
                ...(quarantine === undefined ? {} : { quarantine }),
              }),
            ),
        })
        const column = { name: 'x', type: 'int' as const, values: BigInt64Array.from(values, BigInt) }
        const relation = await engine.load('values_under_test', [column])
        const result = await validate({ engine, root: '/', clock: manualClock() }, made, relation)
        const out = rules.map(one => {
          const bad = values.filter(value => value > one.below)
          return isOut(one, whole, bad.length / values.length)
        })
        const left = values.filter(value => rules.some((one, i) => out[i] && value > one.below))
        const [good] = await engine.rows(`SELECT count(*) AS n FROM (${result.split.good})`)
        expect(Number(good?.n)).toBe(values.length - left.length)
        expect(result.report.evidence.quarantined).toBe(left.length)
        for (const [i, one] of rules.entries()) {
          const check = result.report.checks.find(({ id }) => id === `rule ${i}`)
          const bad = values.filter(value => value > one.below).length
          expect(check?.quarantined ?? 0).toBe(out[i] ? bad : 0)
        }
        await result.release()
      },
    ),
    { numRuns: 30 },
  )
})
