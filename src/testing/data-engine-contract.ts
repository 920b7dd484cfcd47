import assert from 'node:assert/strict'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Column, DataEngine } from '../ports/data-engine.ts'
import { type ContractCase, type Skips, withSkips } from './contract.ts'

const many = 200_000

/** One column of every type with what is hard in it; nulls keep whatever value stands beneath them. */
const hard: readonly Column[] = [
  {
    name: 'big',
    type: 'int',
    values: BigInt64Array.of(9007199254740993n, -9007199254740993n, 9223372036854775807n, -9223372036854775808n, 0n),
    nulls: Uint8Array.of(0, 0, 0, 0, 1),
  },
  {
    name: 'real',
    type: 'float',
    values: Float64Array.of(Number.NaN, -0, Number.POSITIVE_INFINITY, 5e-324, 0.1),
    nulls: Uint8Array.of(0, 0, 0, 0, 1),
  },
  {
    name: 'words "quoted"',
    type: 'text',
    values: ['', "it's", 'Ünïcödé 🐟', 'two\nlines', ''],
    nulls: Uint8Array.of(0, 0, 0, 0, 1),
  },
  { name: 'yes', type: 'bool', values: Uint8Array.of(1, 0, 1, 0, 0), nulls: Uint8Array.of(0, 0, 0, 0, 1) },
  {
    name: 'moment',
    type: 'timestamp',
    values: BigInt64Array.of(-1n, 0n, 1_000_001n, 4_102_444_800_000_000n, 0n),
    nulls: Uint8Array.of(0, 0, 0, 0, 1),
  },
  { name: 'place', type: 'int', values: BigInt64Array.of(0n, 1n, 2n, 3n, 4n) },
]

const numbers: readonly Column[] = [
  { name: 'n', type: 'int', values: BigInt64Array.from({ length: many }, (_, i) => BigInt(i)) },
  { name: 'half', type: 'float', values: Float64Array.from({ length: many }, (_, i) => i / 2) },
]

function assertSame(found: ReadonlyMap<string, Column>, given: readonly Column[]): void {
  assert.deepEqual(
    [...found.keys()],
    given.map(column => column.name),
  )
  for (const column of given) {
    const back = found.get(column.name) as Column
    assert.equal(back.type, column.type, column.name)
    assert.equal(back.values.constructor, column.values.constructor, column.name)
    assert.equal(back.values.length, column.values.length, column.name)
    for (let i = 0; i < column.values.length; i++) {
      const isNull = column.nulls?.[i] === 1
      assert.equal(back.nulls?.[i] === 1, isNull, `null of ${column.name} at ${i}`)
      if (!isNull) assert.ok(Object.is(back.values[i], column.values[i]), `${column.name} at ${i}: ${back.values[i]}`)
    }
  }
}

const catalogued =
  (code: string) =>
  (error: { code?: string; message?: string }): boolean => {
    assert.equal(error.code, code, error.message)
    return true
  }

