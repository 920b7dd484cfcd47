import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDuckdb } from '../src/adapters/data/duckdb/engine.ts'
import { openWorkspace } from '../src/config/workspace.ts'
import { project } from '../src/index.ts'
import type { DataEngine, Row } from '../src/ports/data-engine.ts'
import { startUp, type Said, type Server } from './support/command.ts'
import { inside } from './support/inside.ts'
import { refused } from './support/refused.ts'

// What gets to people and pipelines of features: one vector by key, a table of labels with its features. By the command line
// and over HTTP, which say the same.

const config = `import { csv, dataset, entity, features, gbt, model, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/rides.csv'),
  columns: { id: t.int(), at: t.timestamp('UTC'), km: t.float(), zone: t.text(), car: t.int(), paid: t.float() },
  eventTime: 'at', key: ['id'], knownAt: { paid: c => c.at.plus('1h') },
})
const zones = features('zones', {
  entity: entity('zone', { zone: t.text() }), from: rides, ttl: '3d',
  compute: f => ({ rides: f.count('2d'), paid: f.mean('paid', '2d') }),
})
const cars = features('cars', {
  entity: entity('car-in-zone', { car: t.int(), zone: t.text() }), from: rides,
  compute: f => ({ rides: f.count('8d'), last: f.last('km') }),
})
const offline = features('offline', {
  entity: entity('zone', { zone: t.text() }), from: rides, online: false, compute: f => ({ far: f.max('km', '2d') }),
})
const fare = model('fare', {
  task: 'regression', from: rides, features: [zones, cars], label: c => c.paid, inputs: c => ({ km: c.km, ...zones.all, trips: cars.all.rides, last: cars.all.last }),
  split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: 3, depth: 3 }),
})
const plain = model('plain', {
  task: 'regression', from: rides, label: c => c.paid, inputs: c => ({ km: c.km }), split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: 1 }),
})
export default project('rides', { rides, zones, cars, offline, fare, plain })
`

