import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDuckdb } from '../src/adapters/data/duckdb/engine.ts'
import { openWorkspace } from '../src/config/workspace.ts'
import { project } from '../src/index.ts'
import type { DataEngine, Row } from '../src/ports/data-engine.ts'
import { scoreFiles } from '../src/stages/score/score.ts'
import { startUp, type Said, type Server } from './support/command.ts'
import { inside } from './support/inside.ts'
import { refused } from './support/refused.ts'

// Batch scoring through the command line and HTTP, of two models: one with features over time, one of several classes with
// texts, truth values, whole numbers and a derived time. What the server answers for the same rows is the oracle.

const config = `import { csv, dataset, deployment, entity, features, gbt, model, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/rides.csv'),
  columns: {
    at: t.timestamp('UTC'), km: t.float(), zone: t.text(), seats: t.int(), night: t.nullable(t.bool()), paid: t.float(), kind: t.text(),
  },
  eventTime: 'at',
})
const zones = features('zones', {
  entity: entity('zone', { zone: t.text() }), from: rides, ttl: '40d', online: true,
  compute: f => ({ rides: f.count('2d'), mean: f.mean('km', '2d') }),
})
const fare = model('fare', {
  task: 'regression', from: rides, features: [zones], label: c => c.paid, inputs: c => ({ km: c.km, ...zones.all }),
  split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: 12, depth: 3 }),
})
const kind = model('kind', {
  task: 'multiclass', from: rides, label: c => c.kind,
  inputs: c => ({ km: c.km, zone: c.zone, seats: c.seats, night: c.night, hour: c.at.hour(), each: c.km.div(c.seats) }),
  split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: 8, depth: 3 }),
})
export default project('rides', {
  rides, zones, fare, kind, fares: deployment('fares', { model: fare }), kinds: deployment('kinds', { model: kind }),
})
`

interface Ride {
  readonly at: string
  readonly km: number
  readonly zone: string
  readonly seats: number
  readonly night: boolean | null
}

const rideOf = (i: number, of: number, firstDay: number): Ride & { paid: number; kind: string } => {
  // what a ride costs depends on how far the rides of these days go, which the features know
  const season = 10 * Math.sin((8 * i) / of)
  const km = 12 + season + ((i * 7919) % 3117) / 197
  const zone = 'abcd'[(i * 31) % 4] as string
  const at = new Date(Date.UTC(2026, 0, firstDay) + Math.floor((i * 2_160_000) / of) * 1000).toISOString().slice(0, 19)
  const kind = km < 16 ? 'short' : i % 5 === 0 ? 'odd' : 'long'
  return {
    at: `${at}Z`,
    km,
    zone,
    seats: 1 + (i % 6),
    night: i % 7 === 0 ? null : i % 2 === 0,
    paid: km + 5 * season + (i % 7),
    kind,
  }
}
const lines = (rides: readonly object[]): string =>
  `${Object.keys(rides[0] as object).join(',')}\n${rides
    .map(one =>
      Object.values(one)
        .map(value => value ?? '')
        .join(','),
    )
    .join('\n')}\n`

// Rows that no version has seen: within the history of the features, and some after it
const asked: Ride[] = Array.from({ length: 300 }, (_, i) => {
  const { at, km, zone, seats, night } = rideOf(i * 13 + 5, 3_900, 2)
  return { at, km: km + 0.123456789, zone, seats, night }
})

let root = ''
let server: Server
let engine: DataEngine
const place = (name: string): string => join(root, name)
const run = (...words: string[]): Promise<Said> => inside(root, words)
const read = async (name: string): Promise<Row[]> => {
  const relation = await engine.scan({ kind: 'parquet', path: place(name) }, root)
  return engine.rows(`SELECT * FROM ${relation.sql}`)
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-score-'))
  mkdirSync(place('data'))
  writeFileSync(place('millrace.config.ts'), config)
  writeFileSync(place('data/rides.csv'), lines(Array.from({ length: 1_500 }, (_, i) => rideOf(i, 1_500, 1))))
  writeFileSync(place('asked.csv'), lines(asked))
  writeFileSync(place('timeless.csv'), lines(asked.map(({ km, zone }) => ({ km, zone }))))
  for (const words of ['train fare', 'train kind', 'features materialise', 'deploy fares', 'deploy kinds']) {
    const { code, said } = await run(...words.split(' '))
    if (code !== 0) throw new Error(`${words}: ${said}`)
  }
  engine = await openDuckdb()
  const relation = await engine.scan({ kind: 'csv', path: place('asked.csv') }, root)
  await engine.writeParquet(
    `SELECT CAST("at" AS TIMESTAMP) AS at, CAST(km AS DOUBLE) AS km, zone, CAST(seats AS INTEGER) AS seats, CAST(night AS BOOLEAN) AS night FROM ${relation.sql}`,
    place('asked.parquet'),
  )
  server = await startUp(root)
}, 120_000)

