import { afterAll, beforeAll, expect, it } from 'vitest'
import { times } from '../../../test/fuzz/edges.ts'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { compareValues } from '../../define/expression/index.ts'
import { dataset, entity, features, parquet, t, when } from '../../index.ts'
import { seeded, type SeededRandom } from '../../math/random/seeded.ts'
import type { DataEngine, Row, Value } from '../../ports/data-engine.ts'
import { memoryOnlineStore } from '../../testing/memory-online-store.ts'
import { columnOfValues } from '../log/column.ts'
import { unlogged } from '../log/row-version.ts'
import { keyIn, planView } from './channels.ts'
import { featureValue } from './entity-window.ts'
import { materialise } from './materialise.ts'
import { offlineFeatures } from './offline.ts'
import { OnlineView } from './online.ts'

// Everything that a view can be declared with, over random events: what training computes (joined and swept), what is served of pushed
// events, and what is served of records that were materialised are all what plain rules say, written out one by one.

const day = 86_400_000_000
const hour = 3_600_000_000

interface Sale {
  readonly shop: string | null
  readonly at: number
  readonly paid: number | null
  /** Known at `told`. */
  readonly tip: number | null
  readonly told: number | null
  readonly card: boolean | null
  readonly good: string | null
  /** Beyond 2^53. */
  readonly buyer: bigint
  readonly made: number | null
  /** A vector of two, as it is kept. */
  readonly place: string | null
}

const sales = dataset('sales', {
  source: parquet('none'),
  columns: {
    shop: t.nullable(t.text()),
    at: t.timestamp('UTC'),
    paid: t.nullable(t.float()),
    tip: t.nullable(t.float()),
    told: t.nullable(t.timestamp('UTC')),
    card: t.nullable(t.bool()),
    good: t.nullable(t.text()),
    buyer: t.int(),
    made: t.nullable(t.timestamp('UTC')),
    place: t.nullable(t.vector(2)),
  },
  eventTime: 'at',
  knownAt: { tip: c => c.told },
})
const shop = entity('shop', { shop: t.nullable(t.text()) })
const berlin = 'Europe/Berlin'

/** An event that is seen, with when it counted from. */
type Seen = Sale & { readonly from: number; readonly order: number }
interface Asked {
  /** Events whose time is in the window and that count at `t`; `tip`: by when the tip is known. */
  readonly within: (start: number, end: number, what?: 'tip') => readonly Seen[]
  readonly t: number
}
type Meaning = (asked: Asked) => Value

const numbers = (list: readonly (number | null)[]): number[] => list.filter(one => one !== null)
/** All numbers are quarters: sums of them are exact. */
const total = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)
const spread = (list: readonly number[]): number | null =>
  list.length < 2
    ? null
    : Math.sqrt((list.length * total(list.map(x => x * x)) - total(list) ** 2) / (list.length * (list.length - 1)))
const between = (list: readonly number[], level: number): number | null => {
  const sorted = list.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * level
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
  return low === undefined || high === undefined ? null : low + (high - low) * (place % 1)
}
const ranked = <T extends Value>(list: readonly T[]): T[] =>
  [...new Set(list)].sort(
    (a, b) => list.filter(one => one === b).length - list.filter(one => one === a).length || compareValues(a, b),
  )
const inOrder = (list: readonly Seen[]): Seen[] =>
  list.toSorted((a, b) => a.at - b.at || a.from - b.from || a.order - b.order)
const texts = (list: readonly Seen[]): string[] => list.flatMap(one => one.good ?? [])

// By the calendar of the zone, as somebody else keeps it
const shown = new Intl.DateTimeFormat('sv-SE', { timeZone: berlin, dateStyle: 'short', timeStyle: 'medium' })
const dayShown = (at: number): string => shown.format(Math.floor(at / 1000)).slice(0, 10)
/** When the local day of a moment began, by looking at each quarter of an hour before it. */
const begins = new Map<string, number>()
function beginOfDay(at: number): number {
  const today = dayShown(at)
  let found = begins.get(today)
  if (found === undefined) {
    found = Math.floor(at / (hour / 4)) * (hour / 4)
    while (dayShown(found - 1) === today) found -= hour / 4
    begins.set(today, found)
  }
  return found
}
const floorTo = (at: number, every: number): number => {
  const monday = Date.UTC(1970, 0, 5) * 1000
  return monday + Math.floor((at - monday) / every) * every
}

