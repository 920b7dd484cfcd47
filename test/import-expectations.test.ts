import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inside as millrace } from './support/inside.ts'

const fixtures = resolve('test/fixtures/import')
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-import-')))
const tools = ['great-expectations', 'soda', 'pandera', 'dbt']
const module = (tool: string, file: string): string => `${tool}-${basename(file).replaceAll('.', '-')}.ts`

interface Imported {
  readonly datasets: readonly {
    readonly name: string
    readonly rules: readonly { readonly source: string; readonly outcome: string; readonly why?: string }[]
  }[]
  readonly module: string
}

const imported = new Map<string, Imported>()

beforeAll(async () => {
  mkdirSync(join(folder, 'node_modules'))
  mkdirSync(join(folder, 'data'))
  symlinkSync(resolve('.'), join(folder, 'node_modules/millrace'))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'imports', private: true, type: 'module' }))
  const options = { strict: true, noEmit: true, target: 'es2023', module: 'nodenext', moduleResolution: 'nodenext' }
  const compilerOptions = { ...options, types: [], skipLibCheck: true, noUnusedLocals: true, noUnusedParameters: true }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  for (const tool of tools)
    for (const file of readdirSync(join(fixtures, tool))) {
      const path = join(fixtures, tool, file)
      const { code, out, said } = await millrace(folder, ['import', tool, path, '--json', '--out', module(tool, file)])
      if (code !== 0) throw new Error(said)
      imported.set(`${tool}/${file}`, JSON.parse(out) as Imported)
    }
})
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

const rules = (name: string) => (imported.get(name) as Imported).datasets.flatMap(one => one.rules)

test('every rule of every file comes out with what became of it, and why where it is not the same', () => {
  expect([...imported].map(([name]) => [name, rules(name).length])).toEqual([
    ['great-expectations/flights-0x.json', 18],
    ['great-expectations/flights-1x.json', 16],
    ['soda/checks.yml', 31],
    ['soda/contract.yml', 21],
    ['pandera/flights.yaml', 28],
    ['pandera/legacy.yaml', 13],
    ['dbt/schema.yml', 28],
  ])
  for (const name of imported.keys())
    for (const rule of rules(name)) if (rule.outcome !== 'carried') expect(rule.why, rule.source).toMatch(/\w/)
})

test('the modules of all files pass the type checker', () => {
  const tsc = resolve('node_modules/.bin/tsc')
  expect(execFileSync(tsc, ['-p', folder], { encoding: 'utf8' })).toBe('')
})

interface Check {
  readonly id: string
  readonly kind: string
  readonly status: string
  readonly severity: string
  readonly target: { readonly columns?: readonly string[] }
  readonly bad: number
}

/** The checks of a dataset that do not pass, as `kind columns: bad`. */
async function failing(
  tool: string,
  file: string,
  constants: readonly string[],
  dataset: string,
): Promise<readonly string[]> {
  const names = constants.join(', ')
  writeFileSync(
    join(folder, 'millrace.config.ts'),
    `import { project } from 'millrace'\nimport { ${names} } from './${module(tool, file)}'\nexport default project('imports', { ${names} })\n`,
  )
  const { out, said } = await millrace(folder, ['validate', dataset, '--json'])
  const reports = JSON.parse(out) as readonly { readonly checks: readonly Check[] }[]
  if (!Array.isArray(reports)) throw new Error(said)
  return reports
    .flatMap(report => report.checks)
    .filter(check => check.status !== 'pass')
    .map(check => `${check.status} ${check.kind} ${(check.target.columns ?? []).join('+')}: ${check.bad}`)
    .sort()
}

async function parquet(name: string, query: string): Promise<void> {
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  await connection.run(`COPY (${query}) TO '${join(folder, 'data', name)}' (FORMAT parquet)`)
  connection.closeSync()
  instance.closeSync()
}

