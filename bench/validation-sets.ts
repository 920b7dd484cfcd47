// Claim: on sets of checks that the planner was not made for, `--no-rows` takes at most 1.5 times a floor written by hand,
// and keeping failing rows at most 2.5 times, within 500 MB; and `--no-rows` is faster than Pandera on polars.
// The floor counts the values of the columns with few of them, hashes each set of columns whose uniqueness is asked, takes
// each order that is asked for once, and looks at the rest once. It judges nothing.
// Pandera is asked the same by bench/peers/validation_sets_pandera.py, where its environment was made:
// scripts/interop-venv.sh expectations. It keeps no rows and numbers none.
// Run: npm run build && npx jiti bench/validation-sets.ts [keys|tolerated|figures|operations|training]

import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const flights = resolve('node_modules/vega-datasets/data/flights-3m.parquet')
const bin = resolve('dist/cli/bin.js')
const python = resolve('test/interop/.venv-expectations/bin/python')
const pandera = resolve('bench/peers/validation_sets_pandera.py')
const repeats = Number(process.env['BENCH_REPEATS'] ?? 3)

/** Sets of columns whose uniqueness a set of checks asks for. */
const keysOf: Readonly<Record<string, readonly string[]>> = {
  keys: [
    'date, origin, destination',
    'date, origin',
    'date, destination',
    'date, origin, destination, distance',
    'date, delay, distance, origin, destination',
  ],
  tolerated: ['date, origin', 'date, delay, distance, origin, destination'],
  figures: ['date, origin, destination, delay', 'date, distance, origin, destination'],
  operations: ['origin, destination, date, distance', 'date, origin, destination'],
  training: [
    'date, origin, destination',
    'date, delay, distance, origin, destination',
    'date, delay, origin',
    'origin, distance, delay',
  ],
}

/** Orders that a set of checks asks for: the value before each, along another column and within groups of a third. */
const ordersOf: Readonly<Record<string, readonly string[]>> = {
  operations: [
    'date < lag(date) OVER (ORDER BY date)',
    'date < lag(date) OVER (PARTITION BY origin ORDER BY date)',
    'distance > lag(distance) OVER (PARTITION BY destination ORDER BY date)',
  ],
  // a correlation of ranks
  training: ['rank() OVER (ORDER BY delay) > rank() OVER (ORDER BY distance)'],
}

interface Figures {
  readonly wall: number
  readonly cpu: number
  readonly mb: number
}

