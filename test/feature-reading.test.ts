import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { formatTime } from '../src/internal/time.ts'
import { seeded } from '../src/math/random/seeded.ts'
import { startUp, type Said, type Server } from './support/command.ts'
import { inside } from './support/inside.ts'
import { refused } from './support/refused.ts'

// One row with two entities of one kind, a key of several columns, texts, truth values and times, a dimension without a time: `features
// export`, `features get` and `:get` give what looking at every trip gives.

const config = `import { csv, dataset, entity, features, linear, model, project, t } from 'millrace'
const trips = dataset('trips', {
  source: csv('data/trips.csv'),
  columns: {
    at: t.timestamp('UTC'), origin: t.text(), dest: t.text(), car: t.int(), km: t.float(),
    carrier: t.nullable(t.text()), late: t.bool(), due: t.nullable(t.timestamp('UTC')),
  },
  eventTime: 'at',
})
const places = dataset('places', {
  source: csv('data/places.csv'), columns: { code: t.text(), region: t.text(), open: t.bool(), since: t.timestamp('UTC') }, key: ['code'],
})
const recent = features('recent', {
  entity: entity('origin', { origin: t.text() }), from: trips, ttl: '12h',
  compute: f => ({ carrier: f.last('carrier'), late: f.last('late'), due: f.max('due', '6h'), n: f.count('6h') }),
})
const legs = features('legs', {
  entity: entity('leg', { origin: t.text(), car: t.int() }), from: trips,
  compute: f => ({ km: f.sum('km', '24h'), late: f.last('late', '24h') }),
})
const place = features('place', {
  entity: entity('place', { code: t.text() }), from: places,
  compute: f => ({ region: f.last('region'), open: f.last('open'), since: f.last('since') }),
})
const late = model('late', {
  task: 'binary', from: trips, label: c => c.late, features: [recent, recent.as('there', { origin: 'dest' }), legs, place.as('to', { code: 'dest' })],
  inputs: () => ({ n: recent.all.n }), split: { by: 'time', train: '20d', test: '8d' }, train: linear(),
})
export default project('trips', { trips, places, recent, legs, place, late })
`

interface Trip {
  readonly at: number
  readonly origin: string
  readonly dest: string
  readonly car: number
  readonly km: number
  readonly carrier: string | null
  readonly late: boolean
  readonly due: number | null
}
type Known = string | number | boolean | null

const minute = 60_000_000
const hour = 60 * minute
const first = Date.UTC(2026, 2, 1) * 1000
const codes = ['FRA', 'VIE', 'OSL, east', 'ZZZ']
const random = seeded(14)
const any = <T>(of: readonly T[]): T => of[random.below(of.length)] as T
const trips: readonly Trip[] = Array.from({ length: 240 }, (_, i) => ({
  // no two at once: which of them is the last is another test's
  at: first + random.below(6) * 10 * minute + i * hour,
  origin: any(codes.slice(0, 3)),
  dest: any(codes),
  car: random.below(3),
  km: random.below(400) / 4,
  carrier: any(['red', 'blue "b"', 'zwölf', null]),
  late: any([true, false]),
  due: any([null, first + random.below(9000) * minute]),
}))
const asked = Array.from({ length: 60 }, () => ({
  at: any([any(trips).at, any(trips).at + 1, first + random.below(260 * 60) * minute]),
  origin: any([...codes, null]),
  dest: any(codes),
  car: any([0, 1, 2, 3, null]),
}))
const places = new Map<string, readonly Known[]>(
  codes.slice(0, 3).map((code, i) => [code, [`region ${i}`, i % 2 === 0, first - i * hour]]),
)

const inOrder = (list: readonly Trip[]): readonly Trip[] => list.toSorted((a, b) => a.at - b.at)
const lastOf = <T extends Known>(list: readonly Trip[], of: (one: Trip) => T | null): T | null =>
  inOrder(list)
    .filter(one => of(one) !== null)
    .map(of)
    .at(-1) ?? null

