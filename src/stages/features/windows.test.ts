import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AggregationName, FeatureSpec } from '../../define/features.ts'
import type { WindowSpec } from '../../define/window.ts'
import { dataset, entity, features, parquet, t } from '../../index.ts'
import { aggregateRules, type Aggregate } from './aggregates.ts'
import { planView } from './channels.ts'
import { encodeKey } from '../log/keys.ts'
import { absentValue, computeAll, EntityWindow } from './entity-window.ts'
import { ExactSum, exactSumOf } from './exact-sum.ts'
import { sweep } from './sweep.ts'

const none: readonly boolean[] = []
const add = (window: EntityWindow, event: number, values: readonly number[], declared: readonly number[]): boolean =>
  window.add({
    event,
    row: Number.NaN,
    seq: 0,
    known: Number.NEGATIVE_INFINITY,
    values,
    declared,
    told: values.map(() => false),
  })

interface Event {
  readonly at: number
  readonly visible: number
  readonly value: number
}
const anyEvent = fc
  .record({
    at: fc.nat(60),
    late: fc.oneof(fc.constant(1), fc.nat(40), fc.constant(9e18)),
    value: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: -6, max: 6 }).map(x => x / 4) },
      { weight: 1, arbitrary: fc.constant(Number.NaN) },
    ),
  })
  .map(({ at, late, value }): Event => ({ at, visible: late === 9e18 ? late : at + Math.max(1, late), value }))

type Computed = Exclude<Aggregate, 'newest'>
const level = fc.constantFrom(0, 0.1, 0.25, 0.5, 0.9, 1)
/** Every aggregate there is: a new one fails to compile until it has its plain meaning here. */
const plainly: {
  readonly [A in Computed]: (
    values: readonly number[],
    seen: readonly Event[],
    at: number,
    spec: Required<Pick<FeatureSpec, 'nth' | 'level'>>,
  ) => number
} = {
  count: values => values.length,
  sum: values => values.reduce((a, b) => a + b, 0),
  mean: values => values.reduce((a, b) => a + b, 0) / values.length,
  share: values => values.reduce((a, b) => a + b, 0) / values.length,
  min: values => Math.min(...values),
  max: values => Math.max(...values),
  // Quarters: their sums and squares are exact, and the root is rounded once
  std(values) {
    const n = values.length
    if (n < 2) return Number.NaN
    const sum = values.reduce((a, b) => a + b, 0)
    const squares = values.reduce((a, b) => a + b * b, 0)
    return Math.sqrt((n * squares - sum * sum) / (n * (n - 1)))
  },
  quantile(values, _, __, spec) {
    const sorted = values.toSorted((a, b) => a - b)
    const place = (sorted.length - 1) * spec.level
    const low = sorted[Math.floor(place)] as number
    return low + ((sorted[Math.ceil(place)] as number) - low) * (place % 1)
  },
  distinct: values => new Set(values).size,
  mostFrequent(values, _, __, spec) {
    const counts = [...new Set(values)].map(one => ({ one, n: values.filter(other => other === one).length }))
    return counts.toSorted((a, b) => b.n - a.n || a.one - b.one)[spec.nth - 1]?.one ?? Number.NaN
  },
  first: (_, seen) => seen[0]?.value ?? Number.NaN,
  last: (_, seen) => seen.at(-1)?.value ?? Number.NaN,
  lag: (_, seen, __, spec) => seen.at(-1 - spec.nth)?.value ?? Number.NaN,
  secondsSince: (_, seen, at) => (at - (seen.at(-1)?.at as number)) / 1e6,
}
const aggregates = Object.keys(plainly) as Computed[]
const startsAtZero: readonly Computed[] = ['count', 'sum', 'distinct']

/** When a window begins and ends, in its plainest form. Whole pieces are counted from 1970-01-05. */
function boundsOf({ window, align }: WindowSpec, t: number): readonly [number, number] {
  if (!align) return [t - (window ?? Infinity), t]
  const monday = 4 * 86_400_000_000
  let begin = monday + Math.ceil((t - monday) / align.every) * align.every
  while (begin > t) begin -= align.every
  return align.toDate ? [begin, t] : [begin - (window as number), begin]
}

const anyWindow: fc.Arbitrary<WindowSpec> = fc.constantFrom(
  { window: 1 },
  { window: 7 },
  { window: 30 },
  {},
  { window: 7, align: { every: 7 } },
  { window: 30, align: { every: 30 } },
  { window: 30, align: { every: 7 } },
  { window: 5, align: { every: 20 } },
  { align: { every: 10, toDate: true } },
)

