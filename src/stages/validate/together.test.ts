import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { metricId, type Metric } from '../../define/expectation/metric.ts'
import type { Node } from '../../define/expression/node.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { takeByScan, takeStep, type Measurements } from './measure.ts'
import { planMeasures, type PlanFacts } from './plan.ts'

// Measures of columns with few combinations of values are taken over the counts of these: they must be what a look at the
// rows gives.

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

const column = (name: string, type: Node['type']): Node => ({ op: 'column', name, type }) as Node
const [a, b, s] = [column('a', 'int'), column('b', 'int'), column('s', 'text')]
const literal = (value: number | string, type: Node['type']): Node => ({ op: 'literal', value, type }) as Node
const call = (fn: string, ...args: readonly Node[]): Node => ({ op: 'call', fn, args, type: 'bool' }) as unknown as Node
const sum: Node = { op: 'call', fn: 'add', args: [a, b], type: 'int' } as unknown as Node

const conditions = fc.constantFrom<Node>(
  call('and', call('gt', a, literal(1, 'int')), call('eq', s, literal('x', 'text'))),
  call('or', call('lt', b, literal(0, 'int')), call('isNull', s)),
  call('lt', a, b),
  call('and', call('eq', s, literal('y', 'text')), call('ne', b, a)),
)
const metrics = fc.array(
  fc.oneof(
    fc.record({ fn: fc.constant('rows' as const), where: conditions }),
    fc.record({ fn: fc.constant('extremes' as const), of: fc.constantFrom(a, b, s, sum), where: conditions }),
    fc.record({ fn: fc.constant('moments' as const), of: fc.constantFrom(a, b, sum), where: conditions }),
  ),
  { minLength: 6, maxLength: 12 },
) as fc.Arbitrary<Metric[]>

const cell = {
  a: fc.constantFrom(null, -1, 0, 2, 5),
  b: fc.constantFrom(null, -3, 1, 4),
  s: fc.constantFrom(null, 'x', 'y', ''),
}

it('gives what a scan gives, by part and as a whole', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record(cell), { minLength: 1, maxLength: 40 }),
      metrics,
      fc.boolean(),
      async (rows, asked, parted) => {
        const nulls = (name: 'a' | 'b' | 's') => Uint8Array.from(rows, row => (row[name] === null ? 1 : 0))
        const relation = await engine.load('combined', [
          { name: 'a', type: 'int', values: BigInt64Array.from(rows, row => BigInt(row.a ?? 0)), nulls: nulls('a') },
          { name: 'b', type: 'int', values: BigInt64Array.from(rows, row => BigInt(row.b ?? 0)), nulls: nulls('b') },
          { name: 's', type: 'text', values: rows.map(row => row.s ?? ''), nulls: nulls('s') },
        ])
        const sql = `SELECT * FROM ${relation.sql}`
        // rows of three files, as their numbers have it
        const numbered = `SELECT *, (row_number() OVER () - 1) % 3 * ${2 ** 40} AS millrace_row FROM ${relation.sql}`
        const target = { sql, numbered, parts: parted ? 3 : 1 }
        const fact = (type: 'int' | 'text') => ({ type, sampledDistinct: 5, sampledRows: 1_000_000 })
        const facts: PlanFacts = {
          rows: 1_000_000,
          columns: new Map([
            ['a', fact('int')],
            ['b', fact('int')],
            ['s', fact('text')],
          ]),
          footerNulls: undefined,
          counted: new Set(['a', 'b', 's']),
        }
        const steps = planMeasures(asked, facts).filter(step => step.kind === 'together')
        const taken: Measurements = new Map()
        for (const step of steps) await takeStep(engine, step, target, taken)
        const answered = steps.flatMap(step => step.metrics)
        const scanned: Measurements = new Map()
        await takeByScan(engine, answered, target, scanned)
        for (const metric of answered) expect(taken.get(metricId(metric))).toEqual(scanned.get(metricId(metric)))
      },
    ),
    { numRuns: 40 },
  )
})

it('is planned where it pays, and not where combinations may be many', () => {
  const facts = (sampledDistinct: number): PlanFacts => ({
    rows: 1_000_000,
    columns: new Map(['a', 'b'].map(name => [name, { type: 'int' as const, sampledDistinct, sampledRows: 50_000 }])),
    footerNulls: undefined,
    counted: new Set(),
  })
  const asked = Array.from(
    { length: 20 },
    (_, i): Metric => ({ fn: 'rows', where: call('lt', a, { ...sum, args: [b, literal(i, 'int')] } as Node) }),
  )
  expect(planMeasures(asked, facts(50)).map(step => step.kind)).toEqual(['together'])
  expect(planMeasures(asked, facts(2_000)).map(step => step.kind)).toEqual(['scan'])
  expect(planMeasures(asked.slice(0, 1), facts(50)).map(step => step.kind)).toEqual(['scan'])
})