const plain: Readonly<Record<string, Readonly<Record<string, Meaning>>>> = {
  everything: {
    n: ({ within, t }) => within(t - 6 * hour, t).length,
    ever: ({ within, t }) => within(-Infinity, t).length,
    byCard: ({ within, t }) => within(t - day, t).filter(one => one.card === true).length,
    sum: ({ within, t }) => total(numbers(within(t - day, t).map(one => one.paid))),
    gross: ({ within, t }) =>
      total(
        numbers(
          within(t - day, t, 'tip').map(one => (one.paid === null || one.tip === null ? null : one.paid + one.tip)),
        ),
      ),
    spread: ({ within, t }) => spread(numbers(within(t - day, t).map(one => one.paid))),
    tipSpread: ({ within, t }) => spread(numbers(within(t - 2 * day, t, 'tip').map(one => one.tip))),
    median: ({ within, t }) => between(numbers(within(t - day, t).map(one => one.paid)), 0.5),
    tenth: ({ within, t }) => between(numbers(within(t - day, t, 'tip').map(one => one.tip)), 0.1),
    buyers: ({ within, t }) => new Set(within(t - day, t).map(one => one.buyer)).size,
    goods: ({ within, t }) => new Set(texts(within(t - day, t))).size,
    prices: ({ within, t }) => new Set(numbers(within(t - day, t).map(one => one.paid))).size,
    usual: ({ within, t }) => ranked(texts(within(t - day, t)))[0] ?? null,
    second: ({ within, t }) => ranked(texts(within(t - day, t)))[1] ?? null,
    dear: ({ within, t }) =>
      ranked(texts(within(t - day, t).filter(one => one.paid !== null && one.paid > 1)))[0] ?? null,
    lastGood: ({ within, t }) => inOrder(within(-Infinity, t).filter(one => one.good !== null)).at(-1)?.good ?? null,
    firstGood: ({ within, t }) => inOrder(within(t - day, t).filter(one => one.good !== null))[0]?.good ?? null,
    before: ({ within, t }) => inOrder(within(t - day, t).filter(one => one.paid !== null)).at(-2)?.paid ?? null,
    goodBefore: ({ within, t }) => inOrder(within(-Infinity, t).filter(one => one.good !== null)).at(-3)?.good ?? null,
    lastCard: ({ within, t }) => inOrder(within(t - day, t).filter(one => one.card !== null)).at(-1)?.card ?? null,
    lastPlace: ({ within, t }) => inOrder(within(-Infinity, t).filter(one => one.place !== null)).at(-1)?.place ?? null,
    firstPlace: ({ within, t }) => inOrder(within(t - day, t).filter(one => one.place !== null))[0]?.place ?? null,
    placeBefore: ({ within, t }) =>
      inOrder(within(t - 2 * day, t).filter(one => one.place !== null)).at(-2)?.place ?? null,
    dearPlace: ({ within, t }) =>
      inOrder(within(t - day, t).filter(one => one.place !== null && one.paid !== null && one.paid > 1)).at(-1)
        ?.place ?? null,
    places: ({ within, t }) => within(t - day, t).filter(one => one.place !== null).length,
    lastMade: ({ within, t }) => inOrder(within(t - day, t).filter(one => one.made !== null)).at(-1)?.made ?? null,
    oldestMade: ({ within, t }) => numbers(within(t - day, t).map(one => one.made)).sort((a, b) => a - b)[0] ?? null,
    since: ({ within, t }) => {
      const newest = inOrder(within(-Infinity, t)).at(-1)
      return newest ? (t - newest.at) / 1e6 : null
    },
    sinceCard: ({ within, t }) => {
      const newest = inOrder(within(t - 2 * day, t).filter(one => one.card === true)).at(-1)
      return newest ? (t - newest.at) / 1e6 : null
    },
    today: ({ within, t }) => within(floorTo(t, day), t).length,
    yesterday: ({ within, t }) => within(floorTo(t, day) - day, floorTo(t, day)).length,
    lastWeek: ({ within, t }) =>
      total(numbers(within(floorTo(t, 7 * day) - 7 * day, floorTo(t, 7 * day)).map(one => one.paid))),
    hopping: ({ within, t }) => new Set(texts(within(floorTo(t, hour) - 6 * hour, floorTo(t, hour)))).size,
    hopped: ({ within, t }) => {
      const end = floorTo(t, 6 * hour)
      return inOrder(within(end - day, end, 'tip').filter(one => one.tip !== null)).at(-1)?.tip ?? null
    },
    localToday: ({ within, t }) => within(beginOfDay(t), t).length,
    localYesterday: ({ within, t }) => within(beginOfDay(beginOfDay(t) - 1), beginOfDay(t)).length,
    localThree: ({ within, t }) => {
      const end = beginOfDay(t)
      const start = beginOfDay(beginOfDay(beginOfDay(end - 1) - 1) - 1)
      return spread(numbers(within(start, end).map(one => one.paid)))
    },
  },
}

