// Claims: 68 checks on three million flights, whole process, within 1.3 times a floor written by hand, 1.5 s and 500 MB;
// 10 M rows × 21 columns within 6 CPU s and 1.2 GB; 10,000 rows from a cold start within 0.8 s; a million failing rows kept
// within a second more than the check itself; 3,000 checks on 100 columns planned within 0.5 s. Great Expectations and
// Pandera on the same checks beside it where their environment was made.
// Run: npm run build && npx jiti bench/validation.ts   (peers: scripts/interop-venv.sh expectations, before)

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { kinds } from '../src/define/expectation/index.ts'
import type { Kind } from '../src/define/expectation/kind.ts'
import { ExpectationRun } from '../src/stages/validate/expectation-run.ts'
import { dataset, parquet, t } from '../src/index.ts'
import { planMeasures } from '../src/stages/validate/plan.ts'
import { mustFail } from './validation-checks.ts'

const flights = resolve('node_modules/vega-datasets/data/flights-3m.parquet')
const bin = resolve('dist/cli/bin.js')
const root = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const repeats = 5

interface Run {
  readonly wall: number
  readonly cpu: number
  readonly mb: number
}

/** One whole process, by the operating system's own accounting. */
function run(cwd: string, program: string, ...args: readonly string[]): Run {
  const made = spawnSync('/usr/bin/time', ['-f', '\n%e %U %S %M', program, ...args], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  const figures = made.stderr.trim().split('\n').at(-1)?.split(' ').map(Number) ?? []
  const [wall = NaN, user = NaN, system = NaN, kilobytes = NaN] = figures
  if (Number.isNaN(wall)) throw new Error(made.stderr)
  return { wall, cpu: user + system, mb: kilobytes / 1000 }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN
const middle = (runs: readonly Run[]): Run => ({
  wall: median(runs.map(one => one.wall)),
  cpu: median(runs.map(one => one.cpu)),
  mb: median(runs.map(one => one.mb)),
})
const line = (what: string, one: Run): void =>
  console.log(`${what.padEnd(52)} ${one.wall.toFixed(2)} s   ${one.cpu.toFixed(2)} CPU s   ${one.mb.toFixed(0)} MB`)

function project(name: string, config: string): string {
  const folder = join(root, name)
  mkdirSync(join(folder, 'data'), { recursive: true })
  writeFileSync(join(folder, 'millrace.config.ts'), config)
  return folder
}

const checks = readFileSync('bench/validation-checks.ts', 'utf8')
const list = checks.slice(checks.indexOf('=> [') + 3, checks.indexOf('\n]\n', checks.indexOf('=> [')) + 2)
const config = `import { dataset, expect as must, parquet, project, t } from 'millrace'
const flights = dataset('flights', {
  source: parquet('data/*.parquet'),
  columns: { date: t.timestamp('UTC'), delay: t.int(), distance: t.int(), origin: t.text(), destination: t.text() },
  expect: c => ${list},
})
export default project('bench', { flights })
`

const whole = project('flights', config)
copyFileSync(flights, join(whole, 'data/flights.parquet'))
const ours: Run[] = []
const floor: Run[] = []
const floorWithRows: Run[] = []
const oursWithoutRows: Run[] = []
const first: Run[] = []
for (let i = 0; i < 3; i++) {
  rmSync(join(whole, '.millrace'), { recursive: true, force: true })
  first.push(run(whole, process.execPath, bin, 'validate', '--reporter', 'json'))
}
for (let i = 0; i <= repeats; i++) {
  // nothing measured is remembered: every run measures everything
  rmSync(join(whole, '.millrace/validation'), { recursive: true, force: true })
  const one = run(whole, process.execPath, bin, 'validate', '--reporter', 'json')
  const other = run(process.cwd(), process.execPath, 'bench/validation-floor.mjs', flights)
  rmSync(join(whole, '.millrace/validation'), { recursive: true, force: true })
  const less = run(whole, process.execPath, bin, 'validate', '--reporter', 'json', '--no-rows')
  const more = run(
    process.cwd(),
    process.execPath,
    'bench/validation-floor.mjs',
    flights,
    join(root, 'failing.parquet'),
  )
  if (i > 0) {
    ours.push(one)
    floor.push(other)
    floorWithRows.push(more)
    oursWithoutRows.push(less)
  }
}
const json = spawnSync(process.execPath, [bin, 'validate', '--json'], {
  cwd: whole,
  encoding: 'utf8',
  maxBuffer: 1 << 28,
})
const [report] = JSON.parse(json.stdout) as { checks: { id: string; status: string; severity: string }[] }[]
const failed = (report?.checks ?? []).filter(one => one.status === 'fail').map(one => one.id)
const wrong = [...failed.filter(id => !mustFail.includes(id)), ...mustFail.filter(id => !failed.includes(id))]
console.log(
  `${report?.checks.length} checks, ${failed.length} fail; verdicts other than expected: ${wrong.join(', ') || 'none'}`,
)
line('floor: value counts and uniqueness by hand', middle(floor))
line('the same, and the failing rows written', middle(floorWithRows))
line(`millrace validate, ${report?.checks.length} checks on 3 M flights`, middle(ours))
line('the same, failing rows not kept', middle(oursWithoutRows))
line('the same, the first time ever', middle(first))
console.log(
  `ratio to the floor: ${(middle(ours).wall / middle(floor).wall).toFixed(2)} wall, ${(middle(ours).cpu / middle(floor).cpu).toFixed(2)} CPU; with failing rows on both sides ${(middle(ours).wall / middle(floorWithRows).wall).toFixed(2)}, on neither ${(middle(oursWithoutRows).wall / middle(floor).wall).toFixed(2)} wall`,
)
const again = middle(
  Array.from({ length: 3 }, () => run(whole, process.execPath, bin, 'validate', '--reporter', 'json')),
)
line('the same again, nothing changed', again)

const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '2GB' })
const connection = await instance.connect()
const small = project('small', config.replace('min: 2_999_999, max: 3_000_001', 'min: 10'))
await connection.run(
  `COPY (FROM read_parquet('${flights}') LIMIT 10000) TO '${join(small, 'data/a.parquet')}' (FORMAT parquet)`,
)
const cold = Array.from({ length: 5 }, () => {
  rmSync(join(small, '.millrace'), { recursive: true, force: true })
  return run(small, process.execPath, bin, 'validate', '--reporter', 'json')
})
line('10,000 rows, cold start', middle(cold))

