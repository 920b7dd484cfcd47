// Claims: features of 1 M labels from 10 M rows of 100 k entities, known times respected: ten last values with a ttl of a day within 3 s
// and 500 MB, without one within 6 s and 1.5 GB; ten aggregates over windows of 1, 7 and 30 days within 15 s and 1 GB; online records
// of the views with a ttl and with windows at 500,000 rows a second into LMDB, on a quiet machine with two cores, the whole process. A sample of rows is held to looking at every event. Beside it, where the environment
// of scripts/interop-venv.sh feast is there, the same training set by Feast on DuckDB.
// Run: npm run build && npx jiti bench/features.ts [labels] [rows] [entities]

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

const [labels = 1e6, rows = 1e7, entities = 1e5] = process.argv.slice(2).map(Number)
const root = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const events = join(root, 'events.parquet')
const asked = join(root, 'labels.parquet')
const start = 1_700_000_000_000_000
const span = `(90 * 86400000000)::UBIGINT`

const connection = await (await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '3GB' })).connect()
const columns = Array.from({ length: 10 }, (_, k) => `(hash(range * ${k + 3}) % 1000003) / 1000.0 AS f${k}`).join(', ')
const at = `${start} + (hash(range * 13 + 5) % ${span})::BIGINT`
// One row of ten is told up to five days later
const late = 'CASE WHEN hash(range * 17) % 10 = 0 THEN (hash(range * 19) % 432000000000)::BIGINT ELSE 0 END'
await connection.run(
  `COPY (SELECT (hash(range * 7 + 1) % ${entities})::BIGINT AS who, make_timestamp(${at}) AS "at", make_timestamp(${at} + ${late}) AS known, ${columns}, range AS millrace_seq FROM range(${rows})) TO '${events}' (FORMAT parquet)`,
)
await connection.run(
  `COPY (SELECT (hash(range * 29 + 1) % ${entities})::BIGINT AS who, (${start} + (hash(range * 31 + 5) % ${span})::BIGINT)::DOUBLE AS millrace_at, range AS millrace_ordinal FROM range(${labels})) TO '${asked}' (FORMAT parquet)`,
)

const program = join(root, 'program.mjs')
const dist = (path: string): string => JSON.stringify(resolve('dist', path))
writeFileSync(
  program,
  `const [kind, out, how] = process.argv.slice(2)
const { dataset, entity, features, parquet, t } = await import(${dist('index.js')})
const { openDuckdb } = await import(${dist('adapters/data/duckdb/engine.js')})
const { planView } = await import(${dist('stages/features/channels.js')})
const { featureTable } = await import(${dist('stages/features/offline.js')})
const names = Array.from({ length: 10 }, (_, i) => 'f' + i)
const columns = { who: t.int(), at: t.timestamp('UTC'), known: t.timestamp('UTC'), ...Object.fromEntries(names.map(name => [name, t.float()])) }
const rows = dataset('rows', { source: parquet('none'), columns, eventTime: 'at', knownAt: Object.fromEntries(names.map(name => [name, c => c.known])) })
const last = f => Object.fromEntries(names.map(name => [name, f.last(name)]))
const windows = f => ({ a: f.count('1d'), b: f.sum('f0', '1d'), c: f.mean('f1', '7d'), d: f.min('f2', '7d'), e: f.max('f3', '7d'), g: f.sum('f4', '30d'), h: f.mean('f5', '30d'), i: f.count('30d'), j: f.max('f6', '1d'), k: f.share(c => c.f7.gt(500), '30d') })
const more = { ttl: { ttl: '1d', compute: last }, last: { compute: last }, windows: { compute: windows } }[kind]
const view = features('v', { entity: entity('one', { who: t.int() }), from: rows, ...more })
const engine = await openDuckdb({ scratch: ${JSON.stringify(join(root, 'scratch'))} })
if (how === 'records') {
  const { materialise } = await import(${dist('stages/features/materialise.js')})
  const { rowsOfPart } = await import(${dist('stages/features/record-events.js')})
  const { openLmdb } = await import(${dist('adapters/online/lmdb/store.js')})
  const store = await openLmdb(out)
  const plan = planView(view)
  await materialise(engine, plan, "SELECT * FROM '${events}'", ${start} + 90 * 86400e6, store, { parts: Math.ceil(${rows} / rowsOfPart(plan)) })
  await store.close()
} else {
  const table = await featureTable(engine, planView(view), "SELECT * FROM '${events}'", "SELECT * FROM '${asked}'")
  await engine.writeParquet(table.sql, out)
}
await engine.close()
`,
)

