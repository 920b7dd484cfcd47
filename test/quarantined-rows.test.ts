import { mkdtempSync, readFileSync, rmSync, symlinkSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { inside as millrace } from './support/inside.ts'

// What the guide says of rows that break a rule: which stay in the data, and who says so.

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-quarantined-'))
  folders.push(folder)
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(resolve('.'), join(folder, 'node_modules', 'millrace'))
  const airlines = Array.from({ length: 1_000 }, (_, i) => (i % 200 === 7 ? 'HA' : i % 2 === 0 ? 'AA' : 'UA'))
  writeFileSync(join(folder, 'flights.csv'), `id,carrier\n${airlines.map((one, i) => `${i},${one}`).join('\n')}\n`)
})

function declare(expectations: string, more = ''): void {
  writeFileSync(
    join(folder, 'millrace.config.ts'),
    `import { csv, dataset, expect, project, t } from 'millrace'
const flights = dataset('flights', {
  source: csv('flights.csv'), columns: { id: t.int(), carrier: t.text() }, ${more}
  expect: c => [${expectations}],
})
export default project('air', { flights })
`,
  )
}

async function snapshot(): Promise<{ code: number; rows: number | null; quarantined: number | null; said: string }> {
  const json = await millrace(folder, ['data', 'snapshot', '--json'])
  const { said } = await millrace(folder, ['data', 'snapshot'])
  const { rows, quarantined } = JSON.parse(json.out) as { rows: number | null; quarantined: number | null }
  return { code: json.code, rows, quarantined, said }
}

const two = "c.carrier.inSet(['AA', 'UA']"

test('rows that a passing check tolerates stay in the data', async () => {
  declare(`${two}, { mostly: 0.99 })`)
  const checked = await millrace(folder, ['validate'])
  expect(checked.code).toBe(0)
  expect(checked.said).not.toContain('stay out')
  expect(await snapshot()).toMatchObject({ code: 0, rows: 1_000, quarantined: 0 })
})

test.each([
  ['the check', `${two}, { mostly: 0.99, quarantine: true })`, ''],
  ['the dataset', `${two}, { mostly: 0.99 })`, 'quarantine: true,'],
  ['a warning', `${two}, { severity: 'warning', quarantine: true })`, ''],
])('%s can ask for them to stay out, and every report says so', async (_who, expectations, more) => {
  declare(expectations, more)
  const sentence = '5 of 1,000 rows stay out of snapshots: 5 by carrier inSet'
  const [junit, html, markdown, sarif] = ['junit.xml', 'report.html', 'summary.md', 'report.sarif'].map(name =>
    join(folder, name),
  ) as [string, string, string, string]
  const reports = ['--junit', junit, '--html', html, '--markdown', markdown, '--sarif', sarif]
  const written = await millrace(folder, ['validate', ...reports])
  expect(written.said).toContain(sentence)
  for (const file of [junit, html, markdown, sarif]) expect(readFileSync(file, 'utf8')).toContain(sentence)
  const made = await snapshot()
  expect(made).toMatchObject({ code: 0, rows: 995, quarantined: 5 })
  expect(made.said).toContain(sentence)
})

test.each([
  ['tolerated by number', 'expect.wholeLines({ maxBad: 5 })', 0],
  ['tolerated by share', 'expect.wholeLines({ mostly: 0 })', 0],
  ['what a warning tells', "expect.wholeLines({ severity: 'warning' })", 0],
  ['not tolerated', '', 1],
])(
  'lines that are no rows are told by every report, with their places, also where they are %s',
  async (_how, declared, code) => {
    declare(declared)
    const file = join(folder, 'flights.csv')
    const lines = readFileSync(file, 'utf8').split('\n')
    for (const line of [11, 21, 31, 41]) lines[line - 1] += ',one,too many'
    writeFileSync(file, lines.join('\n'))
    const sentence = '4 lines are no rows and are left out: flights.csv:11, flights.csv:21, flights.csv:31, …'
    const [junit, html, markdown, sarif] = ['junit.xml', 'report.html', 'summary.md', 'report.sarif'].map(name =>
      join(folder, name),
    ) as [string, string, string, string]
    const reports = ['--junit', junit, '--html', html, '--markdown', markdown, '--sarif', sarif]
    const written = await millrace(folder, ['validate', ...reports])
    expect([written.code, written.said]).toEqual([code, expect.stringContaining(sentence)])
    for (const one of [junit, html, markdown, sarif]) expect(readFileSync(one, 'utf8')).toContain(sentence)
    const made = await snapshot()
    expect(made).toMatchObject({ code: 0, rows: 996, quarantined: 0 })
    expect(made.said).toContain(sentence)
    expect(made.said).not.toContain('data quarantine')
  },
)

test('rows of a critical check that fails stay out while they are few, and are refused when nothing is left out', async () => {
  declare(`${two})`)
  expect(await snapshot()).toMatchObject({ code: 0, rows: 995, quarantined: 5 })
  for (const [expectations, more] of [
    [`${two}, { quarantine: false })`, ''],
    [`${two})`, 'quarantine: false,'],
  ] as const) {
    declare(expectations, more)
    const refused = await snapshot()
    expect(refused).toMatchObject({ code: 1, rows: null })
    expect(refused.said).toContain('carrier')
  }
})

test('one percent of the rows may break critical checks that fail, not more; tolerated rows are not counted', async () => {
  declare(`c.id.between(0, 989), ${two}, { mostly: 0.9, quarantine: true })`)
  expect(await snapshot()).toMatchObject({ code: 0, rows: 985, quarantined: 15 })
  declare(`c.id.between(0, 988), ${two}, { mostly: 0.9, quarantine: true })`)
  const refused = await snapshot()
  expect(refused.code).toBe(1)
  expect(refused.said).toContain('11 of 1,000 rows (1.1 %) are bad')
})