/** Looks at every event. */
function plain(events: readonly Event[], aggregate: Computed, spec: FeatureSpec, t: number): number {
  const [start, end] = boundsOf(spec, t)
  const seen = events
    .map((event, i) => ({ ...event, i }))
    .filter(e => e.at >= start && e.at < end && e.visible <= t && !Number.isNaN(e.value))
    .sort((a, b) => a.at - b.at || a.visible - b.visible || a.i - b.i)
  const values = seen.map(e => e.value)
  if (values.length === 0) return startsAtZero.includes(aggregate) ? 0 : Number.NaN
  return plainly[aggregate](values, seen, t, { nth: spec.nth ?? 1, level: spec.level ?? 0.5 }) + 0
}

it('every aggregate at every moment is that of looking at every event, of many keys at once and of one', () => {
  expect(aggregates.toSorted()).toEqual(
    Object.keys(aggregateRules)
      .filter(name => name !== 'newest')
      .sort(),
  )
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.array(anyEvent, { maxLength: 25 }), fc.array(fc.nat(90), { maxLength: 8 })), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.constantFrom(...aggregates),
      anyWindow,
      fc.integer({ min: 1, max: 3 }),
      level,
      (keys, aggregate, window, nth, at) => {
        const sorted = keys.map(([events, times]) => ({
          events: events.toSorted((a, b) => a.at - b.at),
          times: times.toSorted((a, b) => a - b),
        }))
        const offsets = (lengths: number[]) =>
          Int32Array.from([0, ...lengths.map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b, 0))])
        const all = sorted.flatMap(({ events }) => events)
        const spec: FeatureSpec = { aggregation: aggregate, type: 'float', nullable: true, nth, level: at, ...window }
        const columns = {
          offsets: offsets(sorted.map(k => k.events.length)),
          event: Float64Array.from(all, e => e.at),
          visible: Float64Array.from(all, e => e.visible),
          value: Float64Array.from(all, e => e.value),
        }
        const moments = {
          offsets: offsets(sorted.map(k => k.times.length)),
          time: Float64Array.from(sorted.flatMap(({ times }) => times)),
        }
        // Events that come and go, and events that are looked at anew
        const found = sweep(aggregate, spec, columns, moments, 0)
        expect(sweep(aggregate, spec, columns, moments, Infinity)).toEqual(found)
        let label = 0
        for (const { events, times } of sorted) {
          const one = new EntityWindow(2, 1)
          for (const e of events) add(one, e.at, [0, e.value], [e.at + 1, e.visible])
          const copy = EntityWindow.decode(one.encode(), 2)
          for (const t of times) {
            const wanted = plain(events, aggregate, spec, t)
            expect([t, (found[label++] as number) + 0]).toEqual([t, wanted])
            expect([t, one.compute(spec, 1, t, none) + 0]).toEqual([t, wanted])
            expect([t, (copy?.compute(spec, 1, t, none) ?? -1) + 0]).toEqual([t, wanted])
          }
        }
      },
    ),
    { numRuns: 2000 },
  )
})

