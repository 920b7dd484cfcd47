// Claims: fourteen checks of single columns that hold on three million flights in PostgreSQL, and the nine that stand by
// themselves, are judged where the table stands in a fifth of the time and a third of the memory that reading its rows
// takes; where a check needs rows they are read at once, at no more cost than before.
// Run: npm run build && MILLRACE_TEST_POSTGRES=postgres://… npx jiti bench/tables.ts   (scripts/peers/postgres.sh has a server)

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import pg from 'pg'

const server = process.env['MILLRACE_TEST_POSTGRES']
if (!server) throw new Error('MILLRACE_TEST_POSTGRES holds no address of a PostgreSQL')
const flights = resolve('node_modules/vega-datasets/data/flights-3m.parquet')
const root = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const table = 'millrace_bench_flights'
const repeats = 3

const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '2GB' })
const connection = await instance.connect()
await connection.run(
  `COPY (FROM read_parquet('${flights}')) TO '${join(root, 'flights.csv')}' (FORMAT csv, HEADER false)`,
)
connection.closeSync()
instance.closeSync()
const client = new pg.Client({ connectionString: server })
await client.connect()
await client.query(
  `drop table if exists ${table}; create table ${table} (date timestamp, delay smallint, distance smallint, origin text, destination text)`,
)
const copied = spawnSync('psql', [server, '-q', '-c', `\\copy ${table} from '${join(root, 'flights.csv')}' csv`], {
  encoding: 'utf8',
})
if (copied.status !== 0) throw new Error(copied.stderr || String(copied.error))
await client.query(`vacuum analyze ${table}`)

interface Run {
  readonly wall: number
  readonly mb: number
  readonly says: { readonly status: string; readonly checks: number; readonly steps: readonly string[] }
}

/** One whole process, by the operating system's own accounting. */
function run(...how: readonly string[]): Run {
  const made = spawnSync(
    '/usr/bin/time',
    ['-f', '\n%e %M', process.execPath, 'bench/tables-process.mjs', table, ...how],
    {
      encoding: 'utf8',
    },
  )
  const [wall = NaN, kilobytes = NaN] = made.stderr.trim().split('\n').at(-1)?.split(' ').map(Number) ?? []
  if (Number.isNaN(wall) || made.status !== 0) throw new Error(made.stderr)
  return { wall, mb: kilobytes / 1000, says: JSON.parse(made.stdout) as Run['says'] }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

function measure(what: string, ...how: readonly string[]): { wall: number; mb: number } {
  const runs = Array.from({ length: repeats }, () => run(...how))
  const [wall, mb] = [median(runs.map(one => one.wall)), median(runs.map(one => one.mb))]
  const { status, checks, steps } = (runs[0] as Run).says
  console.log(
    `${what.padEnd(44)} ${wall.toFixed(2)} s   ${mb.toFixed(0)} MB   ${checks} checks ${status}: ${steps.join(', ')}`,
  )
  return { wall, mb }
}

try {
  const read = measure('rows read through a cursor', 'read')
  const counted = measure('counted in place', 'count')
  const all = measure('read where one check needs rows', 'read', 'unique')
  const both = measure('counted where it can be, with the same check', 'count', 'unique')
  const ratio = (a: number, b: number) => (a / b).toFixed(2)
  console.log(`in place to read: ${ratio(counted.wall, read.wall)} wall, ${ratio(counted.mb, read.mb)} memory`)
  console.log(`with a check that needs rows: ${ratio(both.wall, all.wall)} wall, ${ratio(both.mb, all.mb)} memory`)
} finally {
  await client.query(`drop table ${table}`)
  await client.end()
  rmSync(root, { recursive: true })
}