interface Run {
  readonly wall: number
  readonly cpu: number
  readonly mb: number
}

/** A whole process, by the operating system's own accounting. */
function run(command: string, ...args: readonly string[]): Run {
  const made = spawnSync('/usr/bin/time', ['-f', '\n%e %U %S %M', command, ...args], {
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

function line(what: string, { wall, cpu, mb }: Run, more = ''): void {
  console.log(`${what.padEnd(40)} ${wall.toFixed(2)} s   ${cpu.toFixed(2)} CPU s   ${mb.toFixed(0)} MB${more}`)
}

/** Rows of a sample whose values are not those of looking at every event. */
async function wrong(out: string, kind: string): Promise<string> {
  const seen = (window: string): string =>
    `FROM '${events}' e WHERE e.who = l.who AND epoch_us(e.known) <= l.millrace_at AND epoch_us(e."at") < l.millrace_at AND epoch_us(e."at") >= l.millrace_at - ${window}`
  const day = 86_400_000_000
  const newest = (f: number): string =>
    `(SELECT f${f} ${seen(kind === 'ttl' ? String(day) : '1e18')} ORDER BY "at" DESC, known DESC, millrace_seq DESC LIMIT 1)`
  const wanted =
    kind === 'windows'
      ? {
          c: `(SELECT avg(f1) ${seen(String(7 * day))})`,
          g: `coalesce((SELECT sum(f4) ${seen(String(30 * day))}), 0)`,
          j: `(SELECT max(f6) ${seen(String(day))})`,
        }
      : { f0: newest(0), f9: newest(9) }
  const differs = Object.entries(wanted).map(
    ([name, sql]) => `coalesce(nullif(o."v.${name}", 'NaN'::DOUBLE), -1)::FLOAT <> coalesce(${sql}, -1)::FLOAT`,
  )
  const result = await connection.runAndReadAll(
    `SELECT count(*), count(*) FILTER (WHERE ${differs.join(' OR ')}) FROM (SELECT * FROM '${asked}' WHERE millrace_ordinal % ${Math.ceil(labels / 2000)} = 0) l JOIN '${out}' o USING (millrace_ordinal)`,
  )
  const [all, bad] = result.getRows()[0] ?? []
  return `   ${String(bad)} of ${String(all)} sampled labels wrong`
}

for (const [kind, what] of [
  ['ttl', 'ten last values, ttl 1 d'],
  ['last', 'ten last values, no ttl'],
  ['windows', 'ten aggregates over 1, 7 and 30 d'],
] as const) {
  const out = join(root, `${kind}.parquet`)
  const made = run(process.execPath, program, kind, out)
  line(what, made, await wrong(out, kind))
}

for (const kind of ['ttl', 'windows']) {
  const made = run(process.execPath, program, kind, join(root, `records-${kind}`), 'records')
  line(`records of the view (${kind})`, made, `   ${Math.round(rows / made.wall).toLocaleString('en-US')} rows/s`)
}

const python = resolve('test/interop/.venv-feast/bin/python')
if (!existsSync(python)) console.log('Feast: not measured (scripts/interop-venv.sh feast makes its environment)')
else line('Feast on DuckDB, ttl 1 d', run(python, resolve('bench/peers/features_feast.py'), root))
connection.closeSync()
rmSync(root, { recursive: true })