const everything = features('everything', {
  entity: shop,
  from: sales,
  compute: f => ({
    n: f.count('6h'),
    ever: f.count(),
    byCard: f.count('1d', { where: c => c.card }),
    sum: f.sum('paid', '1d'),
    gross: f.sum(c => c.paid.plus(c.tip), '1d'),
    spread: f.std('paid', '1d'),
    tipSpread: f.std('tip', '2d'),
    median: f.quantile('paid', 0.5, '1d'),
    tenth: f.quantile('tip', 0.1, '1d'),
    buyers: f.distinct('buyer', '1d'),
    goods: f.distinct('good', '1d'),
    prices: f.distinct('paid', '1d'),
    usual: f.mostFrequent('good', '1d'),
    second: f.mostFrequent('good', '1d', { rank: 2 }),
    dear: f.mostFrequent('good', '1d', { where: c => c.paid.gt(1) }),
    lastGood: f.last('good'),
    firstGood: f.first('good', '1d'),
    before: f.lag('paid', 1, '1d'),
    goodBefore: f.lag('good', 2),
    lastCard: f.last('card', '1d'),
    lastPlace: f.last('place'),
    firstPlace: f.first('place', '1d'),
    placeBefore: f.lag('place', 1, '2d'),
    dearPlace: f.last('place', '1d', { where: c => c.paid.gt(1) }),
    places: f.count('1d', { where: c => c.place.isNotNull() }),
    lastMade: f.last('made', '1d'),
    oldestMade: f.min('made', '1d'),
    since: f.secondsSince(),
    sinceCard: f.secondsSince('2d', { where: c => c.card }),
    today: f.count({ toDate: '1d' }),
    yesterday: f.count({ tumbling: '1d' }),
    lastWeek: f.sum('paid', { tumbling: '7d' }),
    hopping: f.distinct('good', { hopping: '6h', every: '1h' }),
    hopped: f.last('tip', { hopping: '1d', every: '6h' }),
    localToday: f.count({ toDate: '1d', zone: berlin }),
    localYesterday: f.count({ tumbling: '1d', zone: berlin }),
    localThree: f.std('paid', { hopping: '3d', every: '1d', zone: berlin }),
  }),
  derive: v => ({
    trend: v.n.div(v.ever),
    jump: v.median.minus(v.before),
    isUsual: v.lastGood.eq(v.usual),
    label: v.lastGood.coalesce('none'),
    known: v.median.coalesce(-1),
  }),
})
const derivations: Readonly<Record<string, (of: (name: string) => Value) => Value>> = {
  trend: of => (Number(of('ever')) === 0 ? null : Number(of('n')) / Number(of('ever'))),
  jump: of => (of('median') === null || of('before') === null ? null : Number(of('median')) - Number(of('before'))),
  isUsual: of => (of('lastGood') === null || of('usual') === null ? null : of('lastGood') === of('usual')),
  label: of => of('lastGood') ?? 'none',
  known: of => of('median') ?? -1,
}