/** One whole process, by the operating system's own accounting. */
function run(cwd: string, program: string, ...args: readonly string[]): Figures & { readonly out: string } {
  const made = spawnSync('/usr/bin/time', ['-f', '\n%e %U %S %M', program, ...args], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  const [wall = NaN, user = NaN, system = NaN, kilobytes = NaN] = (made.stderr.trim().split('\n').at(-1) ?? '')
    .split(' ')
    .map(Number)
  if (Number.isNaN(wall)) throw new Error(made.stderr)
  return { wall, cpu: user + system, mb: kilobytes / 1000, out: made.stdout }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

function repeated(what: string, once: () => Figures): Figures {
  const runs = Array.from({ length: repeats }, once)
  const middle = {
    wall: median(runs.map(one => one.wall)),
    cpu: median(runs.map(one => one.cpu)),
    mb: Math.max(...runs.map(one => one.mb)),
  }
  console.log(
    `${what.padEnd(34)} ${middle.wall.toFixed(2)} s   ${middle.cpu.toFixed(2)} CPU s   ${middle.mb.toFixed(0)} MB`,
  )
  return middle
}

const floorProgram = (keys: readonly string[], orders: readonly string[]): string => `
import { DuckDBInstance } from '${resolve('node_modules/@duckdb/node-api/lib/index.js')}'
const connection = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect()
const from = "read_parquet('${flights}')"
for (const column of ['delay', 'distance', 'origin', 'destination'])
  (await connection.runAndReadAll(\`SELECT \${column}, count(*) FROM \${from} GROUP BY 1\`)).getRows()
await connection.runAndReadAll(\`SELECT count(*), min(date), max(date), count_if(origin = destination) FROM \${from}\`)
for (const key of ${JSON.stringify(keys)})
  await connection.runAndReadAll(\`SELECT count(*) FROM (SELECT 1 FROM (SELECT hash(\${key}) AS h FROM \${from}) GROUP BY h HAVING count(*) > 1)\`)
for (const order of ${JSON.stringify(orders)})
  await connection.runAndReadAll(\`SELECT count_if(broken) FROM (SELECT \${order} AS broken FROM \${from})\`)
connection.closeSync()
`

for (const name of process.argv[2] ? [process.argv[2]] : Object.keys(keysOf)) {
  const root = mkdtempSync(join(tmpdir(), `millrace-set-${name}-`))
  try {
    mkdirSync(join(root, 'data'))
    mkdirSync(join(root, 'node_modules'))
    symlinkSync(resolve('.'), join(root, 'node_modules', 'millrace'))
    copyFileSync(flights, join(root, 'data', 'flights.parquet'))
    mkdirSync(join(root, 'bench'))
    for (const file of [`${name}.ts`, 'flights.ts'])
      writeFileSync(
        join(root, 'bench', file),
        readFileSync(`bench/validation-sets/${file}`, 'utf8').replace('../../src/index.ts', 'millrace'),
      )
    writeFileSync(
      join(root, 'millrace.config.ts'),
      `import { dataset, parquet, project } from 'millrace'
import { columns } from './bench/flights.ts'
import { ${name} } from './bench/${name}.ts'
export default project('bench', { flights: dataset('flights', { source: parquet('data/*.parquet'), columns, expect: ${name} }) })
`,
    )
    writeFileSync(join(root, 'floor.mjs'), floorProgram(keysOf[name] ?? [], ordersOf[name] ?? []))
    const first = run(root, process.execPath, bin, 'validate', '--no-rows', '--json')
    const [report] = JSON.parse(first.out) as { checks: { id: string; status: string }[] }[]
    const checks = report?.checks ?? []
    console.log(
      `\n${name}: ${checks.length} checks, ${checks.filter(one => one.status === 'fail').length} fail, ${checks.filter(one => one.status === 'error').length} errors`,
    )
    const cold = (): void => rmSync(join(root, '.millrace'), { recursive: true, force: true })
    const broken = checks.filter(one => one.status === 'fail' || one.status === 'warn').map(one => one.id)
    const floor = repeated('floor by hand', () => run(root, process.execPath, 'floor.mjs'))
    const without = repeated('validate --no-rows', () => {
      cold()
      return run(root, process.execPath, bin, 'validate', '--no-rows')
    })
    const whole = repeated('validate', () => {
      cold()
      return run(root, process.execPath, bin, 'validate')
    })
    if (existsSync(python)) {
      const asked = run(root, python, pandera, name, flights)
      const theirs = JSON.parse(asked.out) as { readonly checks: number; readonly broken: readonly string[] }
      const peer = repeated('Pandera on polars', () => run(root, python, pandera, name, flights))
      console.log(
        `  Pandera: ${theirs.checks} checks, ${theirs.broken.length} do not hold (here ${broken.length}${theirs.broken.length === broken.length ? '' : `: ${broken.join(', ')}; there: ${theirs.broken.join(', ')}`}); --no-rows takes ${(without.cpu / peer.cpu).toFixed(2)} of its CPU time, ${(without.wall / peer.wall).toFixed(2)} by the clock`,
      )
    } else console.log('  Pandera: skipped, its environment was not made: scripts/interop-venv.sh expectations')
    for (const [what, one, most] of [
      ['--no-rows', without, 1.5],
      ['with failing rows', whole, 2.5],
    ] as const)
      console.log(
        `  ${what}: ${(one.wall / floor.wall).toFixed(2)} x floor by the clock, ${(one.cpu / floor.cpu).toFixed(2)} x by CPU (asked ${most}), ${one.mb.toFixed(0)} MB (asked 500)`,
      )
    if (process.env['BENCH_EXPLAIN']) {
      cold()
      console.log(run(root, process.execPath, bin, 'validate', '--no-rows', '--explain').out)
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}
