import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { csv, dataset, expect as must, parquet, t } from '../../index.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { openStates } from './states.ts'
import { validate } from './validate.ts'

let engine: DataEngine
let root: string
beforeAll(async () => {
  engine = await openDuckdb()
})
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-changing-'))
  return () => rm(root, { recursive: true })
})
afterAll(() => engine.close())

const services = async (using: DataEngine = engine) => ({
  engine: using,
  root,
  clock: manualClock(),
  states: await openStates(join(root, 'states')),
})

/** The engine, but that something happens to the files before its first question of that kind. */
function meanwhile(question: RegExp, happens: () => Promise<void>): DataEngine {
  let happened = false
  const before = async (sql: string) => {
    if (happened || !question.test(sql)) return
    happened = true
    await happens()
  }
  return new Proxy(engine, {
    get(target, name) {
      const own = Reflect.get(target, name) as unknown
      if (typeof own !== 'function') return own
      const call = own.bind(target) as (...args: unknown[]) => unknown
      if (name !== 'rows' && name !== 'execute') return call
      return async (sql: string) => {
        await before(sql)
        return call(sql)
      }
    },
  })
}

const good = Array.from({ length: 5000 }, (_, i) => `${i},ok`)
const bad = good.map((line, i) => (i % 7 === 3 ? `${i},no` : line))
const write = (lines: readonly string[]) => writeFile(join(root, 'a.csv'), `id,s\n${lines.join('\n')}\n`)

const letters = dataset('letters', {
  source: csv('*.csv'),
  columns: { id: t.int(), s: t.text() },
  expect: c => [c.s.inSet(['ok']), must.unique([c.id])],
})

it.each([
  ['before it is read', /CREATE TABLE "read_/],
  ['after it was read', /CREATE TABLE "values_|count_if/],
])('nothing is remembered of a file that changed %s', async (_, question) => {
  await write(bad)
  const swapped = meanwhile(question, () => write(good))
  await expect(validate(await services(swapped), letters)).rejects.toMatchObject({ code: 'MR2025' })
  await write(bad)
  for (let i = 0; i < 2; i++) {
    const judged = await validate(await services(), letters)
    await judged.release()
    expect(judged.report.status).toBe('fail')
  }
})

it('a file that was touched, with what it held, is as it was', async () => {
  await write(good)
  const touched = meanwhile(/CREATE TABLE "values_|count_if/, () => write(good))
  const judged = await validate(await services(touched), letters)
  await judged.release()
  expect(judged.report.status).toBe('pass')
})

it.each(['csv', 'parquet'] as const)(
  'a new file without a column that others have (%s) is judged as a first look judges it',
  async kind => {
    const source = kind === 'csv' ? csv('*.csv') : parquet('*.parquet')
    const columns = { a: t.int(), b: t.nullable(t.float()), c: t.int() }
    const wide = dataset('wide', {
      source,
      columns,
      expect: c => [c.b.between(0, 9), c.b.mean({ max: 5 }), c.a.max({ max: 9 })],
    })
    const put = async (name: string, cells: Readonly<Record<string, number>>) => {
      const sql = `SELECT ${Object.entries(cells)
        .map(([column, value]) => `${value} AS ${column}`)
        .join(', ')}`
      if (kind === 'parquet') await engine.writeParquet(sql, join(root, `${name}.parquet`))
      else await writeFile(join(root, `${name}.csv`), `${Object.keys(cells).join()}\n${Object.values(cells).join()}\n`)
    }
    await put('one', { a: 1, b: 2, c: 3 })
    await (await validate(await services(), wide)).release()
    await put('two', { a: 4 })
    const remembering = await validate(await services(), wide)
    const first = await validate({ engine, root, clock: manualClock() }, wide)
    await remembering.release()
    await first.release()
    expect(remembering.report.checks).toEqual(first.report.checks)
    expect(
      first.report.checks.flatMap(check => (check.status === 'pass' ? [] : [`${check.id} ${check.status}`])),
    ).toEqual(['c-not-null fail'])
  },
)

it.each(['missing', 'of another type'])(
  'a column of a condition that is %s costs only the checks that read it',
  async how => {
    await writeFile(join(root, 'a.csv'), 'id,s\n1,a\n')
    await engine.writeParquet(`SELECT 1 AS id${how === 'missing' ? '' : ", 'x' AS n"}`, join(root, 'a.parquet'))
    const made = dataset('made', {
      source: parquet('*.parquet'),
      columns: { id: t.int(), n: t.int() },
      expect: c => [
        c.id.between(0, 9, { id: 'plain' }),
        c.id.between(0, 9, { id: 'conditional', when: c.n.expr.eq(5) }),
        must.unique([c.id], { id: 'unique', when: c.n.expr.eq(5) }),
        must.rowCount({ id: 'rows', min: 1, when: c.n.expr.eq(5) }),
      ],
    })
    const judged = await validate(await services(), made)
    await judged.release()
    const statuses = Object.fromEntries(judged.report.checks.map(check => [check.id, check.status]))
    expect(statuses).toMatchObject({
      schema: 'fail',
      plain: 'pass',
      conditional: 'error',
      unique: 'error',
      rows: 'error',
    })
  },
)