/** The same with a ttl: past it nothing is known, be it derived or a count. */
const aging = features('aging', {
  entity: shop,
  from: sales,
  ttl: '6h',
  compute: f => ({
    n: f.count('1d'),
    usual: f.mostFrequent('good'),
    last: f.last('good'),
    spread: f.std('paid', '2d'),
    today: f.count({ toDate: '1d', zone: berlin }),
  }),
  derive: v => ({ label: v.last.coalesce('none'), share: when([[v.n.gt(3), 1]], 0) }),
})
const aged: Readonly<Record<string, Meaning>> = {
  n: ({ within, t }) => within(t - day, t).length,
  usual: ({ within, t }) => ranked(texts(within(t - 6 * hour, t)))[0] ?? null,
  last: ({ within, t }) => inOrder(within(t - 6 * hour, t).filter(one => one.good !== null)).at(-1)?.good ?? null,
  spread: ({ within, t }) => spread(numbers(within(t - 2 * day, t).map(one => one.paid))),
  today: ({ within, t }) => within(beginOfDay(t), t).length,
  label: asked => aged['last']?.(asked) ?? 'none',
  share: ({ within, t }) => (within(t - day, t).length > 3 ? 1 : 0),
}

/** Of all rows together. */
const overall = features('overall', {
  from: sales,
  compute: f => ({ n: f.count('1d'), usual: f.mostFrequent('good', '1d'), sum: f.sum('paid', { tumbling: '1d' }) }),
})
const overallPlain: Readonly<Record<string, Meaning>> = {
  n: ({ within, t }) => within(t - day, t).length,
  usual: ({ within, t }) => ranked(texts(within(t - day, t)))[0] ?? null,
  sum: ({ within, t }) => total(numbers(within(floorTo(t, day) - day, floorTo(t, day)).map(one => one.paid))),
}

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

const types = {
  shop: 'text',
  at: 'timestamp',
  paid: 'float',
  tip: 'float',
  told: 'timestamp',
  card: 'bool',
  good: 'text',
  buyer: 'int',
  made: 'timestamp',
  place: 'vector',
} as const satisfies Record<keyof Sale, string>

async function load(list: readonly Sale[]): Promise<string> {
  const columns = (Object.keys(types) as (keyof Sale)[]).map(name =>
    columnOfValues(
      name,
      types[name],
      list.map(one => one[name]),
    ),
  )
  const seq = columnOfValues(
    'millrace_seq',
    'int',
    list.map((_, i) => i),
  )
  return `SELECT * FROM ${(await engine.load('sales', [...columns, seq])).sql}`
}

function anySale(random: SeededRandom, start: number, shop: string | null): Sale {
  const any = <T>(of: readonly T[]): T => of[random.below(of.length)] as T
  const at = start + random.below(9 * 24 * 4) * (hour / 4) + any([0, 0, 1, -1, random.below(hour)])
  return {
    shop,
    at,
    paid: any([null, 0, -0, 1.25, 2.5, -3, random.below(400) / 4]),
    tip: any([null, 0.5, 1, random.below(40) / 4]),
    told: any([at, at + hour, at + 30 * hour, at - hour, null]),
    card: any([true, false, null]),
    // Of which the first stands before the second by code point, and after it by code unit
    good: any(['tea', 'Tea', '', 'é', '\u{ff5e}', '\u{1f600}', null]),
    buyer: any([2n ** 60n, 2n ** 60n + 1n, 9n, 10n, -5n]),
    made: any([null, at - 40 * day, at - 3]),
    place: any([null, '[0.1, 2.0]', '[-0.0, 1e-05]', '[1e+16, 0.5]']),
  }
}

const same = (a: Value, b: Value): boolean =>
  typeof a === 'number' && typeof b === 'number' ? Object.is(a + 0, b + 0) : a === b

/** Many small worlds side by side in one dataset: a shop is one, but for what is of all rows together. */
const worlds = 250