const failing = (least: number) => `import { dataset, parquet, project, t } from 'millrace'
const rows = dataset('rows', {
  source: parquet('data/*.parquet'),
  columns: { a: t.int(), b: t.float(), s: t.text(), at: t.timestamp('UTC') },
  expect: c => [c.a.between(${least}, undefined)],
})
export default project('rows', { rows })
`
const lenient = project('lenient', failing(0))
const strict = project('strict', failing(1_000_000))
for (const folder of [lenient, strict])
  await connection.run(
    `COPY (SELECT range AS a, range / 7.0::DOUBLE AS b, 'name-' || range % 5000 AS s, TIMESTAMP '2026-01-01' + INTERVAL (range) SECOND AS at FROM range(4000000)) TO '${join(folder, 'data/rows.parquet')}' (FORMAT parquet)`,
  )
const [passing, kept] = [lenient, strict].map(folder =>
  middle(
    Array.from({ length: 3 }, () => {
      rmSync(join(folder, '.millrace'), { recursive: true, force: true })
      return run(folder, process.execPath, bin, 'validate', '--reporter', 'json')
    }),
  ),
) as [Run, Run]
line('one check of 4 M rows, none kept', passing)
line('the same, a million failing rows kept', kept)
console.log(`keeping a million failing rows: ${(kept.wall - passing.wall).toFixed(2)} s more`)

