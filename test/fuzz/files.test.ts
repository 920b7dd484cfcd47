import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as arrow from 'apache-arrow'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDuckdb } from '../../src/adapters/data/duckdb/engine.ts'
import { runs } from './edges.ts'
import { inChild, type Outcome, type Task } from './in-child.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-fuzz-files-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const typed = { x: 'int', f: 'float', s: 'text', b: 'bool', t: 'timestamp' } as const
const select = (n: number) =>
  `SELECT range AS x, range * 0.5::DOUBLE AS f, CASE WHEN range % 64 = 0 THEN NULL ELSE 'text ' || (range % 100) END AS s, range % 3 = 0 AS b, make_timestamp(978307200000000 + range * 1000000) AS t FROM range(${n})`

/** Places in a file and bits to turn there: half of them in its last part, where formats keep what they say of the rest. */
const flips = (bytes: Buffer, tail: number) => {
  const { numRuns, seed } = runs(30)
  const at = fc.oneof(
    fc.integer({ min: 0, max: bytes.length - 1 }),
    fc.integer({ min: bytes.length - tail, max: bytes.length - 1 }),
  )
  return fc.sample(fc.tuple(at, fc.integer({ min: 0, max: 7 })), { numRuns, seed })
}

beforeAll(async () => {
  const engine = await openDuckdb()
  for (const codec of ['zstd', 'snappy', 'uncompressed'])
    await engine.execute(
      `COPY (${select(5000)}) TO '${join(root, codec)}.parquet' (FORMAT parquet, COMPRESSION ${codec}, ROW_GROUP_SIZE 2048)`,
    )
  const parquet = async (name: string, sql: string) =>
    engine.execute(`COPY (${sql}) TO '${join(root, name)}' (FORMAT parquet)`)
  await parquet('empty.parquet', `${select(1)} WHERE false`)
  await parquet('mixed-1.parquet', 'SELECT 1::BIGINT AS x, 2::DOUBLE AS f')
  await parquet('mixed-2.parquet', "SELECT 'one' AS x, 'two' AS f")
  await parquet('other-1.parquet', 'SELECT 1::BIGINT AS x')
  await parquet('other-2.parquet', 'SELECT 2::INTEGER AS X, true AS y')
  const deep = (n: number) => `${'['.repeat(n)}1${']'.repeat(n)}`
  await parquet('lists.parquet', `SELECT range AS x, ${deep(100)} AS s FROM range(10)`)
  await parquet('structs.parquet', `SELECT range AS x, ${"{'a': ".repeat(100)}1${'}'.repeat(100)} AS s FROM range(10)`)
  await parquet(
    'names.parquet',
    `SELECT range AS x, 1 AS "${'n'.repeat(5000)}", 2 AS "it's ""so""", 3 AS "a, b" FROM range(10)`,
  )
  await engine.close()
  const table = arrow.tableFromArrays({
    x: Int32Array.from({ length: 500 }, (_, n) => n),
    f: Float64Array.from({ length: 500 }, (_, n) => n / 2),
    s: Array.from({ length: 500 }, (_, n) => `text ${n % 7}`),
  })
  writeFileSync(join(root, 'whole.arrow'), arrow.tableToIPC(table, 'file'))
})

