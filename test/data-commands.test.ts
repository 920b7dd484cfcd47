import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Report } from '../src/define/report.ts'
import { millrace, type Said } from './support/command.ts'
import { inside } from './support/inside.ts'
import { whileLocked } from './support/locked.ts'
import { refused } from './support/refused.ts'

// Looking at data by the command line: each flag by what it changes, and what is refused beside what just is not.

let root: string
const run = (...words: string[]): Promise<Said> => inside(root, words)
const reports = async (...words: string[]): Promise<Report[]> =>
  JSON.parse((await run(...words, '--json')).out) as Report[]
const write = (file: string, text: string): void => {
  mkdirSync(join(root, file, '..'), { recursive: true })
  writeFileSync(join(root, file), text)
}
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

const config = `import { csv, dataset, expect, gbt, model, parquet, project, sql, t } from 'millrace'
const columns = { id: t.int(), at: t.timestamp('UTC'), km: t.float() }
const source = csv('data/*.csv')
const good = dataset('good', { source, columns, eventTime: 'at', expect: c => [c.id.unique(), c.km.between(0, 10)] })
const warned = dataset('warned', { source, columns, expect: c => [c.km.between(0, 8, { severity: 'warning' })] })
const failed = dataset('failed', { source, columns, expect: c => [c.km.between(0, 5), c.id.unique()] })
const single = dataset('single', { source: csv('data/a.csv'), columns })
const lacking = dataset('lacking', { source, columns: { ...columns, eventTime: t.timestamp('UTC'), gone: t.int() } })
const typed = dataset('typed', { source: parquet('typed.parquet'), columns: { id: t.bool() } })
const asked = dataset('asked', { source, columns, expect: c => [
  expect.sql(sql\`SELECT * FROM read_csv('/etc/hostname')\`, { id: 'query' }),
  expect.sql(sql\`SELECT * FROM rows WHERE km > 8\`, { id: 'long' }),
  expect.batches([c.km], () => { throw new Error('of my own') }, { id: 'batch', says: 'throws' }),
  expect.batches([c.km], ({ km }) => km.map(() => true), { id: 'nothing', says: 'lets all pass' }),
] })
const of = (name, from, more = {}) => model(name, { task: 'regression', from, label: c => c.km, inputs: c => ({ id: c.id }), split: { by: 'time', train: '2d', test: '1d', ...more }, train: gbt({ trees: 1, minLeaf: 1 }) })
const late = of('late', good, { until: '2020-01-01T00:00:00Z' })
export default project('p', { good, warned, failed, single, lacking, typed, asked, late, now: of('now', good) })
`

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-data-'))
  write('millrace.config.ts', config)
  const rows = Array.from({ length: 96 }, (_, i) => {
    const at = new Date(Date.UTC(2026, 0, 1) + i * 3_600_000).toISOString().slice(0, 19)
    return `${i},${at},${(i % 97) / 10}`
  })
  write('data/a.csv', `id,at,km\n${rows.join('\n')}\n`)
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

