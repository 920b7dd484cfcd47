import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { dataset, expect as must, parquet, t } from '../../index.ts'
import type { DataEngine, Row } from '../../ports/data-engine.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { metricId } from '../../define/expectation/metric.ts'
import type { TakenStep } from './measurer.ts'
import { openStates } from './states.ts'
import { validate } from './validate.ts'
import { times } from '../../../test/fuzz/edges.ts'

let engine: DataEngine
let folder: string
beforeAll(async () => {
  engine = await openDuckdb()
  folder = await mkdtemp(join(tmpdir(), 'millrace-incremental-'))
})
afterAll(async () => {
  await engine.close()
  await rm(folder, { recursive: true })
})

const anyRow = fc.record({
  n: fc.option(fc.integer({ min: -9, max: 9 }), { nil: null, freq: 6 }),
  x: fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { nil: null, freq: 6 }),
  s: fc.option(fc.constantFrom('a', 'b', 'c', ''), { nil: null, freq: 6 }),
})
type Cells = typeof anyRow extends fc.Arbitrary<infer R> ? R : never

const made = dataset('d', {
  source: parquet('part-*.parquet'),
  columns: { n: t.nullable(t.int()), x: t.nullable(t.float()), s: t.nullable(t.text()) },
  expect: c => [
    must.rowCount({ min: 4 }),
    c.n.between(-5, 5, { mostly: 0.5 }),
    c.n.mean({ min: -3, max: 3 }),
    c.n.quantiles({ 0.1: [-8, 8], 0.9: [-8, 8] }),
    c.x.std({ max: 5e5 }),
    c.x.median({ min: -2e5, max: 2e5 }),
    c.x.distinctCount({ min: 3 }),
    c.s.inSet(['a', 'b', 'c']),
    c.s.topValueShare({ max: 0.6 }),
    c.s.entropy({ min: 0.5 }),
    must.correlation(c.n, c.x, { min: -0.9, max: 0.9 }),
    must.unique([c.n, c.s]),
    must.duplicateRows(),
    c.n.increasing({ orderBy: c.x }),
    c.s.notInSet(['c']),
    must.unique([c.x], { when: c.n.expr.gt(0) }),
    must.that(c.n.expr.gt(0).or(c.x.expr.lt(0))),
  ],
})

async function write(root: string, part: number, rows: readonly Cells[]): Promise<void> {
  const values = rows.map(
    row =>
      `(${row.n ?? 'NULL'}::BIGINT, ${row.x ?? 'NULL'}::DOUBLE, ${row.s === null ? 'NULL' : `'${row.s}'`}::VARCHAR)`,
  )
  const sql = `SELECT * FROM (VALUES ${values.join(', ')}) v(n, x, s)`
  await engine.writeParquet(sql, join(root, `part-${part}.parquet`))
}

const isAdditive = ({ kind }: TakenStep): boolean => kind === 'scan' || kind === 'values'

describe('validation of a dataset of which one part changed', () => {
  it('looks at that part alone and finds what a look at everything finds', async () => {
    const parts = fc.array(fc.array(anyRow, { minLength: 1, maxLength: 12 }), { minLength: 2, maxLength: 4 })
    let run = 0
    await fc.assert(
      fc.asyncProperty(parts, fc.array(anyRow, { minLength: 1, maxLength: 12 }), fc.nat(), async (files, fresh, at) => {
        const root = join(folder, String(run++))
        const states = join(root, 'states')
        const services = async () => ({ engine, root, clock: manualClock(), states: await openStates(states) })
        for (const [i, rows] of files.entries()) await write(root, i, rows)
        const before = await validate(await services(), made)
        await before.release()
        // what file metadata answered before was not measured
        const taken = new Set(before.steps.filter(isAdditive).flatMap(step => step.metrics.map(metricId)))
        await write(root, at % files.length, fresh)

        const partly = await validate(await services(), made)
        const whole = await validate({ engine, root, clock: manualClock() }, made)
        expect(partly.report.checks).toEqual(whole.report.checks)
        for (const step of partly.steps.filter(isAdditive))
          if (step.metrics.every(metric => taken.has(metricId(metric))))
            expect(step.remembered).toBeGreaterThanOrEqual(files.length - 1)
        // the same rows again: nothing is looked at but the rows that fail, rules of rows included
        const again = await validate(await services(), made)
        expect(again.report.checks).toEqual(whole.report.checks)
        for (const step of again.steps)
          if (step.kind === 'rule' || isAdditive(step)) expect(step.remembered).toBe(files.length)
        const failing = async ({ failing: found }: typeof whole) => (found ? engine.rows(found.inOrder) : [])
        const origin = ({ millrace_content: _, ...row }: Row) => row
        expect((await failing(again)).map(origin)).toEqual((await failing(whole)).map(origin))
        for (const one of [partly, whole, again]) await one.release()
      }),
      { numRuns: 4 * times },
    )
  })

  it('measures again what was spoilt on disk', async () => {
    const root = join(folder, 'spoilt')
    await write(root, 0, [{ n: 1, x: 2, s: 'a' }])
    const states = join(root, 'states')
    const first = await validate({ engine, root, clock: manualClock(), states: await openStates(states) }, made)
    await first.release()
    const { readdir } = await import('node:fs/promises')
    for (const name of await readdir(states)) await writeFile(join(states, name), '{"half')
    const again = await validate({ engine, root, clock: manualClock(), states: await openStates(states) }, made)
    expect(again.report.checks).toEqual(first.report.checks)
    await again.release()
  })
})