/** What every data engine must do. `open` gives a fresh engine, which the case closes. */
export function dataEngineContract(open: () => Promise<DataEngine>, skips?: Skips): readonly ContractCase[] {
  const given = (name: string, look: (engine: DataEngine, folder: string) => Promise<void>): ContractCase => ({
    name,
    async run() {
      const folder = await mkdtemp(join(tmpdir(), 'millrace-contract-'))
      const engine = await open()
      try {
        await look(engine, folder)
      } finally {
        await engine.close()
        await rm(folder, { recursive: true, force: true })
      }
    },
  })
  const ordered = (engine: DataEngine, table: string, by: string): string =>
    `SELECT * FROM ${table} ORDER BY ${engine.dialect.identifier(by)}`

  const cases = [
    given('a stream owns its connection: other queries, and other streams, never end it early', async engine => {
      const { sql } = await engine.load('numbers', numbers)
      const query = ordered(engine, sql, 'n')
      let [at, beside] = [0, 0]
      const other = engine.stream(query)[Symbol.asyncIterator]()
      for await (const batch of engine.stream(query)) {
        for (const value of (batch.get('n') as Column).values) assert.equal(value, BigInt(at++))
        await engine.rows(`SELECT count(*) AS c FROM ${sql}`)
        const step = await other.next()
        if (step.done !== true) beside += (step.value.get('n') as Column).values.length
      }
      for (let step = await other.next(); step.done !== true; step = await other.next())
        beside += (step.value.get('n') as Column).values.length
      assert.deepEqual([at, beside], [many, many])
    }),

    given('a stream that nobody reads to its end lets go', async engine => {
      const { sql } = await engine.load('numbers', numbers)
      for (let i = 0; i < 20; i++) {
        for await (const batch of engine.stream(ordered(engine, sql, 'n'))) {
          assert.equal((batch.get('n') as Column).values[0], 0n)
          break
        }
      }
      assert.deepEqual(await engine.rows(`SELECT count(*) AS c FROM ${sql}`), [{ c: many }])
    }),

    given("a user's query may be one SELECT over its relation, and nothing else", async engine => {
      for (const query of ['SELECT * FROM rows', 'WITH x AS (SELECT 1 AS a) SELECT * FROM rows, x -- all'])
        assert.equal(await engine.refusal(query, 'rows'), undefined, query)
      for (const query of [
        'SELECT * FROM other',
        'DROP TABLE rows',
        'SELECT 1; SELECT 2',
        'SELECT 1) x; SELECT (2',
        '',
      ])
        assert.equal(typeof (await engine.refusal(query, 'rows')), 'string', query)
    }),

    given('a statement that takes longer than its limit is ended, and the engine goes on', async engine => {
      const { sql } = await engine.load('numbers', numbers)
      const endless = `CREATE TABLE endless AS SELECT a.n FROM ${sql} a, ${sql} b, ${sql} c WHERE a.n + b.n + c.n < 0`
      await assert.rejects(engine.execute(endless, { timeoutMicros: 200_000 }), catalogued('MR2003'))
      await engine.execute('SELECT 1', { timeoutMicros: 60_000_000 })
      assert.deepEqual(await engine.rows('SELECT 1 AS one'), [{ one: 1 }])
    }),

    given('a stream that fails says so in catalogued words, and the engine goes on', async engine => {
      const read = async (): Promise<void> => {
        for await (const batch of engine.stream('SELECT nothing FROM nowhere')) assert.fail(String(batch.size))
      }
      await assert.rejects(read, catalogued('MR2003'))
      assert.deepEqual(await engine.rows('SELECT 1 AS one'), [{ one: 1 }])
    }),

    given(
      'typed columns come back to the bit: nulls, NaN, −0, int64 beyond 2^53, empty text, moments',
      async engine => {
        const { sql } = await engine.load('hard', hard)
        assertSame(await engine.columns(ordered(engine, sql, 'place')), hard)
      },
    ),

    given('and so they do through a Parquet file', async (engine, folder) => {
      const { sql } = await engine.load('hard', hard)
      const path = join(folder, 'hard.parquet')
      assert.equal(await engine.writeParquet(ordered(engine, sql, 'place'), path), 5)
      const back = await engine.scan({ kind: 'parquet', path: 'hard.parquet' }, folder)
      assertSame(await engine.columns(`SELECT * FROM ${back.sql}`), hard)
      const described = await engine.describe(back)
      assert.deepEqual(
        described.map(column => [column.name, column.type]),
        hard.map(column => [column.name, column.type]),
      )
    }),

    given(
      'takes just the files that are named, and knows their rows and nulls without a look where it can',
      async (engine, folder) => {
        const { sql } = await engine.load('hard', hard)
        const files = ['a', 'b', 'c'].map(name => join(folder, `${name}.parquet`))
        for (const file of files) await engine.writeParquet(`SELECT * FROM ${sql}`, file)
        const two = await engine.scan({ kind: 'parquet', path: '*.parquet' }, folder, files.slice(0, 2))
        assert.deepEqual(await engine.rows(`SELECT count(*) AS c FROM ${two.sql}`), [{ c: 10 }])
        const footer = await engine.footer?.(files)
        if (footer === undefined) return
        assert.equal(footer.rows, 15)
        for (const [name, nulls] of footer.nulls) assert.equal(nulls, name === 'place' ? 0 : 3, name)
      },
    ),

    given('rows hold numbers where they are exact, bigint where they are not, and null for null', async engine => {
      const { sql } = await engine.load('hard', hard)
      const rows = await engine.rows(ordered(engine, sql, 'place'))
      assert.equal(rows[0]?.big, 9007199254740993n)
      assert.equal(rows[0]?.moment, -1)
      assert.ok(Number.isNaN(rows[0]?.real))
      assert.equal(rows[1]?.yes, false)
      assert.deepEqual(Object.values(rows[4] ?? {}), [null, null, null, null, null, 4])
    }),

    given('a result without rows still has its columns and types', async engine => {
      const { sql } = await engine.load('hard', hard)
      const none = await engine.columns(`SELECT * FROM ${sql} WHERE 1 = 0`)
      assert.deepEqual(
        [...none.values()].map(column => [column.name, column.type, column.values.length]),
        hard.map(column => [column.name, column.type, 0]),
      )
      assert.deepEqual(await engine.rows(`SELECT * FROM ${sql} WHERE 1 = 0`), [])
    }),

    given('rows keep their order from load to file and back, with their number in the file', async (engine, folder) => {
      const { sql } = await engine.load('numbers', numbers)
      await engine.writeParquet(`SELECT * FROM ${sql} ORDER BY half DESC`, join(folder, 'down.parquet'))
      const source = { kind: 'parquet', path: 'down.parquet', rowNumber: 'at row' } as const
      const back = await engine.scan(source, folder)
      const found = await engine.columns(`SELECT * FROM ${back.sql}`)
      const [n, at] = [found.get('n')?.values, found.get('at row')?.values]
      assert.equal(n?.length, many)
      for (let i = 0; i < many; i++) {
        assert.equal(n[i], BigInt(many - 1 - i))
        assert.equal(at?.[i], BigInt(i))
      }
    }),

    given('load replaces the table of that name, and takes no rows as well as many', async engine => {
      const first = await engine.load('again', numbers)
      const none = numbers.map(column => ({ ...column, values: column.values.slice(0, 0) }) as Column)
      const second = await engine.load('again', none)
      assert.equal(second.sql, first.sql)
      assert.deepEqual(await engine.rows(`SELECT count(*) AS c FROM ${second.sql}`), [{ c: 0 }])
    }),

    given('a Parquet file appears whole or not at all', async (engine, folder) => {
      const { sql } = await engine.load('numbers', numbers)
      const path = join(folder, 'kept.parquet')
      await engine.writeParquet(`SELECT * FROM ${sql}`, path)
      const before = await readFile(path)
      const { identifier, literal, cast } = engine.dialect
      // Fails at the last row, when most of the file is written
      const late = `SELECT ${cast(`CASE WHEN ${identifier('n')} = ${many - 1} THEN ${literal('no number', 'text')} ELSE ${literal('1', 'text')} END`, 'int')} AS x FROM ${sql}`
      await assert.rejects(engine.writeParquet(late, path), (error: { code?: string }) =>
        /^MR2\d{3}$/.test(error.code ?? ''),
      )
      assert.deepEqual(await readFile(path), before)
      assert.deepEqual(await readdir(folder), ['kept.parquet'])
    }),

    given('queries at the same time do not disturb each other', async engine => {
      const { sql } = await engine.load('numbers', numbers)
      const counts = await Promise.all(
        Array.from({ length: 12 }, (_, i) => engine.rows(`SELECT count(*) AS c FROM ${sql} WHERE n < ${i * 1000}`)),
      )
      assert.deepEqual(
        counts.map(rows => rows[0]?.c),
        Array.from({ length: 12 }, (_, i) => i * 1000),
      )
    }),

    given('lines of text that are no rows are told by number, and the others are rows', async (engine, folder) => {
      await writeFile(join(folder, 'broken.csv'), `a,b\n${'1,2\n'.repeat(40)}1,2,3,4\n5\n"6","x\ny"\n`)
      const { sql, text, rows } = await engine.scan({ kind: 'csv', path: 'broken.csv' }, folder)
      assert.deepEqual(
        text?.unreadable.map(line => [line.file, line.line]),
        [
          [0, 42],
          [0, 43],
        ],
      )
      assert.equal(rows, 41)
      const [last] = await engine.rows(`SELECT count(*) AS n, max(b) AS b FROM ${sql}`)
      assert.deepEqual([Number(last?.n), last?.b], [41, 'x\ny'])
      await writeFile(join(folder, 'lines.jsonl'), '{"a":1}\n{"a":\n[1]\n{"a":"x","b":{"c":2}}\n')
      const json = await engine.scan({ kind: 'json', path: 'lines.jsonl' }, folder)
      assert.deepEqual(
        json.text?.unreadable.map(line => line.line),
        [2, 3],
      )
      assert.deepEqual(await engine.rows(`SELECT a, b FROM ${json.sql}`), [
        { a: '1', b: null },
        { a: 'x', b: '{"c":2}' },
      ])
    }),

    given(
      'tells the parts of a moment as a calendar has them, Monday as 1 and Sunday as 7, also by the clocks of a zone',
      async engine => {
        const { dialect } = engine
        const [minute, offset] = [60_000, 330 * 60_000]
        // Each day of nine days around the end of a leap year's February, and of 1969 and 2100; an odd minute before midnight in UTC
        const days = [Date.UTC(2028, 1, 25), Date.UTC(1969, 11, 28), Date.UTC(2100, 1, 25)]
        const moments = days.flatMap(day => Array.from({ length: 9 }, (_, i) => day + i * 1_440 * minute - 17 * minute))
        const { sql } = await engine.load('moments', [
          { name: 'n', type: 'int', values: BigInt64Array.from(moments, (_, i) => BigInt(i)) },
          { name: 'at', type: 'timestamp', values: BigInt64Array.from(moments, ms => BigInt(ms) * 1_000n) },
        ])
        const parts = {
          year: (at: Date) => at.getUTCFullYear(),
          month: (at: Date) => at.getUTCMonth() + 1,
          day: (at: Date) => at.getUTCDate(),
          hour: (at: Date) => at.getUTCHours(),
          minute: (at: Date) => at.getUTCMinutes(),
          dayOfWeek: (at: Date) => at.getUTCDay() || 7,
        } as const
        // That zone has stood five and a half hours ahead, all the year, in all of these years
        for (const [zone, ahead] of [
          ['UTC', 0],
          ['Asia/Kolkata', offset],
        ] as const)
          for (const [part, read] of Object.entries(parts)) {
            const told = dialect.datePart(part as keyof typeof parts, dialect.identifier('at'), zone)
            const rows = await engine.rows(`SELECT ${told} AS part FROM ${sql} ORDER BY ${dialect.identifier('n')}`)
            assert.deepEqual(
              rows.map(row => Number(row.part)),
              moments.map(ms => read(new Date(ms + ahead))),
              `${part} in ${zone}`,
            )
          }
      },
    ),

    given(
      'what it refuses is catalogued: a wrong query, a file that is missing, broken or cut short',
      async (engine, folder) => {
        await assert.rejects(engine.rows('SELEKT 1'), catalogued('MR2003'))
        await assert.rejects(engine.execute('DROP TABLE nowhere'), catalogued('MR2003'))
        const scanned = (path: string, kind: 'parquet' | 'csv'): Promise<unknown> =>
          engine.scan({ kind, path }, folder).then(({ sql }) => engine.columns(`SELECT * FROM ${sql}`))
        await assert.rejects(scanned('none.parquet', 'parquet'), catalogued('MR2002'))
        const { sql } = await engine.load('numbers', numbers)
        await engine.writeParquet(`SELECT * FROM ${sql}`, join(folder, 'whole.parquet'))
        const whole = await readFile(join(folder, 'whole.parquet'))
        for (const part of [0, 3, 40, whole.length >> 1, whole.length - 1]) {
          await writeFile(join(folder, 'cut.parquet'), whole.subarray(0, part))
          await assert.rejects(scanned('cut.parquet', 'parquet'), catalogued('MR2002'), `cut to ${part} bytes`)
        }
      },
    ),

    given('after it was closed it says so', async engine => {
      await engine.close()
      await assert.rejects(engine.rows('SELECT 1'), catalogued('MR2004'))
      const read = async (): Promise<void> => {
        for await (const batch of engine.stream('SELECT 1 AS one')) assert.fail(String(batch.size))
      }
      await assert.rejects(read, catalogued('MR2004'))
    }),
  ]
  return withSkips(cases, skips)
}