test('what a suite of Great Expectations became finds the rows that break it', async () => {
  await parquet(
    'flights.warning.parquet',
    `SELECT * FROM (VALUES
      ('1', 'ABC', 5.0, 'landed', 300.0, TIMESTAMP '2001-03-01 12:00:00', TIMESTAMP '2001-03-01 10:00:00'),
      ('2', 'abc', -120.0, 'lost', 500.0, TIMESTAMP '2001-03-01 09:00:00', TIMESTAMP '2001-03-01 10:00:00'),
      ('3', 'DEF', NULL, 'landed', -1.0, NULL, TIMESTAMP '2001-07-01 00:00:00')
    ) AS rows(flight, origin, delay, status, distance, landed, departed)`,
  )
  expect(
    await failing('great-expectations', 'flights-1x.json', ['flightsWarning'], 'flights.warning'),
  ).toMatchInlineSnapshot(`
    [
      "fail between delay: 1",
      "fail between departed: 1",
      "fail compare departed+landed: 1",
      "fail expression distance+status: 1",
      "fail inSet status: 1",
      "fail matches origin: 1",
      "fail notNull delay: 1",
      "fail quantiles delay: 2",
    ]
  `)
})

test('what a schema of Pandera became does', async () => {
  await parquet(
    'flights.parquet',
    `SELECT * FROM (VALUES
      (1, 1440.0, 0.0, 'ABC', 'landed', TIMESTAMP '2001-03-01 12:00:00', 'a.b weather'),
      (1, 5.0, NULL, 'XXX', 'lost', TIMESTAMP '2000-01-01 00:00:00', 'Crew'),
      (2, 5.0, 3.0, 'abcd', NULL, TIMESTAMP '2001-03-01 12:00:00', NULL)
    ) AS rows(flight, delay, distance, origin, status, departed, note)`,
  )
  expect(await failing('pandera', 'flights.yaml', ['flights'], 'flights')).toMatchInlineSnapshot(`
    [
      "fail between delay: 1",
      "fail between departed: 1",
      "fail between distance: 2",
      "fail equalsSet status: 2",
      "fail inSet status: 1",
      "fail length origin: 1",
      "fail matches note: 1",
      "fail matches origin: 1",
      "fail notInSet origin: 1",
      "fail notNull distance: 1",
      "fail unique flight: 2",
    ]
  `)
})

test('what a contract of Soda became does', async () => {
  await parquet(
    'orders.parquet',
    `SELECT * FROM (VALUES
      (1, 'paid', 0.0, 'AB-1', TIMESTAMP '2025-03-01 12:00:00'),
      (1, 'lost', 5.0, 'AB-2', TIMESTAMP '2025-03-01 12:00:00'),
      (2, 'n/a', -5.0, 'ab', TIMESTAMP '2025-03-01 12:00:00'),
      (NULL, 'paid', -2.0, NULL, NULL),
      (NULL, 'test', -2.0, 'xy', NULL)
    ) AS rows(id, status, amount, sku, booked)`,
  )
  expect(await failing('soda', 'contract.yml', ['orders'], 'orders')).toMatchInlineSnapshot(`
    [
      "fail between amount: 1",
      "fail expression amount+status: 1",
      "fail inSet status: 2",
      "fail matches sku: 1",
      "fail mean amount: 1",
      "fail notNull id: 1",
      "fail unique id: 2",
    ]
  `)
})

