import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../src/adapters/data/duckdb/engine.ts'
import type { DataEngine } from '../src/ports/data-engine.ts'
import { startUp, type Said, type Server } from './support/command.ts'
import { inside } from './support/inside.ts'
import { refused } from './support/refused.ts'

// Vectors through the command line and HTTP: read from every kind of file, judged, kept as features, pushed, served, exported.

const columns = "{ id: t.int(), at: t.timestamp('UTC'), face: t.nullable(t.vector(3)) }"
const config = (source: string, more = ''): string =>
  `import { arrow, csv, dataset, duckdb, entity, features, json, model, gbt, parquet, project, sqlite, t } from 'millrace'
const faces = dataset('faces', { source: ${source}, columns: ${columns}, eventTime: 'at', key: ['id'] })
const person = features('person', {
  entity: entity('person', { id: t.int() }), from: faces,
  compute: f => ({ face: f.last('face'), before: f.lag('face', 1), n: f.count() }),
  derive: v => ({ known: v.face.isNotNull() }), expect: v => [v.face.nullShare({ max: 0.9 }), v.face.readable()],
})
${more}
export default project('faces', { faces, person })
`

let root = ''
let engine: DataEngine
const run = (...words: string[]): Promise<Said> => inside(root, words)
const define = (source: string, more = ''): void =>
  writeFileSync(join(root, 'millrace.config.ts'), config(source, more))
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-vectors-'))
  mkdirSync(join(root, 'data'))
  engine = await openDuckdb()
})
afterAll(async () => {
  await engine.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

const at = (minute: number): string => `2026-01-01T10:${String(minute).padStart(2, '0')}:00Z`

/** Rows 1 and 2 hold vectors, 3 is null; the others hold what is none. */
const lists = ['[0.1, 2, -3e-5]', '[1e16, -0.5, 1e300]', null]
const wrong = ['[1, 2]', '[1, 2, 3, 4]', '[]', '[1, null, 3]']
const read = [[0.1, 2, -3e-5], [1e16, -0.5, 1e300], null]

const valuesSql = (type: string, cells: readonly (string | null)[]): string => {
  const rows = cells.map(
    (cell, i) => `(${i + 1}, TIMESTAMP '${at(i).slice(0, -1)}', ${cell === null ? 'NULL' : `${cell}::${type}`})`,
  )
  return `SELECT * FROM (VALUES ${rows.join(', ')}) AS v(id, "at", face)`
}
const parquetFile = (type: string, cells: readonly (string | null)[]) =>
  engine.writeParquet(valuesSql(type, cells), join(root, 'data/faces.parquet'))

interface Check {
  readonly id: string
  readonly message: string
  readonly bad: number
  readonly sample?: readonly { readonly id: number; readonly millrace_unreadable: string }[]
}
async function judged(): Promise<{ readonly code: number; readonly schema?: Check; readonly cells?: Check }> {
  const { code, out } = await run('validate', 'faces', '--json')
  const [report] = JSON.parse(out) as [{ readonly checks: readonly Check[] }]
  const of = (id: string): Check | undefined => report.checks.find(one => one.id === id)
  const [schema, cells] = [of('schema'), of('face-readable')]
  return { code, ...(schema ? { schema } : {}), ...(cells ? { cells } : {}) }
}
const told = (check: Check | undefined): string[] => (check?.sample ?? []).map(one => one.millrace_unreadable)

interface Answer {
  readonly features: readonly string[]
  readonly entities: readonly { readonly status: string; readonly values: readonly unknown[] }[]
}
/** The newest vector of each id, by the command line. */
async function served(...ids: readonly number[]): Promise<unknown[]> {
  const { out } = await run(
    'features',
    'get',
    'person',
    ...ids.map(id => `id=${id}`),
    '--at',
    '2026-01-02T00:00:00Z',
    '--json',
  )
  const { features, entities } = JSON.parse(out) as Answer
  return entities.map(one => one.values[features.indexOf('face')])
}
async function prepared(): Promise<void> {
  rmSync(join(root, '.millrace'), { recursive: true, force: true })
  expect((await run('data', 'snapshot', 'faces')).code).toBe(0)
  expect((await run('features', 'materialise')).code).toBe(0)
}
const jsonLine = (face: string, i: number): string => `{"id":${i + 1},"at":"${at(i)}","face":${face}}`
const csvLine = (face: string, i: number): string => `${i + 1},${at(i)},${face === '' ? '' : `"${face}"`}`

describe('a vector is read', () => {
  it.each(['DOUBLE[]', 'DOUBLE[3]'])('from Parquet: %s, and all else is told with what stands there', async type => {
    const bad = type === 'DOUBLE[]' ? [...wrong, "['nan'::DOUBLE, 1, 2]", "['inf'::DOUBLE, 1, 2]"] : ['[1, null, 3]']
    await parquetFile(type, [...lists, ...bad])
    define("parquet('data/faces.parquet')")
    const { code, schema, cells } = await judged()
    expect([code, schema?.bad, cells?.bad]).toEqual([1, 0, bad.length])
    if (bad.length > 1)
      expect(told(cells)).toEqual([
        'face=[1.0, 2.0]',
        'face=[1.0, 2.0, 3.0, 4.0]',
        'face=[]',
        'face=[1.0, NULL, 3.0]',
        'face=[nan, 1.0, 2.0]',
        'face=[inf, 1.0, 2.0]',
      ])
    await parquetFile(type, lists)
    expect((await judged()).code).toBe(0)
    await prepared()
    expect(await served(1, 2, 3)).toEqual(read)
  })

  it('of other numbers as a float is read: exactly, or not at all', async () => {
    define("parquet('data/faces.parquet')")
    await parquetFile('BIGINT[]', ['[9007199254740993, 1, 2]', '[9007199254740992, 1, 2]'])
    expect(told((await judged()).cells)).toEqual(['face=[9007199254740993, 1, 2]'])
    await parquetFile('FLOAT[]', ['[0.1, 1, 2]'])
    await prepared()
    expect(await served(1)).toEqual([[Math.fround(0.1), 1, 2]])
    await parquetFile('VARCHAR[]', ["['a', 'b', 'c']"])
    const { code, schema } = await judged()
    expect([code, schema?.message]).toEqual([1, expect.stringContaining('VARCHAR[]')])
  })

  it('from JSON lines, and from CSV as a JSON text', async () => {
    const bad = [...wrong, '["NaN", 1, 2]', '[1e999, 1, 2]', '"no"', '[[1], 2, 3]', '{"a": 1}']
    for (const [source, file, line, none] of [
      ["json('data/faces.jsonl')", 'faces.jsonl', jsonLine, 'null'],
      ["csv('data/faces.csv')", 'faces.csv', csvLine, ''],
    ] as const) {
      define(source)
      const write = (cells: readonly (string | null)[]): void =>
        writeFileSync(
          join(root, 'data', file),
          `${file.endsWith('csv') ? 'id,at,face\n' : ''}${cells.map((one, i) => line(file.endsWith('csv') ? (one ?? none).replaceAll('"', '""') : (one ?? none), i)).join('\n')}\n`,
        )
      write([...lists, ...bad])
      const { code, cells } = await judged()
      expect([file, code, cells?.bad]).toEqual([file, 1, bad.length])
      expect(told(cells)[0]).toMatch(/^face=\[1, ?2\]$/)
      write(lists)
      await prepared()
      expect(await served(1, 2, 3)).toEqual(read)
    }
  })

  it('from Arrow: lists, and lists of one length', async () => {
    const arrow = await import('apache-arrow')
    const item = new arrow.Field('item', new arrow.Float32(), true)
    for (const type of [new arrow.List(item), new arrow.FixedSizeList(3, item)]) {
      const rows = [[0.5, 2, -3], null, [1, null, 3], ...(arrow.DataType.isList(type) ? [[1, 2]] : [])]
      const write = (faces: readonly unknown[]): void => {
        const ids = faces.map((_, i) => i + 1)
        const table = new arrow.Table({
          id: arrow.vectorFromArray(ids, new arrow.Int32()),
          at: arrow.vectorFromArray(
            ids.map(id => new Date(at(id))),
            new arrow.TimestampMillisecond(),
          ),
          face: arrow.vectorFromArray(faces, type as never),
        } as never)
        writeFileSync(join(root, 'data/faces.arrow'), arrow.tableToIPC(table, 'file'))
      }
      write(rows)
      define("arrow('data/faces.arrow')")
      const { cells } = await judged()
      expect(told(cells)).toEqual(['face=[1, null, 3]', ...(rows.length > 3 ? ['face=[1, 2]'] : [])])
      write(rows.slice(0, 2))
      await prepared()
      expect(await served(1, 2)).toEqual([[0.5, 2, -3], null])
    }
  })

  it('from tables of SQLite, as text, and of DuckDB', async () => {
    const { DatabaseSync } = await import('@photostructure/sqlite')
    const database = new DatabaseSync(join(root, 'data/faces.sqlite'))
    database.exec('CREATE TABLE faces (id INTEGER, at TEXT, face TEXT)')
    const insert = database.prepare('INSERT INTO faces VALUES (?, ?, ?)')
    for (const [i, one] of [...lists, '[1, 2]'].entries()) insert.run(i + 1, at(i), one)
    database.close()
    define("sqlite('data/faces.sqlite', 'faces')")
    expect(told((await judged()).cells)).toEqual(['face=[1, 2]'])
    await engine.execute(
      `ATTACH '${join(root, 'data/faces.db')}' AS faces; CREATE TABLE faces.faces AS ${valuesSql('FLOAT[3]', ['[0.5, 2, -3]', null])}; DETACH faces`,
    )
    define("duckdb('data/faces.db', 'faces')")
    await prepared()
    expect(await served(1, 2)).toEqual([[0.5, 2, -3], null])
  })
})

describe('a vector as a feature', () => {
  let server: Server
  beforeAll(async () => {
    await parquetFile('DOUBLE[]', lists)
    define("parquet('data/faces.parquet')")
    await prepared()
    server = await startUp(root)
  }, 60_000)
  afterAll(() => server?.end())
  const post = async (path: string, body: unknown): Promise<{ status: number; body: never }> => {
    const answer = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: answer.status, body: (await answer.json()) as never }
  }
  const pushed = [0.25, -1e-7, 12345678901234567000]

  it('is pushed as a list, once, and answered as one; another length is refused by name', async () => {
    const rows = [{ id: 4, at: at(30), face: pushed }]
    expect((await post('/v1/datasets/faces:push', { rows })).body).toMatchObject({ accepted: 1, repeated: 0 })
    expect((await post('/v1/datasets/faces:push', { rows })).body).toMatchObject({ accepted: 0, repeated: 1 })
    const wrongOnes = [[1, 2], [1, 2, 3, 4], [], '[1, 2, 3]', 1, { 0: 1 }]
    for (const face of wrongOnes) {
      const { status, body } = await post('/v1/datasets/faces:push', { rows: [{ id: 5, at: at(31), face }] })
      expect([face, status]).toEqual([face, 400])
      if (Array.isArray(face))
        expect(body).toMatchObject({
          details: { column: 'face', reason: `expected a list of 3 finite numbers, got a list of ${face.length}` },
        })
    }
    const { body } = await post('/v1/features/person:get', {
      entities: [{ id: 1 }, { id: 4 }, { id: 9 }],
      asOf: '2026-01-02T00:00:00Z',
    })
    expect(body).toMatchObject({
      features: ['face', 'before', 'n', 'known'],
      entities: [
        { status: 'present', values: [read[0], null, 1, true] },
        { status: 'present', values: [pushed, null, 1, true] },
        { status: 'missing', values: [null, null, 0, false] },
      ],
    })
  })

  it('is read and pushed by clients of Feast as a list', async () => {
    const df = { id: [4], at: [at(40)], face: [[7, 8, 9]] }
    expect((await post('/push', { push_source_name: 'faces', df, to: 'online_and_offline' })).status).toBe(200)
    const { body } = await post('/get-online-features', {
      entities: { id: [1, 2, 4, 9] },
      features: ['person:face'],
    })
    expect(body).toMatchObject({
      results: [
        {},
        { values: [read[0], read[1], [7, 8, 9], null], statuses: ['PRESENT', 'PRESENT', 'PRESENT', 'NOT_FOUND'] },
      ],
    })
  })

  it('is the same online and offline, of files and of what was pushed', async () => {
    const { code, out } = await run('features', 'verify')
    expect([code, out]).toEqual([0, expect.stringContaining('0 differ')])
  })

  it('is exported as a list to Parquet, and as its JSON to CSV; labels keep theirs', async () => {
    await engine.writeParquet(
      `SELECT id, TIMESTAMP '2026-01-01 10:35:00' AS "at", [1.5, 2.5, 3.5]::DOUBLE[] AS face FROM (VALUES (1), (2), (4), (9)) AS v(id)`,
      join(root, 'labels.parquet'),
    )
    const done = await run('features', 'export', 'person', '--labels', 'labels.parquet', '--out', 'out.parquet')
    expect(done).toMatchObject({ code: 0 })
    const described = await engine.rows(`DESCRIBE SELECT * FROM '${join(root, 'out.parquet')}'`)
    expect(described.map(one => [one.column_name, one.column_type])).toEqual([
      ['id', 'BIGINT'],
      ['at', 'TIMESTAMP'],
      ['face', 'DOUBLE[]'],
      ['person.face', 'DOUBLE[]'],
      ['person.before', 'DOUBLE[]'],
      ['person.n', 'BIGINT'],
      ['person.known', 'BOOLEAN'],
    ])
    const rows = await engine.rows(
      `SELECT to_json("person.face")::VARCHAR AS face, to_json(face)::VARCHAR AS own FROM '${join(root, 'out.parquet')}'`,
    )
    const parsed = (text: unknown): unknown => (text === null ? null : JSON.parse(String(text)))
    expect(rows.map(one => parsed(one.face))).toEqual([read[0], read[1], pushed, null])
    expect(parsed(rows[0]?.own)).toEqual([1.5, 2.5, 3.5])
    await run('features', 'export', 'person', '--labels', 'labels.parquet', '--out', 'out.csv')
    const [, first = ''] = readFileSync(join(root, 'out.csv'), 'utf8').split('\n')
    expect(first).toContain('"[0.1, 2.0, -3e-05]"')
  })

  it('is printed short by the command line', async () => {
    const said = await run('features', 'get', 'person', 'id=1', '--at', '2026-01-02T00:00:00Z')
    expect(said.out).toContain('[0.1, 2, -0.00003]')
  })
})

it.each([
  [
    'an aggregate of it',
    'features',
    "features('p', { entity: entity('id', { id: t.int() }), from: faces, compute: f => ({ x: f.mean('face') }) })",
    'mean',
  ],
  [
    'counting different ones',
    'features',
    "features('p', { entity: entity('id', { id: t.int() }), from: faces, compute: f => ({ x: f.distinct('face') }) })",
    'distinct',
  ],
  [
    'an input of a model',
    'model',
    "model('m', { task: 'regression', from: faces, label: c => c.id, inputs: c => ({ x: c.face }), split: { by: 'hash', of: c => c.id, test: 0.2 }, train: gbt({ trees: 5 }) })",
    'reads a vector',
  ],
  [
    'whether it is null, in a model',
    'model',
    "model('m', { task: 'regression', from: faces, label: c => c.id, inputs: c => ({ x: c.face.isNull() }), split: { by: 'hash', of: c => c.id, test: 0.2 }, train: gbt({ trees: 5 }) })",
    'reads a vector',
  ],
  [
    'a key of rows',
    'dataset',
    `dataset('d', { source: parquet('x'), columns: ${columns}, key: ['face'] })`,
    'is a vector',
  ],
  [
    'a key of features',
    'features',
    "features('p', { entity: entity('face', { face: t.vector(3) }), from: faces, compute: f => ({ n: f.count() }) })",
    'is a vector',
  ],
  [
    'a comparison',
    'dataset',
    `dataset('d', { source: parquet('x'), columns: ${columns}, expect: c => [c.face.expr.eq(c.face.expr)] })`,
    'a value that is compared',
  ],
  ['no length', 't.vector', 't.vector()', 'length'],
  ['a length of none', 't.vector', 't.vector(0)', '1'],
  ['a length of too many', 't.vector', 't.vector(16385)', '16384'],
])('%s is refused when it is loaded', async (_, __, more, word) => {
  define("parquet('data/faces.parquet')", `export const more = ${more}`)
  refused(await run('validate', 'faces'), 2, 'MR10', word)
})
