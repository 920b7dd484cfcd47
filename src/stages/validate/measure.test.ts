import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { binOf } from '../../define/expectation/bins.ts'
import { metricId, type Metric } from '../../define/expectation/metric.ts'
import { toEvaluator } from '../../define/expression/index.ts'
import type { Node } from '../../define/expression/node.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { fail } from '../../errors/index.ts'
import { ownFault, takeByScan, takeStep, type Measurable, type Measurements } from './measure.ts'
import { fromValues } from './from-values.ts'
import { requireUsable } from './relation.ts'
import { merge } from './state.ts'

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

const x: Node = { op: 'column', name: 'x', type: 'float' }
const above: Node = {
  op: 'call',
  fn: 'gt',
  type: 'bool',
  args: [x, { op: 'literal', value: 0, type: 'float' }],
}
const doubled: Node = { op: 'call', fn: 'mul', type: 'float', args: [x, { op: 'literal', value: 2, type: 'float' }] }

const metrics: readonly Metric[] = [
  { fn: 'rows', where: above },
  { fn: 'moments', of: x, spread: true },
  { fn: 'moments', of: doubled, where: above },
  { fn: 'extremes', of: x },
  { fn: 'values', of: doubled },
  { fn: 'quantiles', of: x, q: [0, 0.1, 0.5, 0.99, 1] },
  { fn: 'distinct', of: x, where: above },
  { fn: 'topValues', of: x, most: 3 },
]

const flat = (value: unknown): unknown[] =>
  Array.isArray(value)
    ? value.flatMap(flat)
    : typeof value === 'object' && value !== null
      ? Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .flatMap(([, member]) => flat(member))
      : [value]

it('counting the values of a column and scanning its rows measure the same', async () => {
  const drawn = fc.array(
    fc.option(fc.constantFrom(-2.5, -1, 0, 0.1, 0.2, 0.30000000000000004, 7, 1e9, NaN, Infinity, -Infinity), {
      nil: null,
      freq: 4,
    }),
    { maxLength: 40 },
  )
  await fc.assert(
    fc.asyncProperty(drawn, async values => {
      const { sql } = await engine.load('measured', [
        {
          name: 'x',
          type: 'float',
          values: Float64Array.from(values, value => value ?? 0),
          nulls: Uint8Array.from(values, value => (value === null ? 1 : 0)),
        },
      ])
      const rows = `SELECT * FROM ${sql}`
      const target: Measurable = { sql: rows, numbered: rows, parts: 1 }
      const scanned: Measurements = new Map()
      await takeByScan(engine, metrics, target, scanned)
      const counted: Measurements = new Map()
      const step = { kind: 'values', of: x as Node & { op: 'column' }, metrics, estimateMs: 0, because: '' } as const
      await takeStep(engine, step, target, counted)
      const whole = (found: Measurements, metric: Metric) => {
        const one = found.get(metricId(metric))
        if (!one || 'error' in one) throw new Error(`${metric.fn}: ${one?.error}`)
        return 'whole' in one ? one.whole : merge(metric, one.parts)
      }
      const levels = whole(counted, { fn: 'values', of: x }) as never
      for (const metric of metrics) {
        const byScan = flat(whole(scanned, metric))
        const byValues = flat(metric.fn === 'rows' ? whole(counted, metric) : fromValues(metric, 'x', levels))
        expect([metric.fn, byValues.length]).toEqual([metric.fn, byScan.length])
        byScan.forEach((wanted, i) => {
          const found = byValues[i]
          // a sum of squares that was not asked for is not there in a scan
          if (metric.fn === 'moments' && !metric.spread && Number.isNaN(wanted)) return
          if (typeof wanted === 'number' && Number.isFinite(wanted))
            expect(Math.abs(Number(found) - wanted)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(wanted)))
          else expect([metric.fn, String(found)]).toEqual([metric.fn, String(wanted)])
        })
      }
    }),
    { numRuns: 60 },
  )
})

it('counts the values of a column beside others that are called as the statement calls its own', async () => {
  const u: Node = { op: 'column', name: 'u', type: 'int' }
  const columns = ['u', 'v', 'n', 'a', 'b'].map((name, i) => ({
    name,
    type: 'int' as const,
    values: BigInt64Array.from([1, 1, 2], value => BigInt(value === 1 ? 1 : 2 + i)),
  }))
  const { sql } = await engine.load('named', columns)
  const asked: Metric[] = [
    { fn: 'values', of: u },
    { fn: 'topValues', of: u, most: 1 },
    { fn: 'pairs', a: u, b: u },
  ]
  const found: Measurements = new Map()
  await takeByScan(engine, asked, { sql: `SELECT * FROM ${sql}`, numbered: `SELECT * FROM ${sql}`, parts: 1 }, found)
  const results = asked.map(metric => found.get(metricId(metric)))
  expect(results).toMatchObject([
    { parts: [{ nulls: 0 }] },
    { whole: { values: [1], counts: [2], distinct: 2 } },
    { parts: [{ counts: expect.arrayContaining([1, 2]) as number[] }] },
  ])
})