async function live(seed: number): Promise<number> {
  const random = seeded(seed)
  const any = <T>(of: readonly T[]): T => of[random.below(of.length)] as T
  // Among them the weeks in which clocks go forward and back
  const start = any([Date.UTC(2026, 2, 24), Date.UTC(2026, 9, 20), Date.UTC(2026, 5, 1), Date.UTC(1969, 11, 26)]) * 1000
  const list: Sale[] = []
  const asked: { shop: string | null; at: number }[] = []
  for (let n = 0; n < worlds; n++) {
    const who = n === 0 ? null : `shop ${n}`
    for (let i = random.below(40); i > 0; i--) list.push(anySale(random, start, who))
    for (let i = 0; i < 2; i++)
      asked.push({
        shop: who,
        at: start + random.below(11 * 24 * 2) * (hour / 2) + any([0, 0, 1, -1, random.below(hour)]),
      })
  }
  const until = start + 9 * day + hour
  const events = await load(list)
  const labels = await engine.load('asked', [
    columnOfValues(
      'shop',
      'text',
      asked.map(one => one.shop),
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
  const placed = list.map((one, order) => ({ ...one, order }))
  const byShop = new Map<string | null, (Sale & { order: number })[]>()
  for (const one of placed) byShop.set(one.shop, [...(byShop.get(one.shop) ?? []), one])
  const ways = { maxMomentsTogether: any([0, 2, 64]), maxLooks: any([0, 8]), sweepsWhereCheaper: any([true, false]) }
  let compared = 0
  for (const view of [everything, aging, overall]) {
    const plan = planView(view as never)
    const columns = view === (overall as never) ? 'millrace_ordinal, millrace_at' : '*'
    const offline = await offlineFeatures(
      engine,
      plan,
      events,
      `SELECT ${columns} FROM ${labels.sql}`,
      asked.length,
      ways,
    )
    const pushed = new OnlineView(plan, memoryOnlineStore())
    await pushed.push(unlogged(list as unknown as readonly Row[]), until)
    const store = memoryOnlineStore()
    await materialise(engine, plan, events, until, store)
    const filled = new OnlineView(plan, store)
    const isOverall = plan.view.name === 'overall'
    for (const [i, { shop: who, at }] of asked.entries()) {
      // Of all rows there is one record, which is long: a few moments will do
      if (isOverall && i % 10 > 0) continue
      const own = isOverall ? placed : who === null ? [] : (byShop.get(who) ?? [])
      const within: Asked['within'] = (from, end, what) =>
        own.flatMap(one => {
          const known =
            what === 'tip' ? (one.tip === null || one.paid === null ? -Infinity : (one.told ?? Infinity)) : -Infinity
          const toldOf = what === 'tip' && one.tip !== null ? (one.told ?? Infinity) : known
          const counts = Math.max(one.at + 1, toldOf)
          return one.at >= from && one.at < end && counts <= at ? [{ ...one, from: counts }] : []
        })
      const question: Asked = { within, t: at }
      const isAged = plan.view.name === 'aging' && within(at - 6 * hour, at).length === 0
      const meaning = (name: string): Value => {
        if (isAged) return null
        if (isOverall) return overallPlain[name]?.(question) ?? null
        if (plan.view.name === 'aging') return aged[name]?.(question) ?? null
        const derived = derivations[name]
        return derived ? derived(meaning) : (plain['everything']?.[name]?.(question) ?? null)
      }
      const answers: Record<string, readonly Value[]> = {
        trained: plan.features.map(({ name, spec }) => {
          const column = offline.get(`${plan.view.name}.${name}`)
          const found = column?.[i] ?? null
          return column instanceof Float64Array ? featureValue(spec, found as number, null) : found
        }),
      }
      for (const [how, served] of Object.entries({ pushed, filled })) {
        const out = new Float64Array(plan.features.length)
        const words: (string | null)[] = []
        const [window] = await served.load([keyIn(plan, () => who)])
        if (served.compute(window, at, out, 0, words) !== 'uncovered')
          answers[how] = plan.features.map(({ spec }, f) => featureValue(spec, out[f] as number, words[f]))
      }
      for (const [f, { name }] of plan.features.entries()) {
        const wanted = meaning(name)
        for (const [how, values] of Object.entries(answers)) {
          compared++
          if (!same(wanted, values[f] as Value))
            throw new Error(
              `seed ${seed}: ${plan.view.name}.${name} of ${who} at ${at - start} is ${how} as ${String(values[f])}, should be ${String(wanted)}`,
            )
        }
      }
    }
  }
  return compared
}

it('whatever a view is declared with means one thing, trained or served', { timeout: 3_600_000 }, async () => {
  const first = Number(process.env.MILLRACE_FUZZ_SEED ?? 1)
  let compared = 0
  for (let run = 0; run < (times > 1 ? 10 * times : 2); run++) compared += await live(first + run)
  expect(compared).toBeGreaterThan(80_000)
})