describe('a Parquet file with a bit turned', () => {
  test.each(['zstd', 'snappy', 'uncompressed'])(
    'is the same, other rows as they are read, or an error: %s',
    async codec => {
      const whole = readFileSync(join(root, `${codec}.parquet`))
      const footer = whole.readUInt32LE(whole.length - 8) + 8
      const tasks: Task[] = [{ name: 'whole', file: `${codec}.parquet`, kind: 'parquet', columns: typed, again: true }]
      for (const [at, bit] of flips(whole, footer)) {
        const bytes = Buffer.from(whole)
        bytes[at] = (bytes[at] as number) ^ (1 << bit)
        const file = `${codec}-${at}-${bit}.parquet`
        writeFileSync(join(root, file), bytes)
        tasks.push({ name: file, file, kind: 'parquet', columns: typed, again: true })
      }
      const found = await inChild(root, tasks, 100_000)
      expect(found.get('whole')).toMatchObject({ rows: 5000, again: { n: 5000, c2: 79 } })
      for (const [name, one] of found) {
        if (one.error) continue
        // a look that takes nothing from the file's metadata finds as many rows
        if (one.again) expect([name, one.rows]).toEqual([name, Number(one.again['n'])])
        else expect(one.status, name).toBe('error')
        expect(one.checks?.['unique']?.[0] === 'pass' ? one.checks['unique'][1] : one.rows, name).toBe(one.rows)
      }
    },
  )

  test('in the number of rows that its footer states is an error', async () => {
    const bytes = readFileSync(join(root, 'uncompressed.parquet'))
    // 5000 as Thrift writes it, after the mark of its field
    const at = bytes.lastIndexOf(Buffer.from([0x16, 0x90, 0x4e]))
    expect(at).toBeGreaterThan(0)
    bytes[at + 2] = 0x4f
    writeFileSync(join(root, 'stated.parquet'), bytes)
    const task: Task = { name: 'stated', file: 'stated.parquet', kind: 'parquet', columns: typed }
    const found = await inChild(root, [task], 30_000)
    expect(found.get('stated')?.error?.message).toMatch(
      /its footer contradicts itself: 5064 rows in all, 5000 in its row groups/,
    )
  })

  test('or cut short is an error', async () => {
    const whole = readFileSync(join(root, 'zstd.parquet'))
    const lengths = fc.sample(fc.integer({ min: 0, max: whole.length - 1 }), runs(20))
    const tasks = lengths.map((length): Task => {
      writeFileSync(join(root, `cut-${length}.parquet`), whole.subarray(0, length))
      return { name: `cut-${length}`, file: `cut-${length}.parquet`, kind: 'parquet', columns: typed }
    })
    for (const [name, one] of await inChild(root, tasks, 60_000))
      expect([name, one.error?.code]).toEqual([name, 'MR2002'])
  })

  test('of any shape has its rows judged, or says what cannot be', async () => {
    const task = (name: string, columns: Task['columns'] = { x: 'int' }): Task => ({
      name,
      file: name,
      kind: 'parquet',
      columns,
    })
    const found = await inChild(
      root,
      [
        task('empty.parquet', typed),
        task('mixed-*.parquet', { x: 'int', f: 'float' }),
        task('other-*.parquet'),
        task('lists.parquet', { x: 'int', s: 'text' }),
        task('structs.parquet'),
        task('names.parquet', { x: 'int', ['n'.repeat(5000)]: 'int', 'it\'s "so"': 'int', 'a, b': 'int' }),
      ],
      60_000,
    )
    expect(found.get('empty.parquet')).toMatchObject({ rows: 0, status: 'fail' })
    const mixed = found.get('mixed-*.parquet') as Outcome
    expect(mixed.error?.code ?? mixed.status).toMatch(/MR2002|error/)
    // x and X: no engine tells them apart
    expect(found.get('other-*.parquet')?.error?.code).toBe('MR2002')
    expect(found.get('lists.parquet')).toMatchObject({ rows: 10, status: 'error' })
    expect(found.get('structs.parquet')).toMatchObject({ rows: 10, status: 'pass' })
    expect(found.get('names.parquet')).toMatchObject({ rows: 10, status: 'pass' })
  })
})

describe('an Arrow file with a bit turned or cut short', () => {
  test('is judged row by row or is an error', async () => {
    const whole = readFileSync(join(root, 'whole.arrow'))
    const columns = { x: 'int', f: 'float', s: 'text' } as const
    const tasks: Task[] = [{ name: 'whole', file: 'whole.arrow', kind: 'arrow', columns }]
    for (const [at, bit] of flips(whole, 600)) {
      const bytes = Buffer.from(whole)
      bytes[at] = (bytes[at] as number) ^ (1 << bit)
      writeFileSync(join(root, `${at}-${bit}.arrow`), bytes)
      tasks.push({ name: `flip ${at} ${bit}`, file: `${at}-${bit}.arrow`, kind: 'arrow', columns })
    }
    for (const length of fc.sample(fc.integer({ min: 0, max: whole.length - 1 }), runs(20))) {
      writeFileSync(join(root, `cut-${length}.arrow`), whole.subarray(0, length))
      tasks.push({ name: `cut ${length}`, file: `cut-${length}.arrow`, kind: 'arrow', columns })
    }
    const found = await inChild(root, tasks, 100_000)
    expect(found.get('whole')).toMatchObject({ rows: 500, status: 'pass' })
    for (const [name, one] of found)
      if (name.startsWith('cut') && !one.error) expect([name, one.rows]).toEqual([name, 500])
  })
})