describe('the fault of one check', () => {
  it.each([
    [fail('userCheckFailed', { check: 'c', reason: 'it threw' }), 'MR2011', 'it threw'],
    [fail('userQueryRefused', { check: 'c', reason: 'it reads a file' }), 'MR2030', 'it reads a file'],
  ])('is told as its reason: %s', (error, code, reason) => {
    expect([error.code, ownFault(error)]).toEqual([code, reason])
  })

  it('is neither a fault of the whole source, which is thrown, nor one of Millrace, which is told as such', () => {
    const whole = fail('sourceUnreadable', { source: 'a.csv', reason: 'it does not exist' })
    expect(() => ownFault(whole)).toThrow(whole)
    expect(ownFault(new TypeError('x is undefined'))).toBe('an error within Millrace: x is undefined')
  })
})

describe('a dataset that cannot be used', () => {
  const found = (missing: string[], mismatched: object[]) =>
    ({
      dataset: { name: 'orders' },
      source: { label: 'a.csv' },
      missing,
      mismatched,
      present: [{ name: 'id' }, { name: 'at' }],
    }) as never

  it('says which column is missing, with those that are there, before which one is of another type', () => {
    const other = { column: 'at', declared: 'timestamp', physical: 'VARCHAR' }
    expect(() => requireUsable(found([], []))).not.toThrow()
    expect(() => requireUsable(found(['km'], [other]))).toThrow(
      expect.objectContaining({
        code: 'MR2001',
        message: "orders: column 'km' is declared but a.csv has no such column.",
        hint: expect.stringContaining('id, at') as string,
      }) as Error,
    )
    expect(() => requireUsable(found([], [other]))).toThrow(
      expect.objectContaining({ code: 'MR2006', message: expect.stringContaining('timestamp') as string }) as Error,
    )
  })
})

/** Ranks by counting: one plus those below and half of the others alike. */
const midRank = (value: number, all: readonly number[]): number =>
  all.filter(one => one < value).length + (all.filter(one => one === value).length + 1) / 2

it('ranks of the values and ranks of the rows correlate alike, as counting says', async () => {
  const metric: Metric = { fn: 'rankCorrelation', a: x, b: { op: 'column', name: 'y', type: 'float' } }
  const value = fc.option(fc.constantFrom(-2.5, -0, 0, 0.1, 7, 1e300, NaN, Infinity), { nil: null, freq: 6 })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(value, value), { maxLength: 30 }), async rows => {
      const column = (name: string, at: 0 | 1) => ({
        name,
        type: 'float' as const,
        values: Float64Array.from(rows, row => row[at] ?? 0),
        nulls: Uint8Array.from(rows, row => (row[at] === null ? 1 : 0)),
      })
      const { sql } = await engine.load('ranked', [column('x', 0), column('y', 1)])
      const known = rows.filter((row): row is [number, number] => row.every(Number.isFinite))
      const a = known.map(([one]) =>
        midRank(
          one,
          known.map(row => row[0]),
        ),
      )
      const b = known.map(([, one]) =>
        midRank(
          one,
          known.map(row => row[1]),
        ),
      )
      const middle = (known.length + 1) / 2
      const sum = (p: readonly number[], q: readonly number[]) =>
        p.reduce((total, one, i) => total + (one - middle) * ((q[i] as number) - middle), 0)
      const r = sum(a, b) / Math.sqrt(sum(a, a) * sum(b, b))
      for (const fewValues of [false, true]) {
        const found: Measurements = new Map()
        const step = { kind: 'query', metrics: [metric], estimateMs: 0, because: '', fewValues } as const
        await takeStep(engine, step, { sql: `SELECT * FROM ${sql}`, numbered: '', parts: 1 }, found)
        expect(found.get(metricId(metric))).toEqual({
          whole: { count: known.length, value: Number.isFinite(r) ? expect.closeTo(r, 9) : null },
        })
      }
    }),
  )
})

it('a bin holds the values up to its cut, whatever the number of cuts', () => {
  const anyCuts = fc.uniqueArray(fc.integer({ min: -20, max: 20 }), { maxLength: 12 })
  fc.assert(
    fc.property(anyCuts, fc.integer({ min: -25, max: 25 }), (drawn, value) => {
      const cuts = drawn.toSorted((p, q) => p - q)
      const bin = toEvaluator(binOf(x, cuts))
      const first = cuts.findIndex(cut => value <= cut)
      expect(bin(() => value)).toBe(first === -1 ? cuts.length : first)
      expect([bin(() => null), bin(() => Number.NaN)]).toEqual([-1, cuts.length])
    }),
  )
})