describe('the events of an entity', () => {
  it('are kept by time, those of one time by arrival, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(9)), { maxLength: 40 }), list => {
        const window = new EntityWindow(1, 2)
        for (const [at, value] of list) add(window, at, [value], [at + 1])
        expect(window.length).toBe(list.length)
        const sorted = list.map((one, i) => ({ one, i })).toSorted((a, b) => a.one[0] - b.one[0] || a.i - b.i)
        const kept = EntityWindow.decode(window.encode(), 1)
        expect(Array.from(kept?.after(-1) ?? [])).toEqual(
          sorted.map(({ one: [at, value] }) => ({
            event: at,
            row: Number.NaN,
            seq: 0,
            known: Number.NEGATIVE_INFINITY,
            values: [value],
            declared: [at + 1],
            told: [false],
          })),
        )
        for (const t of [0, 1, 10, 30]) {
          const newest = Math.max(...list.map(([at]) => at).filter(at => at < t))
          expect(window.newest(t, none)).toEqual(newest === -Infinity ? Number.NaN : newest)
        }
      }),
    )
  })

  it('those that are too old go when they are many, the newest never', () => {
    const of = (n: number) => {
      const window = new EntityWindow(2)
      for (let i = 0; i < n; i++) add(window, i, [i, -i], [i + 1, i + 2])
      return window
    }
    const after = (n: number, oldest: number) => {
      const window = of(n)
      window.prune(oldest)
      return window.length
    }
    // from 32 on, if they are at least a quarter
    expect([after(100, 31), after(100, 32), after(100, 60)]).toEqual([100, 68, 40])
    expect([after(200, 49), after(200, 50)]).toEqual([200, 150])
    expect(after(50, 1e9)).toBe(1)
    const left = of(100)
    left.prune(60)
    add(left, 100, [100, -100], [101, 102])
    expect([left.since, of(100).since]).toEqual([60, Number.NEGATIVE_INFINITY])
    const spec = (aggregation: AggregationName) =>
      ({ aggregation, type: 'float', nullable: true, of: undefined }) as unknown as FeatureSpec
    expect(left.compute(spec('sum'), 1, 1000, none)).toBe(
      -Array.from({ length: 41 }, (_, i) => 60 + i).reduce((a, b) => a + b, 0),
    )
    expect([
      left.compute(spec('min'), 0, 1000, none),
      left.compute(spec('count'), 1, 101, none),
      left.compute(spec('count'), 1, 102, none),
    ]).toEqual([60, 40, 41])
  })

  it('what was told to be none is corrected, not told late; what nobody told counts from when it was declared', () => {
    const rich = (isTold: boolean, known = 11): number[] => {
      const window = new EntityWindow(2)
      const version = { event: 10, row: 1 }
      window.add({
        ...version,
        seq: 1,
        known: Number.NEGATIVE_INFINITY,
        values: [0, Number.NaN],
        declared: [11, known],
        told: [false, isTold],
      })
      window.add({ ...version, seq: 2, known: 50, values: [0, 1], declared: [11, 15], told: [false, true] })
      const spec: FeatureSpec = { aggregation: 'count', type: 'int', nullable: false }
      const read = EntityWindow.decode(window.encode(), 2)
      return [14, 30, 49, 50].map(t => read?.compute(spec, 1, t, [false, true]) ?? -1)
    }
    expect([rich(true), rich(false)]).toEqual([
      [0, 0, 0, 1],
      [0, 1, 1, 1],
    ])
  })

  it('bytes of another layout are none of it', () => {
    const window = new EntityWindow(2)
    add(window, 5, [1, 2], [6, 7])
    const bytes = window.encode()
    expect(EntityWindow.decode(bytes, 2)?.encode()).toEqual(bytes)
    // a record that is part of a larger memory
    const within = new Uint8Array(bytes.length + 3)
    within.set(bytes, 3)
    expect(EntityWindow.decode(within.subarray(3), 2)?.encode()).toEqual(bytes)
    expect(EntityWindow.decode(bytes, 3)).toBeUndefined()
    expect(EntityWindow.decode(bytes.subarray(0, -1), 2)).toBeUndefined()
    expect(EntityWindow.decode(bytes.subarray(0, -8), 2)).toBeUndefined()
    const other = new Float64Array(bytes.slice().buffer)
    other[0] = 1
    expect(EntityWindow.decode(new Uint8Array(other.buffer), 2)).toBeUndefined()
    expect(EntityWindow.decode(new EntityWindow(2).encode(), 2)?.length).toBe(0)
  })
})

const source = dataset('rides', {
  source: parquet('none'),
  columns: {
    at: t.timestamp('UTC'),
    who: t.text(),
    day: t.int(),
    paid: t.nullable(t.float()),
    known: t.nullable(t.timestamp('UTC')),
  },
  eventTime: 'at',
  knownAt: { paid: c => c.known },
})
const person = entity('person', { who: t.text() })

