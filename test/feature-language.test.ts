import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../src/adapters/data/duckdb/engine.ts'
import { formatTime } from '../src/internal/time.ts'
import { startUp, type Server } from './support/command.ts'
import { inside } from './support/inside.ts'

// The feature language through the command line and HTTP: texts, times and truth values as features, windows that are aligned, what is derived,
// a dimension without a time, two roles of it, and a view of all rows together.

const config = `import { csv, dataset, deployment, entity, features, gbt, model, project, t } from 'millrace'
export const trips = dataset('trips', {
  source: csv('data/trips.csv'),
  columns: { at: t.timestamp('UTC'), origin: t.text(), dest: t.text(), km: t.float(), carrier: t.nullable(t.text()), late: t.bool() },
  eventTime: 'at', key: ['at'],
})
export const places = dataset('places', {
  source: csv('data/places.csv'), columns: { code: t.text(), region: t.text(), height: t.int() }, key: ['code'],
})
export const recent = features('recent', {
  entity: entity('origin', { origin: t.text() }), from: trips, ttl: '2d',
  compute: f => ({
    carrier: f.mostFrequent('carrier', '1d'), carriers: f.distinct('carrier', '1d'), spread: f.std('km', '1d'),
    median: f.quantile('km', 0.5, '1d'), lastLate: f.last('late'), firstAt: f.min('at', '1d'),
    yesterday: f.count({ tumbling: '1d', zone: 'Europe/Berlin' }), far: f.count('1d', { where: c => c.km.gt(20) }),
    before: f.lag('km', 1), idle: f.secondsSince(),
  }),
  derive: v => ({ named: v.carrier.coalesce('none'), farShare: v.far.div(v.yesterday) }),
})
export const overall = features('overall', { from: trips, compute: f => ({ n: f.count('1d') }) })
export const place = features('place', {
  entity: entity('place', { code: t.text() }), from: places, compute: f => ({ region: f.last('region'), height: f.last('height') }),
})
const from = place.as('from', { code: 'origin' })
const to = place.as('to', { code: 'dest' })
export const late = model('late', {
  task: 'binary', from: trips, label: c => c.late, features: [recent, overall, from, to],
  inputs: c => ({
    km: c.km, carrier: recent.all.carrier, named: recent.all.named, spread: recent.all.spread, relative: c.km.div(recent.all.median),
    busy: recent.all.far.div(overall.all.n), climb: to.all.height.minus(from.all.height), region: to.all.region,
    isLate: recent.all.lastLate, hour: recent.all.firstAt.hour(), idle: recent.all.idle, yesterday: recent.all.yesterday,
  }),
  split: { by: 'time', train: '20d', test: '8d' }, train: gbt({ trees: 10, depth: 3 }),
})
export const api = deployment('api', { model: late })
export default project('trips', { trips, places, recent, overall, place, late, api })
`
const hour = 3_600_000_000
const first = Date.UTC(2026, 2, 1) * 1000
const codes = ['FRA', 'VIE', 'OSL']
const trips = Array.from({ length: 800 }, (_, i) => {
  const km = ((i * 7919) % 397) / 10
  const [origin, dest] = [codes[(i * 5) % 3] as string, codes[(i * 11 + Math.floor(i / 3)) % 3] as string]
  return {
    at: first + i * hour,
    origin,
    dest,
    km,
    carrier: i % 7 === 0 ? null : (['red', 'blue', 'azur'][(i * i) % 3] as string),
    late: km + (dest === 'OSL' ? 20 : 0) > 25,
  }
})
const end = first + trips.length * hour
const csvOf = (rows: readonly Readonly<Record<string, unknown>>[]): string =>
  [
    Object.keys(rows[0] ?? {}).join(','),
    ...rows.map(row =>
      Object.values(row)
        .map(one => one ?? '')
        .join(','),
    ),
  ].join('\n')

let folder: string
let server: Server
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-language-'))
  mkdirSync(join(folder, 'data'))
  writeFileSync(join(folder, 'millrace.config.ts'), config)
  writeFileSync(join(folder, 'data/trips.csv'), csvOf(trips.map(one => ({ ...one, at: formatTime(one.at) }))))
  writeFileSync(
    join(folder, 'data/places.csv'),
    csvOf(codes.map((code, i) => ({ code, region: ['west', 'east', 'north'][i], height: 100 * i }))),
  )
})
afterAll(async () => {
  await server?.end()
  rmSync(folder, { recursive: true })
})

