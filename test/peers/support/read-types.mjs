// Reads every case of write_types.py as every type that can be declared: `node read-types.mjs FOLDER`, with the time zone
// of the host as TZ says. Prints for each case and type that it is refused and why, or what each cell became.
import { readFileSync } from 'node:fs'
import { dataset, t, arrow, csv, json, parquet, postgres, sqlite } from '../../../dist/index.js'
import { openDuckdb } from '../../../dist/adapters/data/duckdb/engine.js'
import { openArrowFile } from '../../../dist/adapters/source/arrow/open.js'
import { openPostgresTable } from '../../../dist/adapters/source/postgres/open.js'
import { openSqliteTable } from '../../../dist/adapters/source/sqlite/open.js'
import { isMillraceError } from '../../../dist/errors/index.js'
import { openFound } from '../../../dist/stages/validate/source.js'
import { unreadableColumn } from '../../../dist/stages/validate/relation.js'
import { manualClock } from '../../../dist/testing/manual-clock.js'

const [folder] = process.argv.slice(2)
const cases = JSON.parse(readFileSync(`${folder}/cases.json`, 'utf8'))
const engine = await openDuckdb()
const sources = {
  parquet: ({ path }) => parquet(path),
  arrow: ({ path }) => arrow(path),
  csv: ({ path }) => csv(path),
  json: ({ path }) => json(path),
  sqlite: ({ path, file }) => sqlite(file, path),
  postgres: ({ path }) => postgres(path, { urlFrom: 'MILLRACE_TEST_POSTGRES' }),
}
const openForeign = async (source, files) => {
  if (source.kind === 'arrow') return openArrowFile(files[0])
  if (source.kind === 'sqlite') return openSqliteTable(source.path, `${folder}/${source.file}`)
  return openPostgresTable(source.path, process.env.MILLRACE_TEST_POSTGRES)
}
const declared = {
  int: t.int(),
  float: t.float(),
  text: t.text(),
  bool: t.bool(),
  none: t.timestamp(),
  utc: t.timestamp('UTC'),
  ny: t.timestamp('America/New_York'),
}
const shown = { timestamp: 'epoch_us(v)::VARCHAR', int: 'v::VARCHAR', float: 'v', text: 'v', bool: 'v' }

async function read(one, column) {
  const made = dataset('d', { source: sources[one.kind](one), columns: { v: t.nullable(column) } })
  let opened
  try {
    opened = await openFound({ engine, clock: manualClock(), root: folder, openForeign }, made)
    const { found } = opened
    const [wrong] = found.mismatched
    if (wrong || found.missing.length > 0) return { refused: wrong ? `is ${wrong.physical}` : 'is missing' }
    const text = found.tells ? unreadableColumn : "''"
    const rows = await engine.rows(
      `SELECT ${shown[column.type]} AS v, ${text} AS u FROM (${found.numbered}) ORDER BY millrace_row`,
    )
    return {
      cells: rows.map(({ v, u }) => {
        if (v !== null && u !== '') return { both: [String(v), u] }
        if (u) return { unreadable: u.replace(/^v=/, '') }
        return v === null ? null : { value: typeof v === 'boolean' ? v : Object.is(v, -0) ? '-0' : String(v) }
      }),
    }
  } catch (error) {
    if (isMillraceError(error) && ['MR1005', 'MR2002'].includes(error.code)) return { refused: error.message }
    return { crashed: String(error?.stack ?? error) }
  } finally {
    await opened?.release()
  }
}

const results = {}
for (const one of cases) {
  results[one.id] = {}
  for (const [type, column] of Object.entries(declared)) results[one.id][type] = await read(one, column)
}
await engine.close()
process.stdout.write(JSON.stringify(results))
