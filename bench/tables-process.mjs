// One validation of the flights in PostgreSQL, for bench/tables.ts: `read` takes away what the database counts itself.

import { openDuckdb } from '../dist/adapters/data/duckdb/engine.js'
import { systemClock } from '../dist/adapters/clock/system.js'
import { openPostgresTable } from '../dist/adapters/source/postgres/open.js'
import { dataset, expect as must, postgres, t } from '../dist/index.js'
import { validate } from '../dist/stages/validate/validate.js'

const [table, how, more] = process.argv.slice(2)
const flights = dataset('flights', {
  source: postgres(table, { urlFrom: 'MILLRACE_TEST_POSTGRES' }),
  columns: { date: t.timestamp('UTC'), delay: t.int(), distance: t.int(), origin: t.text(), destination: t.text() },
  expect: c => [
    must.rowCount({ min: 2_999_999, max: 3_000_001 }),
    c.date.nullShare({ max: 0 }),
    c.delay.between(-1200, 1700),
    c.delay.mean({ min: 0, max: 10 }),
    c.delay.median({ min: -5, max: 5 }),
    c.delay.std({ max: 40 }),
    c.delay.quantile(0.75, { max: 20 }),
    c.distance.between(0, 5000),
    c.distance.max({ max: 5000 }),
    c.origin.matches(/^[A-Z]{3}$/),
    c.origin.distinctCount({ min: 100, max: 400 }),
    c.destination.length({ min: 3, max: 3 }),
    c.destination.topValueShare({ max: 0.1 }),
    c.destination.trimmed(),
    ...(more === 'unique'
      ? [must.unique([c.date, c.origin, c.destination, c.delay, c.distance], { mostly: 0.9 })]
      : []),
  ],
})
const openForeign = async () => {
  const { counts, ...opened } = await openPostgresTable(table, process.env.MILLRACE_TEST_POSTGRES)
  return how === 'count' ? { ...opened, counts } : opened
}
const engine = await openDuckdb()
const { report, steps, release } = await validate({ engine, root: '.', clock: systemClock(), openForeign }, flights)
await release()
await engine.close()
const taken = steps.map(step =>
  `${step.kind} ${step.of?.name ?? ''} ${Math.round(step.milliseconds)} ms`.replace(/  /, ' '),
)
console.log(JSON.stringify({ status: report.status, checks: report.checks.length, steps: taken }))