async function ask(path: string, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

it('is trained on, and online what it is offline', async () => {
  for (const words of ['train late', 'deploy api']) {
    const { code, said } = await inside(folder, words.split(' '))
    expect({ words, code, said: code === 0 ? '' : said }).toEqual({ words, code: 0, said: '' })
  }
  const { code, out } = await inside(folder, ['features', 'verify', '--sample', '100', '--json'])
  expect([code, JSON.parse(out)]).toMatchObject([
    0,
    ['recent', 'overall', 'place'].map(view => ({ view, mismatches: 0, uncovered: 0 })),
  ])
})

it('is served: texts, times and truth values as what they are, roles of one view, a correction from when it comes', async () => {
  server = await startUp(folder)
  const asOf = formatTime(end)
  const own = trips.filter(one => one.origin === 'VIE')
  const day = own.filter(one => one.at >= end - 24 * hour)
  const counts = new Map<string, number>()
  for (const { carrier } of day) if (carrier !== null) counts.set(carrier, (counts.get(carrier) ?? 0) + 1)
  const usual = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0]?.[0]
  const km = day.map(one => one.km).sort((a, b) => a - b)
  const mean = km.reduce((a, b) => a + b, 0) / km.length
  const midnight = end - ((end + hour) % (24 * hour))
  const yesterday = own.filter(one => one.at >= midnight - 24 * hour && one.at < midnight).length
  const far = day.filter(one => one.km > 20).length
  const wanted = {
    carrier: usual,
    carriers: counts.size,
    spread: expect.closeTo(Math.sqrt(km.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (km.length - 1)), 9) as number,
    median: expect.closeTo(
      ((km[Math.floor((km.length - 1) / 2)] as number) + (km[Math.ceil((km.length - 1) / 2)] as number)) / 2,
      9,
    ) as number,
    lastLate: own.at(-1)?.late,
    firstAt: formatTime(day[0]?.at as number),
    yesterday,
    far,
    before: own.at(-2)?.km,
    idle: (end - (own.at(-1)?.at as number)) / 1e6,
    named: usual,
    farShare: expect.closeTo(far / yesterday, 12) as number,
  }
  const { status, body } = await ask('/v1/features/recent:get', {
    entities: [{ origin: 'VIE' }, { origin: 'ZZZ' }],
    asOf,
  })
  expect([status, body]).toEqual([
    200,
    {
      features: Object.keys(wanted),
      asOf: end,
      entities: [
        { status: 'present', event: own.at(-1)?.at, values: Object.values(wanted) },
        // of a view with a ttl nothing is known, nor derived
        { status: 'missing', event: null, values: Object.keys(wanted).map(() => null) },
      ],
    },
  ])
  expect((await ask('/v1/features/overall:get', { entities: [{}], asOf })).body).toMatchObject({
    entities: [{ status: 'present', values: [24] }],
  })
  const places = async () =>
    (await ask('/v1/features/place:get', { entities: [{ code: 'OSL' }, { code: 'HEL' }] })).body['entities']
  expect(await places()).toEqual([
    { status: 'present', event: null, values: ['north', 200] },
    { status: 'missing', event: null, values: [null, null] },
  ])
  const push = {
    rows: [
      { code: 'OSL', region: 'fjord', height: 1 },
      { code: 'HEL', region: 'sea', height: 2 },
    ],
  }
  expect((await ask('/v1/datasets/places:push', push)).body).toMatchObject({ accepted: 2, logged: true })
  expect(await places()).toMatchObject([{ values: ['fjord', 1] }, { status: 'present', values: ['sea', 2] }])
  // as it was known before, by whoever asks for then
  const then = await ask('/v1/features/place:get', { entities: [{ code: 'OSL' }], asOf })
  expect(then.body['entities']).toMatchObject([{ values: ['north', 200] }])
  // A model's views, each role by the column that it stands in
  const service = await ask('/get-online-features', {
    entities: { origin: ['HEL', 'VIE'], dest: ['OSL', 'HEL'] },
    feature_service: 'late',
    full_feature_names: true,
  })
  const { metadata, results } = service.body as unknown as {
    metadata: { feature_names: readonly string[] }
    results: readonly { values: readonly unknown[] }[]
  }
  const valuesOf = (name: string) => results[metadata.feature_names.indexOf(name)]?.values
  expect([valuesOf('from__region'), valuesOf('to__region'), valuesOf('overall__n')]).toEqual([
    ['sea', 'east'],
    ['fjord', 'sea'],
    [0, 0],
  ])
  const feast = await ask('/get-online-features', {
    entities: { code: ['OSL'] },
    features: ['place:region', 'overall:n'],
  })
  expect(feast.body).toMatchObject({
    metadata: { feature_names: ['code', 'region', 'n'] },
    results: [{ values: ['OSL'] }, { values: ['fjord'], statuses: ['PRESENT'] }, { values: [0] }],
  })
})

it('predicts alone and in files alike, each role from its own column', async () => {
  const rows = trips.slice(-40).map(({ at, origin, dest, km }, i) => ({ at: formatTime(at), origin, dest, km, n: i }))
  writeFileSync(join(folder, 'rows.csv'), csvOf(rows))
  const { code, said } = await inside(folder, ['score', 'late', 'rows.csv', '--out', 'scored.parquet', '--keep', 'n'])
  expect({ code, said: code === 0 ? '' : said }).toEqual({ code: 0, said: '' })
  const engine = await openDuckdb()
  // a column that nobody declared is kept as its text
  const found = await engine.rows(
    `SELECT n, score FROM read_parquet('${join(folder, 'scored.parquet')}') ORDER BY CAST(n AS INTEGER)`,
  )
  expect(found.map(one => one['n'])).toEqual(rows.map(one => String(one.n)))
  await engine.close()
  const { status, body } = await ask('/v1/deployments/api/predict', {
    rows: rows.map(({ origin, dest, km }) => ({ origin, dest, km })),
    at: rows.map(one => one.at),
  })
  const answers = body['predictions'] as readonly { readonly score: number }[]
  expect([status, answers.map(one => one.score)]).toEqual([200, found.map(one => one['score'])])
  // Where it goes matters, and only that
  const { body: other } = await ask('/v1/deployments/api/predict', {
    rows: ['VIE', 'OSL'].map(dest => ({ origin: 'FRA', dest, km: 15 })),
    at: rows[0]?.at,
  })
  const [near, far] = (other['predictions'] as typeof answers).map(one => one.score)
  expect(far).toBeGreaterThan((near as number) + 0.2)
})
