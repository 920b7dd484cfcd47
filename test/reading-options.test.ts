import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CheckResult, Report } from '../src/define/report.ts'
import { inside } from './support/inside.ts'

// Options of sources, columns and expectations by what a validation of a few rows says with them and without.

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-reading-'))
  mkdirSync(join(root, 'data'))
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

interface Declared {
  readonly columns?: string
  readonly expect?: string
  readonly more?: string
}

/** The report on a file with that text, read so. */
async function report(text: string | Buffer, csv: string, declared: Declared = {}): Promise<Report> {
  writeFileSync(join(root, 'data', 'a.csv'), text)
  const { columns = 'a: t.text(), b: t.text()', expect: checks = '', more = '' } = declared
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, project, t } from 'millrace'
export default project('p', { d: dataset('d', { source: csv('data/a.csv'${csv}), columns: { ${columns} }, expect: c => [${checks}] ${more} }) })
`,
  )
  const { out, said } = await inside(root, ['validate', 'd', '--json'])
  if (out === '') throw new Error(said)
  if (!out.startsWith('[')) throw new Error(out)
  const [made] = JSON.parse(out) as Report[]
  if (!made) throw new Error(said)
  return made
}
const check = (made: Report, id: string): Partial<CheckResult> => made.checks.find(one => one.id === id) ?? {}

/** Whether the two cells of each row were read as 1 and 'x'. */
const readAs = async (text: string | Buffer, csv: string, a = '1', b = 'x', columns?: string): Promise<boolean> => {
  const [first = 'a', second = 'b'] = columns?.split(',') ?? []
  const quoted = JSON.stringify(b)
  const made = await report(text, csv, {
    columns: `${first}: t.text(), ${second}: t.text()`,
    expect: `c.${first}.inSet([${JSON.stringify(a)}], { id: 'a' }), c.${second}.inSet([${quoted}], { id: 'b' })`,
  })
  return check(made, 'a').status === 'pass' && check(made, 'b').status === 'pass' && check(made, 'a').evaluated === 1
}

test('a CSV file is read as its options say, and by their defaults', async () => {
  expect(await readAs('a,b\n1,x\n', '')).toBe(true)
  expect(await readAs('a;b\n1;x\n', ", { delimiter: ';' }")).toBe(true)
  expect(await readAs('a;b\n1;x\n', '')).toBe(false)

  expect(await readAs('1,x\n', ', { header: false }', '1', 'x', 'column0,column1')).toBe(true)
  expect(await readAs('a,b\n1,x\n', ', { header: true }')).toBe(true)
  expect(await readAs('a,b\n1,x\n', ', { header: false }')).toBe(false)

  expect(await readAs('a,b\n1,"x,y"\n', '', '1', 'x,y')).toBe(true)
  expect(await readAs("a,b\n1,'x,y'\n", `, { quote: "'" }`, '1', 'x,y')).toBe(true)
  expect(await readAs("a,b\n1,'x,y'\n", '', '1', 'x,y')).toBe(false)

  expect(await readAs('a,b\n1,"x""y"\n', '', '1', 'x"y')).toBe(true)
  expect(await readAs('a,b\n1,"x\\"y"\n', String.raw`, { escape: '\\' }`, '1', 'x"y')).toBe(true)
  expect(await readAs('a,b\n1,"x\\"y"\n', '', '1', 'x"y')).toBe(false)

  expect(await readAs('a, "b"\n 1,  "x, y"\n', ', { skipInitialSpace: true }', '1', 'x, y')).toBe(true)
  expect(await readAs('a,b\n1, "x"\n', '', '1', ' "x"')).toBe(true)
  expect(await readAs('a,b\n1, "x"\n', ', { skipInitialSpace: false }', '1', ' "x"')).toBe(true)

  expect(await readAs(Buffer.from('a,b\n1,\u00e9\n', 'utf8'), '', '1', '\u00e9')).toBe(true)
  expect(await readAs(Buffer.from('a,b\n1,\u00e9\n', 'latin1'), ", { encoding: 'latin-1' }", '1', '\u00e9')).toBe(true)
  expect(await readAs(Buffer.from('a,b\n1,\u00e9\n', 'latin1'), '', '1', '\u00e9')).toBe(false)
  expect(await readAs(Buffer.from('\ufeffa,b\n1,\u00e9\n', 'utf16le'), ", { encoding: 'utf-16' }", '1', '\u00e9')).toBe(
    true,
  )
})

test('bad rows are counted, tolerated and set aside as the options say, and by their defaults', async () => {
  const text = `a,b\n${Array.from({ length: 100 }, (_, i) => `${i},${i === 7 ? 'NA' : i === 8 ? 'none' : 'x'}`).join('\n')}\n`
  const columns = 'a: t.int(), b: t.text()'
  const nullable = 'a: t.int(), b: t.nullable(t.text())'
  const [nulls] = ["c.b.nullShare({ max: 0.005, id: 'nulls' })"]
  const share = async (declared: Declared): Promise<unknown> => check(await report(text, '', declared), 'nulls').status
  // no text stands for nothing where nothing is said; the dataset's do where the column has none of its own
  expect(await share({ columns: nullable, expect: nulls })).toBe('pass')
  expect(await share({ columns: nullable, expect: nulls, more: ", treatAsNull: ['NA']" })).toBe('fail')
  const own = "a: t.int(), b: t.nullable(t.text({ treatAsNull: ['none', 'NA'] }))"
  const counts = "c.b.nullShare({ max: 0.015, id: 'nulls' })"
  expect(await share({ columns: nullable, expect: counts, more: ", treatAsNull: ['NA']" })).toBe('pass')
  expect(await share({ columns: own, expect: counts })).toBe('fail')

  // every row must hold where nothing is said
  const one = async (options: string, more = ''): Promise<Report> =>
    report(text, '', { columns, expect: `c.a.between(0, 98${options})`, more })
  expect((await one('')).status).toBe('fail')
  expect((await one(', { mostly: 0.99 }')).status).toBe('pass')
  expect((await one(', { maxBad: 1 }')).status).toBe('pass')
  expect((await one(', { mostly: 0.999 }')).status).toBe('fail')
  expect((await one(", { severity: 'warning' }")).status).toBe('warn')
  expect((await one(", { severity: 'info' }")).status).toBe('pass')
  expect(check(await one(", { id: 'mine' }"), 'mine').bad).toBe(1)

  // what identifies a row stands beside what is bad of it
  const sample = async (more: string): Promise<string> =>
    JSON.stringify(
      check(await report(text, '', { columns, expect: "c.b.notInSet(['NA'], { id: 'bad' })", more }), 'bad').sample,
    )
  expect(await sample('')).not.toContain('"a"')
  expect(await sample(", key: ['a']")).toContain('"a"')
})