/** Each trip looked at. */
function plainRecent(origin: string | null, at: number): readonly Known[] {
  const own = trips.filter(one => one.origin === origin && one.at < at)
  const within = (length: number): Trip[] => own.filter(one => one.at >= at - length)
  // an event of just the ttl is not too old
  if (within(12 * hour).length === 0) return [null, null, null, null]
  const due = within(6 * hour).flatMap(one => one.due ?? [])
  return [
    lastOf(within(12 * hour), one => one.carrier),
    lastOf(within(12 * hour), one => one.late),
    due.length > 0 ? Math.max(...due) : null,
    within(6 * hour).length,
  ]
}
function plainLegs(origin: string | null, car: number | null, at: number): readonly Known[] {
  const own = trips.filter(one => one.origin === origin && one.car === car && one.at < at && one.at >= at - 24 * hour)
  return [own.reduce((sum, one) => sum + one.km, 0), lastOf(own, one => one.late)]
}
const plainPlace = (code: string): readonly Known[] => places.get(code) ?? [null, null, null]
const times = new Set(['due', 'since'])
const told = (names: readonly string[], values: readonly Known[]): Known[] =>
  values.map((value, i) => (times.has(names[i] as string) && value !== null ? formatTime(Number(value)) : value))
const recentNames = ['carrier', 'late', 'due', 'n']
const placeNames = ['region', 'open', 'since']

