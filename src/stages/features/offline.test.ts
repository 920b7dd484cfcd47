import { afterAll, beforeAll, expect, it } from 'vitest'
import { times } from '../../../test/fuzz/edges.ts'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { dataset, entity, features, parquet, t } from '../../index.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { columnOfValues } from '../log/column.ts'
import { planView } from './channels.ts'
import { ExactSum } from './exact-sum.ts'
import { featureTable } from './offline.ts'

// Joined or swept, near or far back, whatever the numbers: every value is that of looking at every event.

interface Trip {
  readonly who: string | null
  readonly day: number
  readonly at: number
  readonly paid: number | null
  readonly tip: number | null
  /** From when `tip` is known. */
  readonly known: number | null
  readonly n: number
}

const trips = dataset('trips', {
  source: parquet('none'),
  columns: {
    who: t.nullable(t.text()),
    day: t.int(),
    at: t.timestamp('UTC'),
    paid: t.nullable(t.float()),
    tip: t.nullable(t.float()),
    known: t.nullable(t.timestamp('UTC')),
    n: t.int(),
  },
  eventTime: 'at',
  knownAt: { tip: c => c.known },
})
const person = entity('person', { who: t.nullable(t.text()) })
const views = {
  aggregates: features('aggregates', {
    entity: person,
    from: trips,
    compute: f => ({
      count: f.count('50us'),
      total: f.sum('paid', '20us'),
      tips: f.sum('tip', '300us'),
      mean: f.mean('paid', '300us'),
      meanTip: f.mean('tip', '40us'),
      least: f.min('tip', '100us'),
      most: f.max('paid', '300us'),
      rich: f.share(c => c.paid.gt(1), '100us'),
      whole: f.sum('n', '300us'),
    }),
  }),
  lasts: features('lasts', {
    entity: person,
    from: trips,
    compute: f => ({ paid: f.last('paid'), near: f.last('paid', '30us'), tip: f.last('tip'), n: f.last('n') }),
  }),
  aged: features('aged', {
    entity: entity('both', { who: t.nullable(t.text()), day: t.int() }),
    from: trips,
    ttl: '400us',
    compute: f => ({
      tip: f.last('tip'),
      n: f.last('n', '2000us'),
      total: f.sum('tip', '30us'),
      count: f.count('800us'),
    }),
  }),
  young: features('young', {
    entity: entity('both', { who: t.nullable(t.text()), day: t.int() }),
    from: trips,
    ttl: '60us',
    compute: f => ({ paid: f.last('paid'), tip: f.last('tip'), mean: f.mean('paid', '200us') }),
  }),
}

/** Each event looked at. */
function plain(name: keyof typeof views, list: readonly Trip[], who: string | null, day: number, at: number): number[] {
  const view = views[name]
  const own = list
    .map((trip, place) => ({ ...trip, place }))
    .filter(
      one => one.who !== null && one.who === who && one.at < at && ('day' in view.entity.keys ? one.day === day : true),
    )
  const { ttl } = view
  const isAged = ttl !== undefined && !own.some(one => one.at >= at - ttl)
  return Object.values(view.features).map(spec => {
    if (isAged) return NaN
    const column = JSON.stringify(spec.of ?? null).match(/"(paid|tip|n)"/)?.[1] as 'paid' | 'tip' | 'n' | undefined
    const window = spec.window ?? ttl ?? Infinity
    const seen = own.flatMap(one => {
      if (one.at < at - window) return []
      if (column === undefined) return [{ ...one, value: 0, from: one.at + 1 }]
      const value = one[column]
      const known = column === 'tip' ? one.known : -Infinity
      if (value === null || known === null || known > at) return []
      return [
        { ...one, value: spec.aggregation === 'share' ? Number(value > 1) : value, from: Math.max(known, one.at + 1) },
      ]
    })
    const values = seen.map(one => one.value)
    const sum = new ExactSum()
    for (const x of values) sum.add(x)
    if (spec.aggregation === 'count') return values.length
    if (spec.aggregation === 'sum') return sum.value
    if (values.length === 0) return NaN
    if (spec.aggregation === 'min') return Math.min(...values)
    if (spec.aggregation === 'max') return Math.max(...values)
    if (spec.aggregation === 'last')
      return seen.toSorted((a, b) => a.at - b.at || a.from - b.from || a.place - b.place).at(-1)?.value ?? NaN
    return sum.value / values.length
  })
}

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

const numbers: Record<string, (random: ReturnType<typeof seeded>) => number> = {
  quarters: random => random.below(2000) / 4 - 250,
  decimals: random => Number((random.next() * 1000).toFixed(2)) - 300,
  any: random => (random.next() - 0.5) * 10 ** (random.below(12) - 6),
  /** Too far apart to be added up as whole numbers of 127 bits. */
  far: random => (random.next() - 0.5) * 10 ** (random.below(80) - 40),
  few: random => [1e40, -1e40, 2 ** -40, 3, 0, -0][random.below(6)] as number,
  /** Their sums overflow, or end in infinities. */
  great: random => [1.7e308, -1.7e308, 1e300][random.below(3)] as number,
  infinite: random => [Infinity, -Infinity, 1.5, 2.25, 0.1][random.below(5)] as number,
  tiny: random => [5e-324, 1e-310, -3e-320, 2e-308][random.below(4)] as number,
  small: random => random.next() * 2 ** -200,
}