test('what the models of dbt became does, across datasets', async () => {
  await parquet(
    'customers.parquet',
    `SELECT TIMESTAMP '2025-03-01 12:00:00' AS loaded_at, i::BIGINT AS id FROM range(3) AS rows(i)`,
  )
  await parquet(
    'orders.parquet',
    `SELECT * FROM (VALUES
      (1, 0, 5.0, 5.0, 'paid', TIMESTAMP '2025-03-01 12:00:00', 1),
      (1, 0, 9.0, 5.0, 'void', TIMESTAMP '2025-03-01 12:00:00', 4),
      (2, 7, 9.0, 5.0, 'open', TIMESTAMP '2025-03-01 12:00:00', NULL),
      (3, 8, NULL, 0.0, 'lost', TIMESTAMP '2025-03-01 12:00:00', NULL)
    ) AS rows(id, customer_id, paid, amount, status, ordered_at, size)`,
  )
  expect(await failing('dbt', 'schema.yml', ['customers', 'orders'], 'orders')).toMatchInlineSnapshot(`
    [
      "fail between amount: 1",
      "fail expression amount+paid: 1",
      "fail foreignKey customer_id: 2",
      "fail inSet size: 1",
      "fail inSet status: 1",
      "fail primaryKey id: 2",
      "fail unique id+customer_id: 2",
      "fail unique id: 2",
      "warn notNull paid: 1",
    ]
  `)
})

test('the module goes to stdout, the table to stderr; --strict tells that rules were left out; a file is not replaced', async () => {
  const suite = join(fixtures, 'great-expectations/flights-1x.json')
  const shown = await millrace(folder, ['import', 'great-expectations', suite])
  expect(shown.code).toBe(0)
  expect(shown.out).toContain("export const flightsWarning = dataset('flights.warning', {")
  expect(shown.out).not.toContain('OUTCOME')
  expect(shown.said).toMatch(/16 rules: 11 carried over, 2 carried over with a difference, 3 left out/)
  expect((await millrace(folder, ['import', 'great-expectations', suite, '--strict'])).code).toBe(1)
  const kept = await millrace(folder, ['import', 'great-expectations', suite, '--out', 'package.json'])
  expect(kept).toMatchObject({ code: 2, said: expect.stringContaining('MR1205') as unknown })
})

test('the source is that of the project, or of an option; a dataset that the project does not have is refused', async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-import-into-')))
  mkdirSync(join(root, 'node_modules'))
  symlinkSync(resolve('.'), join(root, 'node_modules/millrace'))
  writeFileSync(join(root, 'checks.yml'), 'checks for orders:\n  - missing_count(id) = 0\n')
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, project, t } from 'millrace'
const orders = dataset('orders', { source: csv('data/*.csv', { delimiter: ';' }), columns: { id: t.int() } })
export default project('p', { orders })`,
  )
  const soda = (...more: string[]) => millrace(root, ['import', 'soda', 'checks.yml', ...more])
  expect((await soda()).out).toContain("source: csv('data/*.csv', { delimiter: ';' }),")
  expect((await soda('--source', 'in/*.tsv')).out).toContain("source: csv('in/*.tsv', { delimiter: '\\t' }),")
  expect((await soda('--source', 'in/*.ndjson')).out).toContain("source: json('in/*.ndjson'),")
  expect(await soda('--source', 'in/*.xls')).toMatchObject({
    code: 2,
    said: expect.stringMatching(/MR1101/) as unknown,
  })
  const unknown = await soda('--dataset', 'oders')
  expect(unknown).toMatchObject({
    code: 2,
    said: expect.stringMatching(/'oders'[^]*It has: orders[^]*MR1006/) as unknown,
  })
  rmSync(root, { recursive: true })
})

test('what is no file of the tool is told by code and place', async () => {
  writeFileSync(join(folder, 'broken.json'), '{"expectations": [}')
  const broken = await millrace(folder, ['import', 'great-expectations', 'broken.json'])
  expect(broken).toMatchObject({ code: 2, said: expect.stringMatching(/line 1, column 19[^]*MR1203/) as unknown })
  const other = await millrace(folder, ['import', 'dbt', 'tsconfig.json'])
  expect(other).toMatchObject({ code: 2, said: expect.stringMatching(/MR1204/) as unknown })
  expect((await millrace(folder, ['import', 'soda', 'nowhere.yml'])).code).toBe(2)
  const whole = await millrace(folder, ['import', 'great-expectations', join(fixtures, 'great-expectations'), '--json'])
  expect((JSON.parse(whole.out) as Imported).datasets.map(one => one.name)).toEqual(['flights-0x', 'flights.warning'])
})
