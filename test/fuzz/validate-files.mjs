import { readFileSync, writeSync } from 'node:fs'
import { openDuckdb } from '../../dist/adapters/data/duckdb/engine.js'
import { openArrowFile } from '../../dist/adapters/source/arrow/open.js'
import { arrow, csv, dataset, expect, json, parquet, t } from '../../dist/index.js'
import { validate } from '../../dist/stages/validate/validate.js'
import { manualClock } from '../../dist/testing/manual-clock.js'

/**
 * Validates files one after another in a process of its own and says of each, in a line of JSON, what came of it; a line
 * that only begins is of the file at which the process ended. The argument is a file with the tasks.
 */
const { root, tasks } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const sources = { arrow, csv, json, parquet }
const say = line =>
  writeSync(1, `${JSON.stringify(line, (_, value) => (typeof value === 'bigint' ? String(value) : value))}\n`)

/** What another look at the same file gives: every cell decoded, nothing taken from its metadata. */
async function plainLook(engine, { path }) {
  const read = `read_parquet('${path}', union_by_name = true)`
  try {
    const columns = (await engine.rows(`DESCRIBE SELECT * FROM ${read}`)).map(row => row.column_name)
    const cells = columns.map(
      (name, i) => `sum(CASE WHEN "${name.replaceAll('"', '""')}" IS NULL THEN 1 ELSE 0 END)::BIGINT AS c${i}`,
    )
    const [row] = await engine.rows(
      `SELECT sum(1 + 0 * len(h::VARCHAR))::BIGINT AS n, ${cells.join(', ')} FROM (SELECT *, hash(COLUMNS(*)) AS h FROM ${read})`,
    )
    return row
  } catch {
    return undefined
  }
}

for (const task of tasks) {
  writeSync(1, `{"name":${JSON.stringify(task.name)},"begun":true}\n`)
  const engine = await openDuckdb({ memory: task.memory ?? 6e8 })
  const began = performance.now()
  const line = { name: task.name }
  try {
    const columns = Object.fromEntries(
      Object.entries(task.columns).map(([name, type]) => [
        name,
        t.nullable(type === 'timestamp' ? t.timestamp('UTC') : t[type]()),
      ]),
    )
    const source = sources[task.kind](task.file, ...(task.options ? [task.options] : []))
    const made = dataset('d', {
      source,
      columns,
      quarantine: false,
      expect: c => [
        expect.rowCount({ id: 'rows', min: 0 }),
        ...Object.entries(task.columns).flatMap(([name, type]) => [
          c[name].notNull({ id: `nulls ${name}` }),
          c[name].distinctCount({ id: `distinct ${name}`, min: 0 }),
          ...(type === 'int' || type === 'float' ? [c[name].max({ id: `max ${name}`, min: -1e300 })] : []),
        ]),
        ...(task.columns.x ? [expect.unique([c.x], { id: 'unique' })] : []),
      ],
    })
    const { report, rows, found, release } = await validate(
      { engine, root, clock: manualClock(), openForeign: async (_, files) => openArrowFile(files[0]) },
      made,
    )
    line.rows = rows
    line.unreadable = found.source.text?.broken ?? 0
    line.status = report.status
    line.checks = Object.fromEntries(
      report.checks.map(one => [
        one.id,
        [one.status, one.evaluated, one.bad, one.observed.value ?? null, one.error ?? null],
      ]),
    )
    line.bytes = JSON.stringify(report).length
    if (task.rowsToo && found.usable.size > 0) line.kept = await engine.rows(found.sql)
    await release()
    if (task.kind === 'parquet' && task.again) line.again = await plainLook(engine, { path: `${root}/${task.file}` })
  } catch (error) {
    line.error = error?.code
      ? { code: error.code, exit: error.exit, hint: error.hint, message: error.message }
      : { thrown: String(error?.stack ?? error) }
  }
  line.ms = Math.round(performance.now() - began)
  line.rss = Math.round(process.memoryUsage.rss() / 1e6)
  say(line)
  await engine.close()
}
