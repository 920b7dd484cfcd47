import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Report } from '../src/index.ts'
import { inside as millrace } from './support/inside.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-suggest-')))
const config = join(root, 'millrace.config.ts')

const declaration = `import { csv, dataset, project, t } from 'millrace'

/** Orders as the shop exports them. */
const orders = dataset('orders', {
  source: csv('data/orders.csv', { delimiter: ';' }),
  columns: {
    id: t.int(),
    placed: t.timestamp('UTC'),
    "state; it's": t.text(),
    net: t.float(),
    gross: t.float(),
    note: t.nullable(t.text()),
  },
  eventTime: 'placed',
})

export default project('shop', { orders })
`

beforeAll(() => {
  mkdirSync(join(root, 'data'))
  mkdirSync(join(root, 'node_modules'))
  symlinkSync(resolve('.'), join(root, 'node_modules/millrace'))
  writeFileSync(join(root, 'package.json'), '{"type":"module"}')
  const lines = Array.from({ length: 1000 }, (_, i) => {
    const net = i === 17 ? 1e6 : (i * 7919) % 100
    const state = ["it's new", 'paid */', '${sent}'][i % 3]
    return [
      i,
      new Date(Date.UTC(2020, 0, 1) + i * 3_600_000).toISOString(),
      state,
      net,
      net + 1 + (i % 40),
      i % 4 === 0 ? '' : `n${i % 90}`,
    ].join(';')
  })
  writeFileSync(
    join(root, 'data/orders.csv'),
    `id;placed;state; it's;net;gross;note\n${lines.join('\n')}\n`.replace("state; it's", '"state; it\'s"'),
  )
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

/** What the compiler says of the project file; nothing where it is content. */
const compile = (): Promise<string> =>
  new Promise(done =>
    execFile(
      process.execPath,
      [
        resolve('node_modules/typescript/bin/tsc'),
        '--noEmit',
        '--strict',
        '--module',
        'nodenext',
        '--target',
        'es2023',
        '--skipLibCheck',
        'millrace.config.ts',
      ],
      { cwd: root },
      (error, out, err) => done(error === null ? '' : `${out}${err}`),
    ),
  )

interface Suggested {
  readonly suggested: readonly { readonly code: string; readonly evidence: string }[]
  readonly notSuggested: readonly { readonly code: string }[]
  readonly patch: string | null
}

test('files are profiled outside of any project', async () => {
  const { code, out } = await millrace(join(root, 'data'), ['profile', '*.csv', '--html', 'out/profile.html'])
  expect(code).toBe(0)
  expect(out).toContain('read as csv(…, { delimiter: ";" })')
  expect(out).toContain('net: 1 value far from all others: 1000000')
  expect(out).toMatch(/^id +int +0 % +1,000 +0 +999 /m)
  const page = readFileSync(join(root, 'data/out/profile.html'), 'utf8')
  expect(page).toContain('paid */')
  expect(page).not.toMatch(/<(?:img|link|iframe)|<[^>]*\s(?:src|href)=/)
  const { out: json } = await millrace(join(root, 'data'), ['profile', 'orders.csv', '--json'])
  expect(JSON.parse(json)).toMatchObject({
    rows: 1000,
    csv: { delimiter: ';' },
    keys: [['id'], ['placed']],
    columns: [{ column: 'id', min: 0, max: 999 }, { min: '2020-01-01T00:00:00Z' }, {}, {}, {}, {}],
  })
})

test('what cannot be profiled is said with a code', async () => {
  writeFileSync(join(root, 'data/orders.rows'), 'id\n1\n')
  for (const [args, exit, code] of [
    [['nothing.csv'], 3, 'MR2002'],
    [['out/profile.html'], 3, 'it is a web page'],
    [['orders.rows'], 2, 'MR2020'],
    [['orders.csv', '--format', 'xlsx'], 2, 'MR1'],
  ] as const) {
    const { code: found, said } = await millrace(join(root, 'data'), ['profile', ...args])
    expect([found, said]).toEqual([exit, expect.stringContaining(code)])
    expect(said).not.toContain('    at ')
  }
})

test('suggestions are a patch that git applies; written, they compile and hold on the same data', async () => {
  writeFileSync(config, declaration)
  expect(await compile()).toBe('')
  const { code, out } = await millrace(root, ['suggest', 'orders', '--json'])
  expect(code).toBe(0)
  const found = JSON.parse(out) as Suggested
  expect(found.suggested.map(one => one.code)).toEqual([
    'expect.rowCount({ min: 500 })',
    'c.id.unique()',
    "c['state; it\\'s'].inSet(['${sent}', 'it\\'s new', 'paid */'])",
    expect.stringMatching(/^c\.net\.between\(0, 110, \{ mostly: 0\.\d+, severity: 'warning' \}\)$/),
    expect.stringMatching(
      /^c\.gross\.between\(0, 140, \{ minExclusive: true, mostly: 0\.\d+, severity: 'warning' \}\)$/,
    ),
    'c.note.nullShare({ max: 0.32 })',
    'c.note.matches(/^[a-z][0-9]{1,2}$/)',
    "expect.compare(c.net, 'lt', c.gross)",
  ])
  expect(readFileSync(config, 'utf8')).toBe(declaration)
  writeFileSync(join(root, 'p.diff'), found.patch ?? '')
  await new Promise<void>((done, refused) =>
    execFile('git', ['apply', '--check', 'p.diff'], { cwd: root }, error => (error ? refused(error) : done())),
  )

  const wrote = await millrace(root, ['suggest', 'orders', '--write'])
  expect(wrote.code).toBe(0)
  const written = readFileSync(config, 'utf8')
  expect(written).toContain('all 800 rows before 2020-02-03, all 200 after')
  expect(
    written
      .replace(/ {2}expect: c => \[\n(?: {4}.*\n)*? {2}\],\n/, '')
      .replace('dataset, expect, project', 'dataset, project'),
  ).toBe(declaration)
  expect(await compile()).toBe('')

  const { code: validated, out: text } = await millrace(root, ['validate', 'orders', '--json'])
  const [report] = JSON.parse(text) as Report[]
  expect(report?.checks.filter(one => one.status !== 'pass').map(one => one.message)).toEqual([])
  expect([validated, report?.status]).toEqual([0, 'pass'])
  const again = JSON.parse((await millrace(root, ['suggest', 'orders', '--json'])).out) as Suggested
  expect(again.suggested).toEqual([])
})

test('a declaration that is put together from others is left as it is, with lines to paste', async () => {
  const shared = declaration
    .replace("  eventTime: 'placed',\n", "  eventTime: 'placed',\n  expect: c => [...rules(c)],\n")
    .replace('/** Orders', 'const rules = (_: unknown) => []\n/** Orders')
  writeFileSync(config, shared)
  const { code, said } = await millrace(root, ['suggest', 'orders', '--write'])
  expect(code).toBe(1)
  expect(said).toContain('MR2022')
  expect(said).toContain('    c.id.unique(), // all 800 rows before 2020-02-03, all 200 after')
  expect(readFileSync(config, 'utf8')).toBe(shared)
})

test('a dataset of the project is profiled with the columns that it does not declare', async () => {
  writeFileSync(config, declaration.replace('    gross: t.float(),\n', ''))
  const { out } = await millrace(root, ['profile', 'orders', '--json'])
  const found = JSON.parse(out) as { columns: { column: string; declared: boolean }[] }
  expect(found.columns.filter(one => !one.declared).map(one => one.column)).toEqual(['gross'])
})