let root = ''
let server: Server
let engine: DataEngine
const run = (...words: string[]): Promise<Said> => inside(root, words)
const place = (name: string): string => join(root, name)
const large = '9007199254740993'

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-delivery-'))
  mkdirSync(place('data'))
  const rows = Array.from({ length: 1_000 }, (_, i) => {
    const at = new Date(Date.UTC(2026, 0, 1) + i * 2_160_000).toISOString().slice(0, 19)
    const km = ((i * 7919) % 311) / 10
    const car = i % 11 === 0 ? large : (i * 7) % 5
    return `${i},${at},${km},${'abcd'[(i * 31) % 4]},${car},${(km * 1.7 + (i % 7) / 10).toFixed(2)}`
  })
  writeFileSync(place('data/rides.csv'), `id,at,km,zone,car,paid\n${rows.join('\n')}\n`)
  writeFileSync(place('millrace.config.ts'), config)
  for (const words of ['train fare', 'features materialise']) {
    const { code, said } = await run(...words.split(' '))
    if (code !== 0) throw new Error(`${words}: ${said}`)
  }
  engine = await openDuckdb()
  server = await startUp(root)
}, 120_000)
afterAll(async () => {
  await server?.end()
  await engine?.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

async function ask(view: string, body: unknown): Promise<{ readonly status: number; readonly body: unknown }> {
  const answer = await fetch(`${server.url}/v1/features/${view}:get`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: answer.status, body: await answer.json() }
}

describe('one vector by key', () => {
  test('is told by the command line as over HTTP, of one entity or several, now and then', async () => {
    const at = '2026-01-25T23:00:00Z'
    const told = await run('features', 'get', 'zones', 'zone=a', 'zone=nowhere', '--at', at, '--json')
    const { body } = await ask('zones', { entities: [{ zone: 'a' }, { zone: 'nowhere' }], asOf: at })
    expect(JSON.parse(told.out)).toEqual(body)
    expect(body).toMatchObject({
      features: ['rides', 'paid'],
      entities: [{ status: 'present' }, { status: 'missing', values: [null, null] }],
    })
    const people = await run('features', 'get', 'zones', 'zone=a', '--at', at)
    expect(people.out).toMatch(/ZONE +STATUS +NEWEST EVENT +RIDES +PAID\na +present +2026-01-25T/)
    expect(people.out).toContain('as of 2026-01-25T23:00:00Z')
    // long after the last ride, which is now, they are stale
    expect(JSON.parse((await run('features', 'get', 'zones', 'zone=a', '--json')).out)).toMatchObject({
      entities: [{ status: 'stale', values: [null, null] }],
    })
    // of before the records: as training computes them
    const early = ['features', 'get', 'zones', 'zone=a', '--at', '2026-01-04T00:00:00Z', '--json']
    expect(JSON.parse((await run(...early)).out)).toEqual(
      (await ask('zones', { entities: [{ zone: 'a' }], asOf: '2026-01-04T00:00:00Z' })).body,
    )
  })

  test('has keys of several columns, and whole numbers beyond 2^53', async () => {
    const at = '2026-01-26T00:00:00Z'
    const keys = [`car=${large}`, 'zone=b', 'zone=a', 'car=3']
    const told = JSON.parse((await run('features', 'get', 'cars', ...keys, '--at', at, '--json')).out) as {
      readonly entities: readonly { readonly status: string }[]
    }
    const entities = [
      { car: large, zone: 'b' },
      { zone: 'a', car: 3 },
    ]
    expect(told).toEqual((await ask('cars', { entities, asOf: at })).body)
    expect(told.entities.map(one => one.status)).toEqual(['present', 'present'])
  })

  test.each([
    ['a view that is none', ['zone', 'zone=a'], 'MR1006', 'zones, cars'],
    ['one that is not online', ['offline', 'zone=a'], 'MR1006', 'zones, cars'],
    ['a word that is no key', ['zones', 'a'], 'MR2073', '"a" is no key=value'],
    ['a column that is no key', ['zones', 'town=a'], 'MR2073', "'town' is no key of it"],
    ['a key of another type', ['cars', 'car=x', 'zone=a'], 'MR2073', `'car' is int, not "x"`],
    ['half a key', ['cars', 'car=1', 'car=2', 'zone=a'], 'MR2073', "an entity lacks 'zone'"],
    ['a moment that is none', ['zones', 'zone=a', '--at', 'soon'], 'MR1101', 'soon'],
    ['no entity', ['zones'], 'MR2073', 'no entity is named'],
  ])('is refused of %s', async (_, words, code, says) => {
    refused(await run('features', 'get', ...words), 2, code, says)
  })
})

const rowsOf = async (name: string): Promise<Row[]> => {
  const relation = await engine.scan({ kind: 'parquet', path: place(name) }, root)
  return engine.rows(`SELECT * FROM ${relation.sql}`)
}

/** The training frame of the model, as its run left it. */
async function frame(): Promise<Row[]> {
  const workspace = await openWorkspace(root, { project: project('rides', {}) })
  try {
    const [made] = await workspace.store.stepHistory('features-fare', 1)
    const digest = made?.outputs?.frame?.digest
    if (!digest) throw new Error(`no frame in ${Object.keys(made?.outputs ?? {}).join()}`)
    const relation = await engine.scan({ kind: 'parquet', path: await workspace.artifacts.localPath(digest) }, root)
    return await engine.rows(`SELECT * FROM ${relation.sql}`)
  } finally {
    await workspace.close()
  }
}

describe('a table of labels with its features', () => {
  test('has the values that training has, of a model, from CSV and from Parquet into either', async () => {
    const said = await run('features', 'export', 'fare', '--labels', 'data/rides.csv', '--out', 'all.parquet')
    expect(said, said.said).toMatchObject({ code: 0, out: 'all.parquet: 1,000 rows with 4 features\n' })
    const rows = await rowsOf('all.parquet')
    expect(Object.keys(rows[0] ?? {})).toEqual(
      'id,at,km,zone,car,paid,zones.rides,zones.paid,cars.rides,cars.last'.split(','),
    )
    const single = (value: unknown): unknown => (typeof value === 'number' ? Math.fround(value) : value)
    const trained = await frame()
    expect(trained.length).toBeGreaterThan(600)
    const at = new Map(rows.map(row => [row.at, row]))
    const names = { 'zones.rides': 'rides', 'zones.paid': 'paid', 'cars.rides': 'trips', 'cars.last': 'last' }
    for (const one of trained)
      for (const [column, input] of Object.entries(names))
        expect(single(at.get(one.millrace_at)?.[column]), `${column} at ${String(one.millrace_at)}`).toBe(one[input])

    // the same as CSV, printed and written, and from what was just written
    const printed = await run('features', 'export', 'zones', 'cars', '--labels', 'data/rides.csv')
    await run('features', 'export', 'fare', '--labels', 'data/rides.csv', '--out', 'all.csv')
    expect(readFileSync(place('all.csv'), 'utf8')).toBe(printed.out)
    expect(printed.out.split('\n')[0]).toBe('id,at,km,zone,car,paid,zones.rides,zones.paid,cars.rides,cars.last')
    writeFileSync(
      place('few.csv'),
      'moment,zone,car,why\n2026-01-20T00:00:00Z,d,1,"late, again"\n2026-01-02T12:00:00Z,a,2,\n2026-01-20T00:00:00Z,d,1,"late, again"\n',
    )
    const few = ['features', 'export', 'fare', '--labels', 'few.csv', '--time', 'moment', '--out']
    expect(await run(...few, 'few.parquet', '--json')).toMatchObject({ code: 0 })
    expect((await rowsOf('few.parquet')).map(row => row.why)).toEqual(['late, again', null, 'late, again'])
    expect(await run('features', 'export', 'fare', '--labels', 'few.parquet', '--time', 'moment')).toMatchObject({
      code: 2,
      said: expect.stringContaining("'zones.rides' has the name of a feature") as string,
    })
  })

  test('is the same over HTTP, and says what it was made from', async () => {
    const body = Buffer.from(readFileSync(place('data/rides.csv')))
    const send = (query: string, sent: string | Buffer<ArrayBuffer> = body): Promise<Response> =>
      fetch(`${server.url}/v1/features:export?${query}`, { method: 'POST', body: sent })
    const csv = await send('of=fare')
    expect([csv.status, csv.headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8'])
    expect(await csv.text()).toBe(readFileSync(place('all.csv'), 'utf8'))
    const parquet = await send('of=zones,cars&format=parquet&time=at')
    expect(parquet.headers.get('content-type')).toBe('application/vnd.apache.parquet')
    writeFileSync(place('http.parquet'), Buffer.from(await parquet.arrayBuffer()))
    expect(await rowsOf('http.parquet')).toEqual(await rowsOf('all.parquet'))
    const refusals = ['of=zone', 'of=zones&time=when', 'of=zones&labels=parquet', 'of=zones&format=xml', '']
    const answered = await Promise.all(
      refusals.map(async query => {
        const answer = await send(query)
        return [query, answer.status, ((await answer.json()) as { code: string }).code]
      }),
    )
    expect(answered).toEqual([
      ['of=zone', 404, 'MR5020'],
      ['of=zones&time=when', 422, 'MR2071'],
      ['of=zones&labels=parquet', 422, 'MR2002'],
      ['of=zones&format=xml', 400, 'MR5015'],
      ['', 400, 'MR5015'],
    ])
    const lines = body.toString().split('\n')
    const wrong = await send(
      'of=zones',
      [...lines.slice(0, 3), lines[3]?.replace(/,2026[^,]*/, ',soon'), ''].join('\n'),
    )
    expect([wrong.status, await wrong.json()]).toEqual([
      422,
      expect.objectContaining({ code: 'MR2072', title: expect.stringContaining('the body, row 2') as string }),
    ])
    expect(readdirSync(place('.millrace/uploads'))).toEqual([])
    const made = JSON.parse(
      (await run('features', 'export', 'zones', '--labels', 'few.csv', '--time', 'moment', '--out', 'z.csv', '--json'))
        .out,
    ) as { from: { snapshot: string }[] }
    expect(made).toMatchObject({ rows: 3, features: ['zones.rides', 'zones.paid'], file: 'z.csv' })
    expect(made.from).toMatchObject([
      { dataset: 'rides', log: 0, snapshot: expect.stringMatching(/^sha256:/) as string },
    ])
  })

  test('sees what was pushed, from when it was known', async () => {
    const pushed = await fetch(`${server.url}/v1/datasets/rides:push`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rows: [{ id: 5000, at: '2026-01-25T23:30:00Z', km: 5, zone: 'new', car: 1, paid: 9 }] }),
    })
    expect(pushed.status).toBe(200)
    writeFileSync(
      place('pushed.csv'),
      'at,zone\n2026-01-25T23:30:00Z,new\n2026-01-25T23:30:01Z,new\n2026-01-26T00:30:00Z,new\n',
    )
    const { out } = await run('features', 'export', 'zones', '--labels', 'pushed.csv')
    expect(out.split('\n').map(line => line.split(',').slice(2).join())).toEqual([
      'zones.rides,zones.paid',
      ',',
      '1,',
      '1,9.0',
      '',
    ])
  })

  test.each([
    ['labels that are not named', ['zones'], 2, 'MR1101', '--labels'],
    ['labels of no known kind', ['zones', '--labels', 'few.txt'], 2, 'MR1101', 'few.txt'],
    ['a place of no known kind', ['zones', '--labels', 'few.csv', '--out', 'few.xlsx'], 2, 'MR1101', 'few.xlsx'],
    ['JSON without a place', ['zones', '--labels', 'few.csv', '--json'], 2, 'MR1101', '--out'],
    ['a file that is not there', ['zones', '--labels', 'none.csv'], 3, 'MR2002', 'none.csv'],
    ['a view that is none', ['zone', '--labels', 'few.csv'], 2, 'MR1006', 'zones'],
    ['a model without views', ['plain', '--labels', 'few.csv'], 2, 'MR1006', 'plain'],
    ['a table without moments', ['zones', '--labels', 'few.csv'], 2, 'MR2071', 'does not say when'],
  ])('is refused of %s', async (_, words, code, error, says) => {
    refused(await run('features', 'export', ...words), code, error, says)
    expect(existsSync(place('few.xlsx'))).toBe(false)
  })
})