const cell = (value: Known): string =>
  value === null
    ? ''
    : typeof value === 'string' && /[",]/.test(value)
      ? `"${value.replaceAll('"', '""')}"`
      : String(value)
const csvOf = (names: readonly string[], rows: readonly (readonly Known[])[]): string =>
  `${[names, ...rows.map(row => row.map(cell))].map(row => row.join(',')).join('\n')}\n`

let root = ''
let server: Server
const run = (...words: string[]): Promise<Said> => inside(root, words)
const post = async (path: string, body: unknown): Promise<Readonly<Record<string, never>>> => {
  const answer = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return (await answer.json()) as Readonly<Record<string, never>>
}
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-reading-'))
  mkdirSync(join(root, 'data'))
  writeFileSync(join(root, 'millrace.config.ts'), config)
  const names = ['at', 'origin', 'dest', 'car', 'km', 'carrier', 'late', 'due'] as const
  const rowOf = (one: Trip): Known[] =>
    names.map(name => (name === 'at' || name === 'due' ? one[name] && formatTime(one[name]) : one[name]))
  writeFileSync(join(root, 'data/trips.csv'), csvOf(names, trips.map(rowOf)))
  const placeRows = [...places].map(([code, values]) => [code, ...told(placeNames, values)])
  writeFileSync(join(root, 'data/places.csv'), csvOf(['code', ...placeNames], placeRows))
  const labels = asked.map(one => [formatTime(one.at), one.origin, one.dest, one.car])
  writeFileSync(join(root, 'labels.csv'), csvOf(['at', 'origin', 'dest', 'car'], labels))
  for (const name of ['trips', 'places']) expect((await run('data', 'snapshot', name)).code).toBe(0)
  expect((await run('features', 'materialise')).code).toBe(0)
  server = await startUp(root)
}, 120_000)
afterAll(async () => {
  await server?.end()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

it('an export has both roles of a row, keys of several columns, texts, truth values, times and dimensions', async () => {
  const done = await run('features', 'export', 'late', '--labels', 'labels.csv', '--out', 'frame.csv', '--json')
  expect([done.code, done.said]).toMatchObject([0, expect.anything()])
  const names = [
    ...['recent', 'there'].flatMap(view => recentNames.map(name => `${view}.${name}`)),
    'legs.km',
    'legs.late',
    ...placeNames.map(name => `to.${name}`),
  ]
  const wanted = asked.map(({ at, origin, dest, car }) => [
    formatTime(at),
    origin,
    dest,
    car,
    ...told(recentNames, plainRecent(origin, at)),
    ...told(recentNames, plainRecent(dest, at)),
    ...plainLegs(origin, car, at),
    ...told(placeNames, plainPlace(dest)),
  ])
  const text = readFileSync(join(root, 'frame.csv'), 'utf8')
  // a float of CSV has a point, a time six digits
  const asNumbers = (csv: string): string => csv.replace(/\.0+(?=[,Z\n])/g, '')
  expect(asNumbers(text)).toBe(asNumbers(csvOf(['at', 'origin', 'dest', 'car', ...names], wanted)))
  expect(wanted.flat().filter(value => value !== null).length).toBeGreaterThan(600)
})

it('the command line and the server read the same of an entity at a moment', async () => {
  for (const one of asked.slice(0, 8)) {
    if (one.origin === null || one.car === null) continue
    const asOf = formatTime(one.at)
    const leg = { origin: one.origin, car: one.car }
    const words = [`origin=${leg.origin}`, `car=${leg.car}`, '--at', asOf, '--json']
    const { out } = await run('features', 'get', 'legs', ...words)
    const wanted = [plainLegs(one.origin, one.car, one.at)]
    expect((JSON.parse(out) as { entities: { values: unknown }[] }).entities.map(each => each.values)).toEqual(wanted)
  }
  for (const one of asked) {
    const asOf = formatTime(one.at)
    const valuesOf = async (view: string, entities: readonly object[]): Promise<unknown[]> =>
      (
        (await post(`/v1/features/${view}:get`, { entities, asOf }))['entities'] as unknown as { values: unknown }[]
      ).map(each => each.values)
    expect(await valuesOf('recent', [{ origin: one.origin }, { origin: one.dest }])).toEqual([
      told(recentNames, plainRecent(one.origin, one.at)),
      told(recentNames, plainRecent(one.dest, one.at)),
    ])
    expect(await valuesOf('legs', [{ origin: one.origin, car: one.car }])).toEqual([
      plainLegs(one.origin, one.car, one.at),
    ])
    expect(await valuesOf('place', [{ code: one.dest }])).toEqual([told(placeNames, plainPlace(one.dest))])
  }
})

it('a table without moments has of views without a time what is known now, and with moments what was known then', async () => {
  const push = {
    rows: [{ code: 'VIE', region: 'new', open: true, since: formatTime(first) }],
    deletes: [{ code: 'FRA' }],
  }
  expect(await post('/v1/datasets/places:push', push)).toMatchObject({ accepted: 2, logged: true })
  writeFileSync(join(root, 'now.csv'), 'code,note\nVIE,a\nFRA,b\nnone,c\n"OSL, east",d\n')
  const said = await run('features', 'export', 'place', '--labels', 'now.csv', '--out', 'now-out.csv')
  expect(said).toMatchObject({ code: 0, out: 'now-out.csv: 4 rows with 3 features\n' })
  const since = (text: string): string => text.replaceAll('.000000Z', 'Z')
  expect(since(readFileSync(join(root, 'now-out.csv'), 'utf8'))).toBe(
    since(
      csvOf(
        ['code', 'note', 'place.region', 'place.open', 'place.since'],
        [
          ['VIE', 'a', 'new', true, formatTime(first)],
          ['FRA', 'b', null, null, null],
          ['none', 'c', null, null, null],
          ['OSL, east', 'd', ...told(placeNames, plainPlace('OSL, east'))],
        ],
      ),
    ),
  )
  writeFileSync(join(root, 'then.csv'), `code,moment\nVIE,${formatTime(first)}\nFRA,${formatTime(first)}\n`)
  await run('features', 'export', 'place', '--labels', 'then.csv', '--time', 'moment', '--out', 'then-out.csv')
  const then = readFileSync(join(root, 'then-out.csv'), 'utf8')
  expect(then).toContain('region 1')
  expect(then).toContain('region 0')
  // of a view with a time a table has to say when
  refused(await run('features', 'export', 'place', 'recent', '--labels', 'now.csv'), 2, 'MR', 'code')
  writeFileSync(join(root, 'keys.csv'), 'code,origin\nVIE,VIE\n')
  refused(await run('features', 'export', 'place', 'recent', '--labels', 'keys.csv'), 2, 'MR', 'does not say when')
})
