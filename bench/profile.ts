// Claims: the profile of three million flights, whole process, within 3 s on a quiet machine with two cores, and under 1 GB; and
// that of 10 M rows × 21 columns under 1 GB. Beside it, as a floor, the same process with nothing to profile, and DuckDB's
// own SUMMARIZE of the flights, which tells much less and estimates its quantiles and distinct values.
// Run: npm run build && npx jiti bench/profile.ts

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

const flights = resolve('node_modules/vega-datasets/data/flights-3m.parquet')
const bin = resolve('dist/cli/bin.js')
const root = mkdtempSync(join(tmpdir(), 'millrace-bench-'))

interface Run {
  readonly wall: number
  readonly cpu: number
  readonly mb: number
}

/** One whole process, by the operating system's own accounting. */
function run(...args: readonly string[]): Run {
  const made = spawnSync('/usr/bin/time', ['-f', '\n%e %U %S %M', process.execPath, ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (made.status !== 0) throw new Error(made.stderr)
  const [wall = NaN, user = NaN, system = NaN, kilobytes = NaN] = (made.stderr.trim().split('\n').at(-1) ?? '')
    .split(' ')
    .map(Number)
  return { wall, cpu: user + system, mb: kilobytes / 1000 }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

function line(what: string, times: number, ...args: readonly string[]): Run {
  const runs = Array.from({ length: times }, () => run(...args))
  const middle = {
    wall: median(runs.map(one => one.wall)),
    cpu: median(runs.map(one => one.cpu)),
    mb: median(runs.map(one => one.mb)),
  }
  console.log(
    `${what.padEnd(44)} ${middle.wall.toFixed(2)} s   ${middle.cpu.toFixed(2)} CPU s   ${middle.mb.toFixed(0)} MB`,
  )
  return middle
}

const small = join(root, 'small.csv')
writeFileSync(small, 'a\n1\n')
line('one row', 3, bin, 'profile', small)
const whole = line('three million flights', 5, bin, 'profile', flights)
const summarize = join(root, 'summarize.mjs')
writeFileSync(
  summarize,
  `import { DuckDBInstance } from ${JSON.stringify(import.meta.resolve('@duckdb/node-api'))}
const connection = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect()
await connection.runAndReadAll("SUMMARIZE FROM read_parquet('${flights}')")
process.exit(0)
`,
)
const floor = line('SUMMARIZE of the flights', 5, summarize)
console.log(
  `ratio to SUMMARIZE: ${(whole.wall / floor.wall).toFixed(1)} wall, ${(whole.cpu / floor.cpu).toFixed(1)} CPU`,
)

const connection = await (await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '2GB' })).connect()
await connection.run(`COPY (FROM read_parquet('${flights}')) TO '${join(root, 'flights.csv')}' (FORMAT csv)`)
line('three million flights as CSV', 3, bin, 'profile', join(root, 'flights.csv'))
const cells = Array.from({ length: 7 }, (_, k) =>
  k % 2 === 0
    ? `(hash(range * ${k + 3}) % 1000000007) / 1000000007.0::DOUBLE AS n${k}, (hash(range + ${k}) % 90000000)::BIGINT AS k${k}, 'v-' || (hash(range * ${k + 11}) % 50000000) AS s${k}`
    : `(hash(range) % ${50 + k})::DOUBLE / 100 AS n${k}, (hash(range * 7) % ${300 + k})::BIGINT AS k${k}, 'c-' || (hash(range * 5) % ${20 + k}) AS s${k}`,
).join(', ')
const wide = join(root, 'wide.parquet')
await connection.run(`COPY (SELECT ${cells} FROM range(10000000)) TO '${wide}' (FORMAT parquet)`)
connection.closeSync()
line('10 M rows × 21 columns', 1, bin, 'profile', wide)
rmSync(root, { recursive: true })