afterAll(async () => {
  await server?.end()
  await engine?.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

interface Predicted {
  readonly score: number
  readonly label?: unknown
  readonly scores?: Readonly<Record<string, number>>
}

async function predicted(name: string, body: object): Promise<readonly Predicted[]> {
  const answer = await fetch(`${server.url}/v1/deployments/${name}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { predictions: Predicted[] }).predictions
}

test('gives what the server answers, to the last bit, of CSV and of Parquet, with several classes', async () => {
  const { code, said, out } = await run(
    'score',
    'kind@1',
    'asked.csv',
    'asked.parquet',
    '--out',
    'kinds.parquet',
    '--json',
  )
  expect(code, said).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ rows: 600, reused: 0, version: 'kind@1', files: [{ name: 'kinds.parquet' }] })
  const found = await read('kinds.parquet')
  const answers = await predicted('kinds', { rows: asked })
  const wanted = ['asked.csv', 'asked.parquet'].flatMap(file =>
    answers.map(({ score, label, scores }, row) => ({
      file,
      row,
      score,
      label,
      ...Object.fromEntries(Object.entries(scores ?? {}).map(([name, of]) => [`score_${name}`, of])),
      version: 1,
    })),
  )
  expect(found).toEqual(wanted)
  expect(existsSync(place('kinds.parquet.parts'))).toBe(false)
})

test('a model with features sees of each row what was known at its moment, as the server does', async () => {
  const { code, said } = await run('score', 'fare', 'asked.parquet', '--out', 'fares', '--keep', 'zone,km')
  expect(code, said).toBe(0)
  const found = await read('fares/part-00000.parquet')
  const rows = asked.map(({ km, zone }) => ({ km, zone }))
  const answers = await predicted('fares', { rows, at: asked.map(one => one.at) })
  expect(found).toEqual(
    answers.map(({ score }, row) => ({
      file: 'asked.parquet',
      row,
      zone: rows[row]?.zone,
      km: rows[row]?.km,
      score,
      version: 1,
    })),
  )
  // they do depend on the moment
  const at = '2026-01-20T00:00:00Z'
  expect((await run('score', 'fare', 'timeless.csv', '--out', 'then.parquet', '--at', at)).code).toBe(0)
  const then = (await read('then.parquet')).map(one => one.score)
  expect(then).toEqual((await predicted('fares', { rows, at })).map(one => one.score))
  expect(then).not.toEqual(found.map(one => one.score))
})

test('the same call again scores nothing anew, and other inputs are refused in its place', async () => {
  const words = ['score', 'kind@1', 'asked.csv', '--out', 'again']
  expect((await run(...words)).said).toMatch(/300 rows scored with kind@1/)
  expect((await run(...words)).said).toMatch(/300 rows scored .*, 300 of them were there already/)
  writeFileSync(place('again/part-00000.parquet'), 'torn')
  const mended = await run(...words)
  expect(mended.said).toMatch(/300 rows scored/)
  expect(mended.said).not.toContain('already')
  expect(await read('again/part-00000.parquet')).toHaveLength(300)
  refused(await run('score', 'kind@1', 'asked.parquet', '--out', 'again'), 2, 'MR4113', /of other inputs/)
  refused(await run('score', 'fare@1', 'asked.csv', '--out', 'again'), 2, 'MR4113', /of kind@1/)
  refused(await run(...words, '--keep', 'zone'), 2, 'MR4113', /other columns kept/)
  refused(await run('score', 'kind@1', 'asked.csv', '--out', 'data'), 2, 'MR4113', /are no scores/)
  writeFileSync(place('mine.parquet'), 'something of mine')
  refused(await run('score', 'kind@1', 'asked.csv', '--out', 'mine.parquet'), 2, 'MR4113', /is there already/)
  expect(readFileSync(place('mine.parquet'), 'utf8')).toBe('something of mine')
})

test.each([
  ['a column that is missing', lines(asked.map(({ zone: _, ...rest }) => rest)), 'MR2001', 1, /'zone'/],
  [
    'a cell of another type',
    lines(asked)
      .replace(/,\d\n/, ',seven\n')
      .replace(/^(.*\n.*),(\d),/m, '$1,seven,'),
    'MR4112',
    1,
    /row 0 .*column 'seats': expected int, got seats=seven/,
  ],
  [
    'a cell that is empty and may not be',
    lines(asked.map((one, i) => (i === 41 ? { ...one, km: null } : one))),
    'MR4112',
    1,
    /row 41 .*column 'km': it is null/,
  ],
  [
    'a number that no float32 is',
    lines(asked.map((one, i) => (i === 7 ? { ...one, km: 1e39 } : one))),
    'MR4112',
    1,
    /row 7 .*column 'km': makes the input km larger/,
  ],
  ['no rows', 'at,km,zone,seats,night\n', 'MR4111', 2, /has no rows/],
  [
    'a line with too many cells',
    `${lines(asked)}2026-01-03T00:00:00Z,1,a,1,true,9,9,9\n`,
    'MR4111',
    2,
    /1 of its lines are no rows; the first is line 302/,
  ],
] as const)('refuses %s, with its place', async (name, content, code, exit, words) => {
  const file = `${name.replaceAll(' ', '-')}.csv`
  writeFileSync(place(file), content)
  refused(await run('score', 'kind@1', file, '--out', `${file}.out`), exit, code, words)
})

test('refuses what cannot be scored at all, before anything is written', async () => {
  writeFileSync(place('rows.xlsx'), 'PK')
  writeFileSync(place('damaged.parquet'), 'PAR1 and no more')
  refused(await run('score', 'kind@1', 'rows.xlsx', '--out', 'o1'), 2, 'MR4111', /ends in none of/)
  refused(await run('score', 'kind@1', 'damaged.parquet', '--out', 'o1'), 3, 'MR2002')
  refused(await run('score', 'kind@1', 'nowhere.csv', '--out', 'o1'), 3, 'MR2002', /does not exist/)
  refused(await run('score', 'kind@1', 'asked.csv', 'asked.csv', '--out', 'o1'), 2, 'MR4111', /named twice/)
  refused(await run('score', 'kind@9', 'asked.csv', '--out', 'o1'), 2, /kind@9/)
  refused(
    await run('score', 'kind@1', 'asked.csv', '--out', 'o1', '--keep', 'colour'),
    2,
    'MR4111',
    /no column 'colour'/,
  )
  refused(await run('score', 'kind@1', 'asked.csv', '--out', 'o1', '--keep', 'km,km'), 2, 'MR4111', /kept twice/)
  refused(await run('score', 'kind@1', 'asked.csv'), 2, /--out/)
  refused(await run('score', 'kind@1', 'asked.csv', '--out', 'o1', '--at', 'noon'), 2, /--at takes a time/)
  expect(existsSync(place('o1/manifest.json'))).toBe(false)
  // one of several that cannot be read is found before the first is scored
  refused(await run('score', 'kind@1', 'asked.csv', 'timeless.csv', '--out', 'o2'), 1, 'MR2001')
  expect(existsSync(place('o2/manifest.json'))).toBe(false)
})

test('leaves a run with its lineage, and says where it failed', async () => {
  const { out } = await run('score', 'kind@1', 'asked.csv', '--out', 'traced.parquet', '--json')
  const { run: id } = JSON.parse(out) as { run: string }
  const shown = await run('runs', 'show', id)
  expect(shown.said).toMatch(/score-kind {2}succeeded/)
  const lineage = (await run('lineage', 'traced.parquet')).said
  expect(lineage).toMatch(/kind@1/)
  expect(lineage).toMatch(/asked\.csv/)
  expect((await run('lineage', 'asked.csv')).said).toMatch(/traced\.parquet/)
  const failed = (await run('runs', 'list', '--json')).out
  expect(failed).toContain('"kind": "score"')
  expect(failed).toContain('MR4112')
})

test('a file that changes meanwhile is refused, and its scores are not kept', async () => {
  const workspace = await openWorkspace(root, { project: project('rides', {}) })
  try {
    const record = (await workspace.store.getModelVersion('kind', 1)) as never
    writeFileSync(place('moving.csv'), lines(asked))
    const scoring = scoreFiles(workspace, record, {
      files: [place('moving.csv')],
      out: place('moved'),
      told: () => appendFileSync(place('moving.csv'), '2026-01-03T00:00:00Z,1,a,1,true\n'),
    })
    await expect(scoring).rejects.toMatchObject({ code: 'MR2025' })
    expect(existsSync(place('moved/part-00000.parquet'))).toBe(false)
  } finally {
    await workspace.close()
  }
})

test('goes on after kill -9 where it was, with the same scores', async () => {
  await engine.writeParquet(
    `SELECT range AS id, TIMESTAMP '2026-01-05' + INTERVAL (range % 9999) MINUTE AS at, (range % 3001) / 100.0 AS km, substr('abcd', CAST(range % 4 AS INTEGER) + 1, 1) AS zone, CAST(1 + range % 6 AS INTEGER) AS seats, range % 2 = 0 AS night FROM range(900000)`,
    place('many.parquet'),
  )
  const child = spawn(
    process.execPath,
    [resolve('dist/cli/bin.js'), 'score', 'kind@1', 'many.parquet', '--out', 'many', '--keep', 'id'],
    { cwd: root, stdio: 'ignore' },
  )
  const gone = new Promise(done => child.once('exit', done))
  const parts = (): number => {
    const text = existsSync(place('many/manifest.json')) ? readFileSync(place('many/manifest.json'), 'utf8') : ''
    return text.split('"until"').length - 1
  }
  while (parts() === 0) await sleep(5)
  child.kill('SIGKILL')
  await gone
  const before = parts()
  const stopped = JSON.parse((await run('runs', 'list', '--json')).out) as {
    name: string
    status: string
    id: string
  }[]
  expect(stopped.find(one => one.name === 'score-kind')).toMatchObject({ status: 'stopped' })
  const { out, code, said } = await run('score', 'kind@1', 'many.parquet', '--out', 'many', '--keep', 'id', '--json')
  expect(code, said).toBe(0)
  const answer = JSON.parse(out) as { reused: number; rows: number; files: { name: string }[]; run: string }
  expect(answer).toMatchObject({ rows: 900_000, run: stopped.find(one => one.name === 'score-kind')?.id })
  expect(answer.reused).toBeGreaterThan(0)
  expect(before).toBeLessThan(answer.files.length)
  const relation = await engine.scan(
    { kind: 'parquet', path: 'many' },
    root,
    answer.files.map(file => place(`many/${file.name}`)),
  )
  expect(
    await engine.rows(
      `SELECT count(*) AS rows, count(DISTINCT row) AS different, count(*) FILTER (WHERE id = row) AS own FROM ${relation.sql}`,
    ),
  ).toEqual([{ rows: 900_000, different: 900_000, own: 900_000 }])
}, 60_000)

test('as a job over HTTP, below the project folder alone', async () => {
  const path = '/v1/models/kind/versions/1:score'
  const post = async (body: object) => {
    const answer = await fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=60' },
      body: JSON.stringify(body),
    })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  const done = await post({ files: ['asked.csv'], out: 'job.parquet', keep: ['zone'] })
  expect(done).toMatchObject({ status: 200, body: { status: 'done', answer: { rows: 300, version: 'kind@1' } } })
  expect((await read('job.parquet')).map(one => one.zone)).toEqual(asked.map(one => one.zone))
  expect(await post({ files: ['timeless.csv'], out: 'job2' })).toMatchObject({
    body: { status: 'failed', error: { code: 'MR2001' } },
  })
  for (const body of [
    { files: ['../asked.csv'], out: 'job3' },
    { files: ['/etc/passwd'], out: 'job3' },
    { files: ['asked.csv'], out: '../job3' },
    { files: ['asked.csv'], out: '.millrace/job3' },
    { files: [], out: 'job3' },
    { files: ['asked.csv'], out: 'job3', at: 'noon' },
    { files: ['asked.csv'], out: 'job3', more: 1 },
  ])
    expect(await post(body), JSON.stringify(body)).toMatchObject({ status: 400, body: { code: 'MR5015' } })
})
