import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDuckdb } from '../../src/adapters/data/duckdb/engine.ts'
import type { CheckResult } from '../../src/define/report.ts'
import { dataset, expect as must, parquet, sql, t } from '../../src/index.ts'
import type { DataEngine } from '../../src/ports/data-engine.ts'
import { validate } from '../../src/stages/validate/validate.ts'
import { manualClock } from '../../src/testing/manual-clock.ts'
import { millrace } from '../support/command.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-limits-'))
let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb({ memory: 3e8 })
  mkdirSync(join(root, 'data'))
  await engine.writeParquet('SELECT range AS x, range % 7 AS y FROM range(20000)', join(root, 'data/a.parquet'))
  writeFileSync(join(root, 'secret.csv'), 'a\n1\n')
})
afterAll(async () => {
  await engine.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

/** The check of a query, and its neighbours, which must be as they are without it. */
async function queried(text: string, timeout?: string): Promise<CheckResult> {
  const query = sql([text] as unknown as TemplateStringsArray)
  const made = dataset('a', {
    source: parquet('data/a.parquet'),
    columns: { x: t.int(), y: t.int() },
    expect: c => [
      must.rowCount({ id: 'before', min: 20_000, max: 20_000 }),
      must.sql(query, { id: 'query', ...(timeout ? { timeout: timeout as '1s' } : {}) }),
      c.x.between(0, 19_999, { id: 'after' }),
    ],
  })
  const { report, release } = await validate({ engine, root, clock: manualClock() }, made)
  await release()
  for (const id of ['before', 'after']) expect(report.checks.find(one => one.id === id)?.status).toBe('pass')
  expect(await engine.rows('SELECT table_name FROM duckdb_tables() WHERE NOT internal')).toEqual([])
  return report.checks.find(one => one.id === 'query') as CheckResult
}

describe('a query of a user', () => {
  test.each([
    ['that inserts', 'INSERT INTO rows VALUES (1, 2)', /may only be a SELECT/],
    ['that writes a file', `COPY (SELECT 1) TO '${root}/written.csv'`, /may only be a SELECT/],
    ['that attaches a file', `ATTACH '${root}/written.db' AS other`, /may only be a SELECT/],
    ['that sets', 'SET memory_limit = 1', /may only be a SELECT/],
    ['that is a pragma', 'PRAGMA database_list', /may only be a SELECT/],
    ['of several statements', 'SELECT 1; SELECT 2', /one statement, it is 2/],
    [
      'that closes our bracket',
      `SELECT * FROM rows); COPY (SELECT 1) TO '${root}/written.csv'; SELECT * FROM (SELECT 1`,
      /syntax error/,
    ],
    ['that reads a file by function', `SELECT * FROM read_csv('${root}/secret.csv')`, /not what read_csv/],
    ['that reads text', "SELECT * FROM read_text('/etc/passwd')", /not what read_text/],
    ['that reads a file by name', `SELECT * FROM '${root}/secret.csv'`, /may only read 'rows'/],
    [
      'that reads a file by the name of a CTE elsewhere',
      `SELECT * FROM (WITH "${root}/secret.csv" AS (SELECT 1) SELECT 2), "${root}/secret.csv"`,
      /letters, digits/,
    ],
    ['that lists files', "SELECT * FROM glob('/*')", /not what glob/],
    [
      'that asks in a subquery',
      "SELECT * FROM rows WHERE x IN (SELECT size FROM read_blob('/etc/*'))",
      /not what read_blob/,
    ],
    ['that calls a query in text', "SELECT * FROM query('SELECT 1')", /not what query/],
    ['that reads the catalogue', 'SELECT * FROM information_schema.tables', /may only read/],
    ['that describes', 'SELECT * FROM (SHOW TABLES)', /may only read/],
    ['of nothing', '', /it is 0/],
    ['that is no SQL', 'SELEKT', /syntax error/],
    ['of an absent column', 'SELECT * FROM rows WHERE nothing > 1', /nothing/],
    ['whose error speaks of files', `SELECT error('file "x.parquet" is broken') FROM rows`, /x\.parquet/],
  ])('%s is an error of its check', async (_, text, reason) => {
    const found = await queried(text)
    expect(found.status).toBe('error')
    expect(found.error).toMatch(reason)
    expect(readdirSync(root).sort()).toEqual(['data', 'secret.csv'])
  })

  test('that takes longer than its timeout is ended', async () => {
    const begun = performance.now()
    const found = await queried('SELECT a.x FROM rows a, rows b, rows c WHERE a.x + b.x + c.x = -1', '500ms')
    expect(found.error).toMatch(/longer than its timeout of 0.5s/)
    expect(performance.now() - begun).toBeLessThan(20_000)
  })

  test('that gives far more rows than there are is ended', async () => {
    const found = await queried('SELECT a.x, b.y FROM rows a, rows b, rows c')
    expect(found.error).toMatch(/more than 1,040,000 rows/)
  })

  test.each([
    ['SELECT * FROM rows WHERE x < 3', 3],
    ['SELECT * FROM rows WHERE x < 3 -- up to here', 3],
    ['SELECT * FROM rows WHERE x < 3;', 3],
    ['WITH few AS (SELECT * FROM rows WHERE x < 5) SELECT * FROM few', 5],
    ['SELECT r.* FROM rows r, range(3) WHERE x = 1', 1],
    ['SELECT r.* FROM (VALUES (1)) v LEFT JOIN rows r ON false', 1],
    ["SELECT 'x' AS millrace_row", 1],
    ['SELECT NULL AS millrace_row', 1],
    ['SELECT 1 FROM rows WHERE x < 4', 4],
  ])('counts what it finds: %s', async (text, bad) => {
    expect(await queried(text)).toMatchObject({ status: 'fail', bad })
  })
})

test("a user's function that does not do what it should is an error of its check, and nothing else", async () => {
  const project = mkdtempSync(join(tmpdir(), 'millrace-limits-'))
  try {
    mkdirSync(join(project, 'node_modules'))
    symlinkSync(resolve('.'), join(project, 'node_modules/millrace'))
    symlinkSync(join(root, 'data'), join(project, 'data'))
    const functions: Readonly<Record<string, readonly [body: string, reason: RegExp | undefined]>> = {
      loops: ['{ for (;;); }', /longer than its timeout/],
      heap: [
        '{ const all: unknown[] = []; for (;;) all.push(Array.from({ length: 1e5 }, (_, i) => ({ i }))) }',
        /more than 80 MB/,
      ],
      buffers: ['{ const all: Buffer[] = []; for (;;) all.push(Buffer.alloc(2e7, 1)) }', /more than 80 MB/],
      throws: ["{ throw new Error('no luck') }", /no luck/],
      nothing: ['{ throw null }', /null/],
      short: ['x.slice(1).map(() => true)', /one boolean for each of the/],
      number: ['7 as never', /one boolean for each of the/],
      promise: ['Promise.resolve(x.map(() => true)) as never', /one boolean for each of the/],
      leaves: ['{ process.exit(0) }', /calls process\.exit\(0\)/],
      killed: ["{ process.kill(process.pid, 'SIGKILL'); return x.map(() => true) }", /SIGKILL|one boolean/],
      says: [
        "{ process.stdout.write('{not json'); console.log('x'.repeat(1e6)); return x.map(() => true) }",
        undefined,
      ],
      truthy: ["x.map(() => 'yes') as never", undefined],
      forged: ["{ process.send!({ bad: [-1, 'x', 1e9] }); return x.map(() => true) }", /no answer/],
    }
    const lines = Object.entries(functions).map(
      ([id, [body]]) =>
        `expect.batches([c.x], ({ x }) => ${body.startsWith('{') ? body : `(${body})`}, { id: '${id}', says: '${id}', memoryMb: 80, timeout: '${id === 'loops' ? '3s' : '1m'}', severity: 'info' }),`,
    )
    writeFileSync(
      join(project, 'millrace.config.ts'),
      `import { dataset, expect, parquet, project, t } from 'millrace'
export default project('p', { a: dataset('a', { source: parquet('data/a.parquet'), columns: { x: t.int(), y: t.int() }, quarantine: false, expect: c => [
${lines.join('\n')}
c.x.between(0, 19_999, { id: 'neighbour' }) ] }) })
`,
    )
    const { code, out, said } = await millrace(project, ['validate', '--json'])
    expect(said).not.toMatch(/\n\s+at .+:\d+:\d+/)
    expect(code, said.slice(-3000)).toBe(1)
    const checks = (JSON.parse(out) as { checks: CheckResult[] }[])[0]?.checks ?? []
    const of = (id: string) => checks.find(one => one.id === id) as CheckResult
    expect(of('neighbour')).toMatchObject({ status: 'pass', evaluated: 20_000 })
    for (const [id, [, reason]] of Object.entries(functions))
      if (reason) {
        expect([id, of(id).status]).toEqual([id, 'error'])
        expect(of(id).error, id).toMatch(reason)
      }
    expect(of('says')).toMatchObject({ status: 'pass', evaluated: 20_000 })
    // what is not true itself does not hold
    expect(of('truthy')).toMatchObject({ status: 'fail', bad: 20_000 })
    expect(existsSync(join(project, 'written'))).toBe(false)
  } finally {
    rmSync(project, { recursive: true, force: true, maxRetries: 5 })
  }
})