describe('the plan of a view', () => {
  it('one channel an expression, one for bare events; the longest look-back; what is known when', () => {
    const plan = planView(
      features('v', {
        entity: entity('both', { who: t.text(), day: t.int() }),
        from: source,
        compute: f => ({
          n: f.count('1h'),
          a: f.sum('paid', '2h'),
          b: f.mean('paid', '30m'),
          d: f.max('day', '1h'),
          big: f.share(c => c.paid.gt(c.day), '3h'),
        }),
      }),
    )
    expect(plan.keys.toSorted()).toEqual(['day', 'who'])
    expect(plan.features.map(({ name }) => name)).toEqual(['n', 'a', 'b', 'd', 'big'])
    const channel = Object.fromEntries(plan.features.map(one => [one.name, one.channel]))
    expect(channel).toMatchObject({ n: 0, a: channel['b'] })
    expect(new Set(Object.values(channel)).size).toBe(4)
    expect(plan.channels).toHaveLength(4)
    expect(plan.horizon).toBe(3 * 3_600_000_000)
    const knownTimes = (name: string) => plan.channels[channel[name] ?? -1]?.knownAt.length
    expect([knownTimes('n'), knownTimes('a'), knownTimes('d'), knownTimes('big')]).toEqual([0, 1, 0, 1])
    expect(plan.channels.map(({ of }) => of === undefined)).toEqual([true, false, false, false])
    const ignoring = planView(
      features('v', { entity: person, from: source, knownTime: 'ignore', compute: f => ({ a: f.sum('paid', '2h') }) }),
    )
    expect(ignoring.channels[1]?.knownAt).toEqual([])
  })

  it('`last` looks back to its window, else to the ttl, else for ever', () => {
    const horizon = (window?: '1h', ttl?: '2h') =>
      planView(
        features('v', {
          entity: person,
          from: source,
          ...(ttl ? { ttl } : {}),
          compute: f => ({ x: window ? f.last('paid', window) : f.last('paid') }),
        }),
      ).horizon
    expect([horizon(), horizon('1h'), horizon(undefined, '2h'), horizon('1h', '2h')]).toEqual([
      Infinity,
      3.6e9,
      7.2e9,
      3.6e9,
    ])
  })

  it('no two keys share a text, and one with a null has none', () => {
    const part = fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom('"', '","', '\\', '[', 'a', ''))
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 2, maxLength: 3 }),
        fc.array(part, { minLength: 2, maxLength: 3 }),
        (a, b) => {
          expect(encodeKey(a, []) === encodeKey(b, [])).toBe(a.length === b.length && a.every((x, i) => x === b[i]))
        },
      ),
    )
    expect(encodeKey(['x'], ['text'])).toBe('x')
    expect([encodeKey([5], ['int']), encodeKey([2n ** 60n], ['int'])]).toEqual(['5', String(2n ** 60n)])
    expect(encodeKey([5, true], ['int', 'bool'])).toBe('["5","true"]')
    expect(['a', null, undefined].map(one => encodeKey([one], ['text']))).toEqual(['a', undefined, undefined])
    expect([encodeKey(['a', null], ['text', 'text']), encodeKey([''], ['text'])]).toEqual([undefined, ''])
    // one number is one key, however it came
    expect([1, -0, 0.1, 1e21].map(one => encodeKey([one], ['float']))).toEqual(['1', '0', '0.1', '1e+21'])
    expect([encodeKey([NaN], ['float']), encodeKey([1e21], ['int'])]).toEqual([undefined, '1000000000000000000000'])
  })

  it('where there is nothing: counts and sums are 0, all else null; with a ttl all is null', () => {
    const plan = planView(
      features('v', {
        entity: person,
        from: source,
        ttl: '1h',
        compute: f => ({ n: f.count('1h'), s: f.sum('paid', '1h'), m: f.mean('paid', '1h'), l: f.last('paid') }),
      }),
    )
    const without = { view: { ...plan.view, ttl: undefined } }
    expect(plan.features.map(({ spec }) => absentValue(without, spec))).toEqual([0, 0, Number.NaN, Number.NaN])
    expect(plan.features.every(({ spec }) => Number.isNaN(absentValue(plan, spec)))).toBe(true)
    const window = new EntityWindow(2)
    add(window, 10, [0, 3], [11, 11])
    const at = (t: number, ...[of]: [EntityWindow?]) => {
      const out = new Float64Array(6).fill(-1)
      return [computeAll(plan, of, t, out, 1), ...out]
    }
    const hour = 3_600_000_000
    expect(at(10, window)).toEqual(['missing', -1, Number.NaN, Number.NaN, Number.NaN, Number.NaN, -1])
    expect(at(11, window)).toEqual(['present', -1, 1, 3, 3, 3, -1])
    expect(at(10 + hour, window)).toEqual(['present', -1, 1, 3, 3, 3, -1])
    expect(at(11 + hour, window)).toEqual(['stale', -1, Number.NaN, Number.NaN, Number.NaN, Number.NaN, -1])
    expect(at(11)).toEqual(['missing', -1, Number.NaN, Number.NaN, Number.NaN, Number.NaN, -1])
  })
})

