import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { millrace } from './support/command.ts'

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
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const rules = (name: string) => (imported.get(name) as Imported).datasets.flatMap(one => one.rules)

test('every rule of every file comes out with what became of it, and why where it is not the same', () => {
  expect([...imported].map(([name]) => [name, rules(name).length])).toEqual([
    ['great-expectations/flights-0x.json', 18],
    ['great-expectations/flights-1x.json', 16],
    ['soda/checks.yml', 32],
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
async function failing(tool: string, file: string, constants: readonly string[], dataset: string): Promise<readonly string[]> {
  const names = constants.join(', ')
  writeFileSync(
    join(folder, 'millrace.config.ts'),
    `import { project } from 'millrace'\nimport { ${names} } from './${module(tool, file)}'\nexport default project('imports', { ${names} })\n`,
  )
  const { out, said } = await millrace(folder, ['validate', dataset, '--json'])
  const parsed = JSON.parse(out) as { readonly reports?: readonly { readonly checks: readonly Check[] }[] }
  if (!parsed.reports) throw new Error(said)
  return parsed.reports
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
      (1, 'ABC', 5.0, 'landed', 300.0, TIMESTAMP '2001-03-01 12:00:00', TIMESTAMP '2001-03-01 10:00:00'),
      (2, 'abc', -120.0, 'lost', 500.0, TIMESTAMP '2001-03-01 09:00:00', TIMESTAMP '2001-03-01 10:00:00'),
      (3, 'DEF', NULL, 'landed', -1.0, NULL, TIMESTAMP '2001-07-01 00:00:00')
    ) AS rows(flight, origin, delay, status, distance, landed, departed)`.replaceAll('(1,', "('1',").replaceAll('(2,', "('2',").replaceAll('(3,', "('3',"),
  )
  const found = await failing('great-expectations', 'flights-1x.json', ['flightsWarning'], 'flights.warning')
  expect(found).toMatchInlineSnapshot()
})