const wide = project(
  'wide',
  `import { dataset, expect as must, parquet, project, t } from 'millrace'
const columns = {
  ${Array.from({ length: 7 }, (_, k) => `n${k}: t.float(), k${k}: t.int(), s${k}: t.text()`).join(', ')}
}
const wide = dataset('wide', { source: parquet('data/*.parquet'), columns, expect: c => [
  must.rowCount({ min: 1 }),
  ${Array.from({ length: 7 }, (_, k) => `c.n${k}.between(-1, 2), c.n${k}.mean({ min: 0, max: 1 }), c.n${k}.std({ max: 1 }), c.k${k}.between(0, 100_000_000), c.k${k}.max({ max: 100_000_000 }), c.s${k}.matches(/^[a-z0-9-]+$/), c.s${k}.length({ max: 40 }), c.s${k}.notInSet(['x', 'y'])`).join(',\n  ')},
] })
export default project('wide', { wide })
`,
)
const cells = Array.from({ length: 7 }, (_, k) =>
  k % 2 === 0
    ? `(hash(range * ${k + 3}) % 1000000007) / 1000000007.0::DOUBLE AS n${k}, (hash(range + ${k}) % 90000000)::BIGINT AS k${k}, 'v-' || (hash(range * ${k + 11}) % 50000000) AS s${k}`
    : `(hash(range) % ${50 + k})::DOUBLE / 100 AS n${k}, (hash(range * 7) % ${300 + k})::BIGINT AS k${k}, 'c-' || (hash(range * 5) % ${20 + k}) AS s${k}`,
).join(', ')
await connection.run(
  `COPY (SELECT ${cells} FROM range(10000000)) TO '${join(wide, 'data/wide.parquet')}' (FORMAT parquet)`,
)
const large = Array.from({ length: 3 }, () => {
  rmSync(join(wide, '.millrace'), { recursive: true, force: true })
  return run(wide, process.execPath, bin, 'validate', '--reporter', 'json')
})
line('10 M × 21, 78 checks', middle(large))

const columns = Array.from({ length: 100 }, (_, k) => `c${k}`)
const many = project(
  'many',
  `import { dataset, parquet, project, t } from 'millrace'
const wide = dataset('wide', {
  source: parquet('data/*.parquet'),
  columns: { ${columns.map(name => `${name}: t.int()`).join(', ')} },
  expect: c => [${columns.map(name => Array.from({ length: 30 }, (_, i) => `c.${name}.between(${-i}, ${1000 + i})`).join(', ')).join(', ')}],
})
export default project('many', { wide })
`,
)
const manyCells = columns.map((name, k) => `(hash(range + ${k}) % 997)::BIGINT AS ${name}`).join(', ')
await connection.run(
  `COPY (SELECT ${manyCells} FROM range(100000)) TO '${join(many, 'data/many.parquet')}' (FORMAT parquet)`,
)
connection.closeSync()
const { columns: declared, expectations: specs } = dataset('wide', {
  source: parquet('data/*.parquet'),
  columns: Object.fromEntries(columns.map(name => [name, t.int()])),
  expect: c => columns.flatMap(name => Array.from({ length: 30 }, (_, i) => c[name]!.between(-i, 1000 + i))),
})
const planned = Array.from({ length: 5 }, () => {
  const began = performance.now()
  const runs = specs.map(spec => new ExpectationRun(spec, kinds.get(spec.kind) as Kind, declared))
  const metrics = runs.flatMap(one => one.next(undefined as never, undefined).own)
  const facts = new Map(
    columns.map(name => [name, { type: 'int', sampledDistinct: 997, sampledRows: 50_000 }] as const),
  )
  planMeasures(metrics, { rows: 100_000, columns: facts, footerNulls: undefined, counted: new Set() })
  return performance.now() - began
})
console.log(`planning ${specs.length} checks on 100 columns: ${(median(planned) / 1000).toFixed(2)} s`)
const manyRuns = Array.from({ length: 3 }, () => {
  rmSync(join(many, '.millrace'), { recursive: true, force: true })
  return run(many, process.execPath, bin, 'validate', '--reporter', 'json')
})
line(`${specs.length} checks on 100 columns, 100,000 rows, whole`, middle(manyRuns))

const python = 'test/interop/.venv-expectations/bin/python'
for (const [name, script] of [
  ['Great Expectations', 'bench/peers/validation_gx.py'],
  ['Pandera', 'bench/peers/validation_pandera.py'],
] as const) {
  if (!existsSync(python)) {
    console.log(`${name}: skipped, its environment was not made: scripts/interop-venv.sh expectations`)
    continue
  }
  const peer = middle(
    Array.from({ length: name === 'Pandera' ? 3 : 1 }, () => run(process.cwd(), python, script, flights)),
  )
  line(`${name}, the same checks as far as it has them`, peer)
  console.log(
    `ratio of ${name} to millrace: ${(peer.wall / middle(ours).wall).toFixed(1)} wall, ${(peer.cpu / middle(ours).cpu).toFixed(1)} CPU; with no failing rows kept, as it keeps none: ${(peer.wall / middle(oursWithoutRows).wall).toFixed(1)} wall`,
  )
}
rmSync(root, { recursive: true })
