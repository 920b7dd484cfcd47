import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { metricId, type Metric, type ValueCounts } from '../../define/expectation/metric.ts'
import type { Node } from '../../define/expression/node.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { derivedOf, overDerived } from './derived.ts'
import { takeByScan, takeStep, type Measurements } from './measure.ts'
import { planMeasures, type ColumnFacts, type PlanFacts } from './plan.ts'

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

const at = column('at', 'timestamp')
const part = (fn: 'hour' | 'dayOfWeek'): Node => ({ op: 'call', fn, args: [at], type: 'int', option: 'UTC' })
const [hour, day] = [part('hour'), part('dayOfWeek')]

const conditions = fc.constantFrom<Node>(
  call('lt', hour, literal(6, 'int')),
  call('and', call('gte', hour, literal(6, 'int')), call('gt', a, literal(0, 'int'))),
  call('or', call('eq', day, literal(1, 'int')), call('isNull', b)),
  call('eq', day, hour),
  call('and', call('gt', a, literal(1, 'int')), call('eq', s, literal('x', 'text'))),
  call('or', call('lt', b, literal(0, 'int')), call('isNull', s)),
  call('lt', a, b),
  call('and', call('eq', s, literal('y', 'text')), call('ne', b, a)),
)
const metrics = fc.array(
  fc.oneof(
    fc.record({ fn: fc.constant('rows' as const), where: conditions }),
    fc.record({ fn: fc.constant('extremes' as const), of: fc.constantFrom(a, b, s, sum), where: conditions }),
    fc.record({ fn: fc.constant('moments' as const), of: fc.constantFrom(a, b, sum, hour), where: conditions }),
    fc.record({
      fn: fc.constant('moments' as const),
      of: fc.constantFrom(a, b, sum),
      spread: fc.constant(true as const),
      where: conditions,
    }),
    fc.record({
      fn: fc.constant('quantiles' as const),
      of: fc.constantFrom(a, b, hour),
      q: fc.constant([0, 0.3, 1]),
      where: conditions,
    }),
    fc.record({ fn: fc.constantFrom('distinct', 'values'), of: fc.constantFrom(a, b, s, day), where: conditions }),
    fc.record({
      fn: fc.constant('topValues' as const),
      of: fc.constantFrom(a, b, s, hour),
      most: fc.constant(2),
      where: conditions,
    }),
  ),
  { minLength: 6, maxLength: 12 },
) as fc.Arbitrary<Metric[]>

const cell = {
  a: fc.constantFrom(null, -1, 0, 2, 5),
  b: fc.constantFrom(null, -3, 1, 4),
  s: fc.constantFrom(null, 'x', 'y', ''),
  // hours of some days, and before 1970
  at: fc.option(fc.integer({ min: -72, max: 72 }), { nil: null, freq: 5 }),
}

/** Values in one order, and figures that were summed up in another one to twelve digits. */
function plain(measured: unknown): unknown {
  return JSON.parse(
    JSON.stringify(measured, (_, value: unknown) => {
      if (typeof value === 'number' && !Number.isInteger(value))
        return Number.isFinite(value) ? Number(value.toPrecision(12)) : String(value)
      if (typeof value !== 'object' || value === null || !('nulls' in value)) return value
      const { values, counts, nulls } = value as ValueCounts
      return { nulls, pairs: values.map((one, i) => `${String(one)} x ${counts[i]}`).sort() }
    }),
  )
}

it('gives what a scan gives, by part and as a whole', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record(cell), { minLength: 1, maxLength: 40 }),
      metrics,
      fc.boolean(),
      async (rows, asked, parted) => {
        const nulls = (name: keyof typeof cell) => Uint8Array.from(rows, row => (row[name] === null ? 1 : 0))
        const relation = await engine.load('combined', [
          { name: 'a', type: 'int', values: BigInt64Array.from(rows, row => BigInt(row.a ?? 0)), nulls: nulls('a') },
          { name: 'b', type: 'int', values: BigInt64Array.from(rows, row => BigInt(row.b ?? 0)), nulls: nulls('b') },
          { name: 's', type: 'text', values: rows.map(row => row.s ?? ''), nulls: nulls('s') },
          {
            name: 'at',
            type: 'timestamp',
            values: BigInt64Array.from(rows, row => BigInt(row.at ?? 0) * 3_600_000_000n),
            nulls: nulls('at'),
          },
        ])
        const sql = `SELECT * FROM ${relation.sql}`
        // rows of three files, as their numbers have it
        const numbered = `SELECT *, (row_number() OVER () - 1) % 3 * ${2 ** 40} AS millrace_row FROM ${relation.sql}`
        const target = { sql, numbered, parts: parted ? 3 : 1 }
        const fact = (type: 'int' | 'text') => ({ type, sampledDistinct: 5, sampledRows: 1_000_000 })
        const derived = derivedOf(asked, name => name === 'at')
        const facts: PlanFacts = {
          rows: 1_000_000,
          columns: new Map<string, ColumnFacts>([
            ['a', fact('int')],
            ['b', fact('int')],
            ['s', fact('text')],
            ['at', { ...fact('int'), type: 'timestamp', sampledDistinct: 900_000 }],
            ...[...derived.values()].map(one => [one.column.name, fact('int')] as const),
          ]),
          footerNulls: undefined,
          counted: new Set(['a', 'b', 's']),
          derived,
        }
        const steps = planMeasures(asked, facts).filter(step => step.kind === 'together')
        const taken: Measurements = new Map()
        for (const step of steps) await takeStep(engine, step, target, taken)
        const answered = steps.flatMap(step => step.metrics)
        const scanned: Measurements = new Map()
        await takeByScan(engine, answered, target, scanned)
        for (const metric of answered)
          expect(plain(taken.get(metricId(metric)))).toEqual(plain(scanned.get(metricId(metric))))
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

it('tells apart what is derived in ways that read alike, and derives the innermost that makes a category', () => {
  const hourIn = (zone: string): Node => ({ op: 'call', fn: 'hour', args: [at], type: 'int', option: zone })
  const of = (node: Node): Metric => ({ fn: 'rows', where: call('gt', node, literal(3, 'int')) })
  const third: Node = { op: 'call', fn: 'mod', args: [hour, literal(3, 'int')], type: 'int' }
  const names = (...nodes: Node[]) => [...derivedOf(nodes.map(of), name => name === 'at').values()].map(one => one.node)
  expect(names(third, hour)).toEqual([hour])
  expect(names(hourIn('UTC'), hourIn('Asia/Tokyo'))).toEqual([hourIn('UTC'), hourIn('Asia/Tokyo')])
  expect(names(a, sum)).toEqual([])
  const found = derivedOf([of(third)], name => name === 'at')
  expect(overDerived(of(hourIn('Asia/Tokyo')), found)).toEqual(of(hourIn('Asia/Tokyo')))
  expect(overDerived(of(third), found)).not.toEqual(of(third))
})