it('a sum that is added to and taken from is that of what is left, to the last bit', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: -(2 ** 30), max: 2 ** 30 }), fc.integer({ min: -20, max: 20 })), {
        minLength: 1,
        maxLength: 60,
      }),
      list => {
        const values = list.map(([mantissa, exponent]) => mantissa * 2 ** exponent)
        const sum = new ExactSum()
        for (const x of values) sum.add(x)
        // whole numbers of 2^-20, added exactly
        const exact = (some: readonly number[]) => Number(some.reduce((a, x) => a + BigInt(x * 2 ** 20), 0n)) / 2 ** 20
        expect(sum.value).toBe(exact(values))
        for (const x of values.slice(1)) sum.take(x)
        expect(sum.value).toBe(values[0])
        sum.clear()
        expect(sum.value).toBe(0)
        sum.add(0.1)
        expect(sum.value).toBe(0.1)
      },
    ),
  )
  const sum = new ExactSum()
  for (const x of [1e16, 1, -1e16]) sum.add(x)
  expect(sum.value).toBe(1)
})

it('a sum of listed values is the exact one to the last bit, halves of a last place included', () => {
  const near = fc
    .tuple(fc.constantFrom(1, -1), fc.nat(3), fc.constantFrom(0, 1, 52, 53, 54, 105, 106, 107, 960, 1020))
    .map(([sign, mantissa, exponent]) => sign * (1 + mantissa / 2) * 2 ** exponent)
  const any = fc.oneof(near, fc.double({ noNaN: true }), fc.constantFrom(0, -0, 0.1, 1e-300, 1.7e308, -1.7e308))
  fc.assert(
    fc.property(fc.array(any, { maxLength: 12 }), list => {
      const sum = new ExactSum()
      for (const x of list) sum.add(x)
      const places = list.map((_, i) => list.length - 1 - i)
      expect(exactSumOf(list, places, list.length)).toBe(sum.value)
    }),
    { numRuns: 20_000 },
  )
})

it('sums are exact whatever the magnitudes, and infinities leave again', () => {
  const of = (adds: readonly number[], takes: readonly number[] = []): number => {
    const sum = new ExactSum()
    for (const x of adds) sum.add(x)
    for (const x of takes) sum.take(x)
    return sum.value
  }
  expect(of([1e40, 1e20, 1, 2], [1e40, 1e20])).toBe(3)
  expect(of([1.7e308, 1.7e308, -1.7e308])).toBe(1.7e308)
  expect(of([1.7e308, 1.7e308])).toBe(Infinity)
  expect(of([1.7e308, 1, 1.7e308, 5e-324], [1.7e308, 1.7e308, 1])).toBe(5e-324)
  expect(of([Infinity, 5, 7], [Infinity])).toBe(12)
  expect([of([Infinity, 5]), of([-Infinity, 5]), of([Infinity, -Infinity])]).toEqual([Infinity, -Infinity, Number.NaN])
  // as math.fsum: the half that lies between two numbers is decided by what is far below it
  expect(of([1, 2 ** -53, 2 ** -106])).toBe(1 + 2 ** -52)
  expect(of([1, 2 ** -53, -(2 ** -106)])).toBe(1)
  const any = fc.double({ noNaN: true, noDefaultInfinity: true })
  fc.assert(
    fc.property(fc.array(any, { maxLength: 12 }), fc.array(any, { maxLength: 12 }), (kept, gone) => {
      const whole = (x: number): bigint => {
        const view = new DataView(new ArrayBuffer(8))
        view.setFloat64(0, x)
        const bits = view.getBigUint64(0)
        const exponent = (bits >> 52n) & 2047n
        const digits = (bits & (2n ** 52n - 1n)) + (exponent > 0n ? 2n ** 52n : 0n)
        return (x < 0 ? -1n : 1n) * (digits << (exponent > 0n ? exponent - 1n : 0n))
      }
      const wanted = kept.reduce((sum, x) => sum + whole(x), 0n)
      const found = of([...kept, ...gone], gone)
      // Nothing between two doubles is nearer: the exact sum lies within half a step of what was found
      if (!Number.isFinite(found)) return
      const off = wanted - whole(found)
      const size = whole(Math.abs(found))
      const step = size < 2n ** 53n ? 1n : 2n ** BigInt(size.toString(2).length - 53)
      expect((off < 0n ? -off : off) * 2n <= step).toBe(true)
    }),
    { numRuns: 300 },
  )
})
