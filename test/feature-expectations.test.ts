import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Said } from './support/command.ts'
import { inside } from './support/inside.ts'
import { refused } from './support/refused.ts'

// What must hold of features is asked before records are written and before a model is trained, by the command line.

let root = ''
const run = (...words: string[]): Promise<Said> => inside(root, words)

function define(expected: string, entity = "entity: entity('zone', { zone: t.text() }), "): void {
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, entity, expect, features, linear, model, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/rides.csv'),
  columns: { id: t.int(), at: t.timestamp('UTC'), km: t.float(), zone: t.text(), paid: t.float() },
  eventTime: 'at', key: ['id'],
})
const zones = features('zones', {
  ${entity}from: rides,
  compute: f => ({ rides: f.count('2d'), paid: f.mean('paid', '2d') }),
  derive: v => ({ each: v.paid.div(v.rides) }),
  expect: v => [${expected}],
})
const fare = model('fare', {
  task: 'regression', from: rides, features: [zones], label: c => c.paid, inputs: c => ({ km: c.km, each: zones.all.each }),
  split: { by: 'time', train: '20d', test: '5d' }, train: linear(),
})
export default project('rides', { rides, zones, fare })
`,
  )
}

const ride = (i: number, paid: number): string =>
  `${i},${new Date(Date.UTC(2026, 0, 1) + i * 2_160_000).toISOString().slice(0, 19)},${i % 31},${'abcd'[i % 4]},${paid}\n`
const paidOf = async (zone: string): Promise<unknown> => {
  const { out } = await run('features', 'get', 'zones', `zone=${zone}`, '--at', '2026-01-26T00:00:00Z', '--json')
  return (JSON.parse(out) as { entities: { values: unknown[] }[] }).entities[0]?.values[1]
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-expected-'))
  mkdirSync(join(root, 'data'))
  const rows = Array.from({ length: 1_000 }, (_, i) => ride(i, (i % 31) + 10))
  writeFileSync(join(root, 'data', 'rides.csv'), `id,at,km,zone,paid\n${rows.join('')}`)
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

test('records are written of features that are as expected, and a warning is told', async () => {
  define("v.rides.between(1, 500), v.zone.notNull(), v.paid.between(0, 1, { severity: 'warning', id: 'cheap' })")
  expect(await run('data', 'snapshot', 'rides')).toMatchObject({ code: 0 })
  const done = await run('features', 'materialise')
  expect(done.code).toBe(0)
  expect(done.out).toContain('zones: 4 entities from 1,000 rows')
  expect(done.said).toContain('! paid between 0 and 1: 4 rows of 4 (100 %) do not')
  expect(await paidOf('a')).toBeGreaterThan(10)
})

test('where a critical one fails nothing is written, and what was answered is answered still', async () => {
  const before = await paidOf('a')
  // one zone's newest rides are free of any reason, and the others are as they were
  appendFileSync(
    join(root, 'data', 'rides.csv'),
    Array.from({ length: 60 }, (_, i) => ride(1_000 + 4 * i, 9_000)).join(''),
  )
  define('v.rides.between(0, 500), v.paid.between(0, 100)')
  expect(await run('data', 'snapshot', 'rides')).toMatchObject({ code: 0 })
  const done = await run('features', 'materialise')
  refused(done, 1, 'MR4118', 'The records of zones were not written', 'paid')
  expect(await paidOf('a')).toBe(before)
  refused(await run('features', 'apply'), 1, 'MR4118', 'zones')
  expect((await run('features', 'history', '--json')).out.trim()).toBe('[]')

  // the same data are let pass by who says that they may be so
  define("v.rides.between(0, 500), v.paid.between(0, 100, { severity: 'warning' })")
  expect(await run('features', 'materialise')).toMatchObject({ code: 0 })
  expect(await run('features', 'apply')).toMatchObject({ code: 0 })
})

test('a model is trained of rows whose features are as expected, and of no others', async () => {
  define('v.rides.between(0, 500), v.paid.between(0, 20, { mostly: 0.9 })')
  const stopped = await run('train', 'fare')
  expect(stopped.code).toBe(1)
  expect(stopped.said).toMatch(/validation of features zones: 1 of \d+ checks failed: .*paid/)
  define("v.rides.between(0, 500), v.paid.between(0, 20, { mostly: 0.9, severity: 'warning' })")
  const trained = await run('train', 'fare')
  expect(trained.said).not.toContain('checks failed')
  expect(trained.said).toContain('features-fare')
})

test('what cannot be expected is refused where it stands', async () => {
  define('v.speed.between(0, 1)')
  refused(await run('features', 'plan'), 2, 'MR1005', 'speed', 'is not declared; there are zone, rides, paid, each')
  define('v.rides')
  refused(await run('features', 'plan'), 2, 'MR1005', 'zones', 'is no expectation')
  define('v.rides.notNull(), v.rides.notNull()')
  refused(await run('features', 'plan'), 2, 'MR1005', 'features', 'two expectations are the same')
})

test('of all rows together there is one vector, which is judged as others are', async () => {
  define('expect.rowCount({ min: 1, max: 1 }), v.rides.between(0, 5)', '')
  refused(await run('features', 'materialise'), 1, 'MR4118', 'rides')
  define('expect.rowCount({ min: 1, max: 1 }), v.rides.between(6, 500)', '')
  expect(await run('features', 'materialise')).toMatchObject({ code: 0 })
})