describe('validate', () => {
  test('a warning lets the whole pass, and fails it with --strict, whatever the others say', async () => {
    expect(await run('validate', 'warned')).toMatchObject({ code: 0 })
    expect(await run('validate', 'warned', '--strict')).toMatchObject({ code: 1 })
    expect(await run('validate', 'good', '--strict')).toMatchObject({ code: 0 })
    // two datasets of which one warns
    write(
      'two/millrace.config.ts',
      config.replace(/export default .*/, "export default project('p', { good, warned })"),
    )
    write('two/data/a.csv', read('data/a.csv'))
    expect(await inside(join(root, 'two'), ['validate'])).toMatchObject({ code: 0 })
    expect(await inside(join(root, 'two'), ['validate', '--strict'])).toMatchObject({ code: 1 })
    expect(await run('validate', 'failed')).toMatchObject({ code: 1 })
  })

  test('is told by the reporter that was asked for, and passes with --verbose', async () => {
    const begins = {
      json: /^\[?\s*[{[]/,
      junit: /^<\?xml/,
      sarif: /"version": "2\.1\.0"/,
      github: /^::error /m,
      azure: /^##vso/m,
      'code-quality': /"fingerprint"/,
      markdown: /^\|/m,
      html: /^<!doctype html>/i,
      pretty: /✗/,
    }
    for (const [name, form] of Object.entries(begins))
      expect([name, (await run('validate', 'failed', '--reporter', name)).out]).toEqual([
        name,
        expect.stringMatching(form),
      ])
    refused(await run('validate', 'failed', '--reporter', 'xml'), 2, 'MR1101', 'xml')
    const passed = /✓ .*unique/
    expect((await run('validate', 'failed')).out).not.toMatch(passed)
    expect((await run('validate', 'failed', '--verbose')).out).toMatch(passed)
  })

  test('is written into every file that is named', async () => {
    const files = { junit: '<testsuite', sarif: '"2.1.0"', html: '<html', markdown: '|', 'code-quality': 'fingerprint' }
    for (const [name, holds] of Object.entries(files)) {
      const file = `out/${name}.txt`
      await run('validate', 'failed')
      expect(existsSync(join(root, file))).toBe(false)
      expect(await run('validate', 'failed', `--${name}`, file)).toMatchObject({ code: 1 })
      expect(read(file)).toContain(holds)
    }
  })

  test('keeps the failing rows, and none with --no-rows; explains what it did where it is asked', async () => {
    const quarantine = join(root, '.millrace/quarantine/failed.parquet')
    rmSync(quarantine, { force: true })
    const [bare] = await reports('validate', 'failed', '--no-rows')
    expect(existsSync(quarantine)).toBe(false)
    const [kept] = await reports('validate', 'failed')
    expect(existsSync(quarantine)).toBe(true)
    const bad = (one: Report | undefined): unknown => one?.checks.map(check => check.bad)
    expect(bad(bare)).toEqual(bad(kept))
    const explained = (await run('validate', 'failed', '--explain')).out
    expect(explained.length).toBeGreaterThan((await run('validate', 'failed')).out.length + 100)
  })

  test('what changes nothing is refused', async () => {
    refused(await run('validate', '--only', 'some'), 2, 'MR1101', 'changed')
    refused(await run('validate', '--once'), 2, 'MR1101', '--watch')
    refused(await run('validate', '--settle', '5s'), 2, 'MR1101', '--watch')
    refused(await run('validate', '--watch', 'inbox', '--once', '--settle', 'soon'), 2, 'MR1101', 'soon')
    refused(await run('validate', '--watch', 'inbox', '--once', '--strict'), 2, 'MR1101', '--strict')
    refused(await run('validate', 'goods'), 2, 'MR1006', 'good')
    refused(await run('validate', '--compare', 'nowhere'), 2, 'MR2019')
  })

  test('a query or a function of the user that does wrong is an error of its own check', async () => {
    const [report] = await reports('validate', 'asked')
    const said = Object.fromEntries((report?.checks ?? []).map(one => [one.id, `${one.status} ${one.message}`]))
    expect(said.query).toMatch(/^error .*it may only read 'rows', not what read_csv/)
    expect(said.batch).toMatch(/^error .*of my own/)
    expect(said.long).toMatch(/^fail/)
    expect(said.nothing).toMatch(/^pass/)
  })
})

describe('what training is refused', () => {
  test('for its data, by the column, the type, the rows', async () => {
    expect(await run('data', 'snapshot', 'lacking')).toMatchObject({
      code: 1,
      said: expect.stringContaining('gone is missing') as unknown,
    })
    expect(await run('train', 'late')).toMatchObject({ code: 1, said: expect.stringContaining('2020') as unknown })
    expect(await run('train', 'now')).toMatchObject({ code: 0 })
  })
})

describe('data ingest', () => {
  test('takes files where the dataset is a folder of them, under the name that is given', async () => {
    write('new.csv', 'id,at,km\n1000,2026-02-01T00:00:00,3\n')
    refused(await run('data', 'ingest', 'single', 'new.csv'), 2, 'MR2013', 'one file')
    refused(await run('data', 'ingest', 'good', 'gone.csv'), 2, 'MR1109', 'gone.csv')
    refused(await run('data', 'ingest', 'good', 'new.csv', 'new.csv', '--name', 'one.csv'), 2, 'MR1101', 'one file')
    expect(await run('data', 'ingest', 'good', 'new.csv', '--name', 'february.csv')).toMatchObject({ code: 0 })
    expect(existsSync(join(root, 'data/february.csv'))).toBe(true)
    expect(existsSync(join(root, 'data/new.csv'))).toBe(false)
    write('next.csv', 'id,at,km\n1001,2026-02-02T00:00:00,3\n')
    expect(await run('data', 'ingest', 'good', 'next.csv')).toMatchObject({ code: 0 })
    expect(existsSync(join(root, 'data/next.csv'))).toBe(true)
  })

  test('from a folder waits until they are as old as it is told', async () => {
    write('inbox/fourth.csv', 'id,at,km\n1003,2026-02-04T00:00:00,3\n')
    const before = performance.now()
    expect(await run('validate', 'good', '--watch', 'inbox', '--once', '--settle', '4s')).toMatchObject({ code: 0 })
    // the two seconds that are the default would not do
    expect(performance.now() - before).toBeGreaterThan(4_000)
    expect(existsSync(join(root, 'data/fourth.csv'))).toBe(true)
  })

  test('is one at a time', async () => {
    write('third.csv', 'id,at,km\n1002,2026-02-03T00:00:00,3\n')
    await whileLocked(join(root, '.millrace/ingest/good.lock'), async () => {
      refused(await run('data', 'ingest', 'good', 'third.csv'), 3, 'MR2014', 'good')
    })
    expect(await run('data', 'ingest', 'good', 'third.csv')).toMatchObject({ code: 0 })
  })
})

describe('profile', () => {
  interface Profile {
    readonly columns: readonly { readonly column: string }[]
  }
  const names = async (...words: string[]): Promise<string[]> => {
    const { out, said } = await run('profile', ...words, '--json')
    if (out === '') throw new Error(said)
    const found = JSON.parse(out) as Profile | { tables: Profile[] }
    return ('columns' in found ? found : (found.tables[0] as Profile)).columns.map(one => one.column)
  }
  test('reads files as it is told: format, delimiter, encoding', async () => {
    write('table.dat', 'a;b\n1;2\n3;4\n')
    refused(await run('profile', 'table.dat'), 2, 'MR2020', '--format')
    expect(await names('table.dat', '--format', 'csv')).toEqual(['a', 'b'])
    expect(await names('table.dat', '--delimiter', '|')).toEqual(['a;b'])
    writeFileSync(join(root, 'latin.csv'), Buffer.from('na\u00efve,b\n1,2\n', 'latin1'))
    expect(await names('latin.csv', '--encoding', 'latin-1')).toEqual(['na\u00efve', 'b'])
    refused(await run('profile', 'table.dat', '--format', 'json', '--delimiter', ';'), 2, 'MR1101')
    refused(await run('profile', 'table.dat', '--delimiter', ''), 2, 'MR1101')
    refused(await run('profile', 'latin.csv', '--encoding', 'ebcdic'), 2, 'MR1')
  })
})

test('a test of expectations goes where it is told, and replaces nothing without --force', async () => {
  expect(await run('check-test', 'good', '--out', 'checks/of-good.test.ts')).toMatchObject({ code: 0 })
  const written = read('checks/of-good.test.ts')
  expect(existsSync(join(root, 'good.check.test.ts'))).toBe(false)
  write('checks/of-good.test.ts', '// mine')
  refused(await run('check-test', 'good', '--out', 'checks/of-good.test.ts'), 2, '--force')
  expect(read('checks/of-good.test.ts')).toBe('// mine')
  expect(await run('check-test', 'good', '--out', 'checks/of-good.test.ts', '--force')).toMatchObject({ code: 0 })
  expect(read('checks/of-good.test.ts')).toBe(written)
})

test('init writes into an empty folder and into no other', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-init-'))
  expect(await inside(folder, ['init'])).toMatchObject({ code: 0 })
  refused(await inside(folder, ['init']), 2, 'MR1102', 'millrace.config.ts')
})

describe('what is not installed', () => {
  test('is named with how to get it', async () => {
    // hides packages that are there with the development tools
    const hide = `data:text/javascript,${encodeURIComponent(
      `import { register } from 'node:module'
register('data:text/javascript,' + encodeURIComponent(\`export async function resolve(name, context, next) {
  if (/^(apache-arrow|vega-datasets)/.test(name)) throw Object.assign(new Error('no ' + name), { code: 'ERR_MODULE_NOT_FOUND' })
  return next(name, context)
}\`))`,
    )}`
    const before = process.env.NODE_OPTIONS
    process.env.NODE_OPTIONS = `--import ${hide}`
    try {
      write(
        'arrow/millrace.config.ts',
        "import { arrow, dataset, project, t } from 'millrace'\nexport default project('p', { a: dataset('a', { source: arrow('a.arrow'), columns: { id: t.int() } }) })\n",
      )
      write('arrow/a.arrow', 'ARROW1')
      refused(await millrace(join(root, 'arrow'), ['validate']), 2, 'MR2012', 'npm install apache-arrow')
    } finally {
      if (before === undefined) delete process.env.NODE_OPTIONS
      else process.env.NODE_OPTIONS = before
    }
  })
})