const same = (a: number, b: number | undefined): boolean => Object.is(a + 0, (b ?? NaN) + 0)

async function world(seed: number): Promise<number> {
  const random = seeded(seed)
  const any = <T>(of: readonly T[]): T => of[random.below(of.length)] as T
  const [shape, number] = any(Object.entries(numbers)) as [string, (random: ReturnType<typeof seeded>) => number]
  const start = any([0, -1000, 1_700_000_000_000_000])
  const span = any([5, 40, 400, 4000])
  const people = any([1, 3, 20])
  const crowded = random.below(3) === 0
  // Many events of one moment: then the one that was known last counts
  const isTied = random.below(3) === 0
  const moment = (): number => {
    if (isTied) return start + 10 * random.below(3)
    return start + (crowded && random.below(2) === 0 ? random.below(15) : random.below(span))
  }
  const someone = (): string | null => (random.below(12) === 0 ? null : `p${random.below(people)}`)
  const hasNulls = random.below(3) > 0
  const value = (): number | null => (hasNulls && random.below(4) === 0 ? null : number(random))
  const list = Array.from({ length: 1 + random.below(150) }, (): Trip => {
    const at = moment()
    return {
      who: someone(),
      day: random.below(2),
      at,
      paid: value(),
      tip: value(),
      known: any([at, at, at + 1, at + random.below(60), at - 5, at + 10_000, hasNulls ? null : at]),
      n: any([random.below(5), 2 ** 52, 7]),
    }
  })
  const asked = Array.from({ length: 1 + random.below(120) }, () => ({
    who: random.below(9) === 0 ? 'nobody' : someone(),
    day: random.below(3),
    at: moment() + random.below(span),
  }))
  const events = await engine.load('trips', [
    columnOfValues(
      'who',
      'text',
      list.map(one => one.who),
    ),
    columnOfValues(
      'day',
      'int',
      list.map(one => one.day),
    ),
    columnOfValues(
      'at',
      'timestamp',
      list.map(one => one.at),
    ),
    columnOfValues(
      'paid',
      'float',
      list.map(one => one.paid),
    ),
    columnOfValues(
      'tip',
      'float',
      list.map(one => one.tip),
    ),
    columnOfValues(
      'known',
      'timestamp',
      list.map(one => one.known),
    ),
    columnOfValues(
      'n',
      'int',
      list.map(one => one.n),
    ),
    columnOfValues(
      'millrace_seq',
      'int',
      list.map((_, i) => i),
    ),
  ])
  const labels = await engine.load('asked', [
    columnOfValues(
      'who',
      'text',
      asked.map(one => one.who),
    ),
    columnOfValues(
      'day',
      'int',
      asked.map(one => one.day),
    ),
    columnOfValues(
      'millrace_ordinal',
      'int',
      asked.map((_, i) => i),
    ),
    columnOfValues(
      'millrace_at',
      'float',
      asked.map(one => one.at),
    ),
  ])
  const ways = {
    maxMomentsTogether: any([0, 1, 4, 64, 1000]),
    maxLooks: any([0, 8]),
    sweepsWhereCheaper: any([true, false]),
  }
  let compared = 0
  for (const name of Object.keys(views) as (keyof typeof views)[]) {
    const plan = planView(views[name])
    const columns = [...plan.keys, 'millrace_ordinal', 'millrace_at'].join(', ')
    const table = await featureTable(
      engine,
      plan,
      `SELECT * FROM ${events.sql}`,
      `SELECT ${columns} FROM ${labels.sql}`,
      ways,
    )
    const found = await engine.columns(`SELECT * FROM (${table.sql}) ORDER BY millrace_ordinal`)
    await table.drop()
    expect(found.get('millrace_ordinal')?.values).toHaveLength(asked.length)
    for (const [i, { who, day, at }] of asked.entries()) {
      const wanted = plain(name, list, who, day, at)
      for (const [f, feature] of plan.features.entries()) {
        compared++
        const value = found.get(`${name}.${feature.name}`)?.values[i] as number | undefined
        if (!same(wanted[f] as number, value))
          throw new Error(
            `seed ${seed} (${shape}, ${JSON.stringify(ways)}): ${name}.${feature.name} of ${who}/${day} at ${at - start}: ${value}, should be ${wanted[f]}`,
          )
      }
    }
  }
  return compared
}

it('every value is that of looking at every event', { timeout: 3_600_000 }, async () => {
  const first = Number(process.env.MILLRACE_FUZZ_SEED ?? 1)
  let compared = 0
  for (let run = 0; run < 20 * Math.max(1, times); run++) compared += await world(first + run)
  expect(compared).toBeGreaterThan(1000)
})

it('leaves no table behind', async () => {
  await world(3)
  expect((await engine.rows('SHOW TABLES')).map(one => one.name)).toEqual(['asked', 'trips'])
})
