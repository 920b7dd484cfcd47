import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { openWorkspace } from '../src/config/workspace.ts'
import type { CheckResult } from '../src/define/report.ts'
import { inside as millrace } from './support/inside.ts'

const config = `import { csv, dataset, expect, project, t } from 'millrace'
const sales = dataset('sales', {
  source: csv('data/*.csv'),
  columns: { at: t.timestamp('Europe/Berlin'), id: t.int(), shop: t.text(), amount: t.float(), note: t.nullable(t.text()) },
  expect: c => [
    expect.unique([c.id], { id: 'key' }),
    c.amount.between(0, 1000, { id: 'amount' }),
    c.note.length({ max: 9 }, { id: 'note', severity: 'warning' }),
    c.amount.mean({ min: 1, id: 'mean' }),
  ],
})
export default project('shop', { sales })
`

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

interface Sale {
  at: string
  id: number
  shop: string
  amount: string
  note: string
}

function sale(id: number): Sale {
  const at = `2026-07-${String(1 + (id % 28)).padStart(2, '0')} 12:00:${String(id % 60).padStart(2, '0')}`
  return { at, id, shop: id % 3 ? 'north' : '"so, uth"', amount: String((id % 100) + 0.1), note: id % 5 ? '' : '""' }
}

const text = (sales: readonly Sale[]): string =>
  `at,id,shop,amount,note\n${sales.map(one => Object.values(one).join(',')).join('\n')}\n`

/** Two files of 600 rows with five bad ones: a negative amount, one that is no number, no shop, and a key twice over files. */
function shop(): string {
  const root = mkdtempSync(join(tmpdir(), 'millrace-quarantine-'))
  roots.push(root)
  for (const folder of ['data', 'node_modules']) mkdirSync(join(root, folder))
  symlinkSync(resolve('.'), join(root, 'node_modules/millrace'))
  writeFileSync(join(root, 'millrace.config.ts'), config)
  const first = Array.from({ length: 600 }, (_, i) => sale(i))
  const second = Array.from({ length: 600 }, (_, i) => sale(1000 + i))
  Object.assign(first[10] as Sale, { amount: '-4.5' })
  Object.assign(first[20] as Sale, { amount: 'many' })
  Object.assign(second[30] as Sale, { shop: '' })
  Object.assign(second[40] as Sale, { id: 50 })
  writeFileSync(join(root, 'data/a.csv'), text(first))
  writeFileSync(join(root, 'data/b.csv'), text(second))
  return root
}

async function json<T>(root: string, ...args: string[]): Promise<T> {
  const said = await millrace(root, [...args, '--json'])
  return JSON.parse(said.out) as T
}

interface Snapshot {
  readonly snapshot: `sha256:${string}` | null
  readonly rows: number
  readonly readmitted: number
}

async function rowsOf(root: string, { snapshot }: Snapshot): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const workspace = await openWorkspace(root)
  try {
    if (snapshot === null) throw new Error('no snapshot')
    const engine = await workspace.engine()
    const relation = await engine.scan({ kind: 'parquet', path: await workspace.artifacts.localPath(snapshot) }, root)
    return await engine.rows(`SELECT * REPLACE (epoch_us("at") AS "at") FROM ${relation.sql}`)
  } finally {
    await workspace.close()
  }
}

/** The quarantine as a file, with its lines changed. */
async function mended(root: string, change: (line: string) => string | undefined): Promise<string> {
  const said = await millrace(root, ['data', 'quarantine', 'sales', '--out', 'repaired.csv'])
  expect(said.code, said.said).toBe(0)
  const file = join(root, 'repaired.csv')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const [head = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
  writeFileSync(file, `${[head, ...lines.flatMap(line => change(line) ?? [])].join('\n')}\n`)
  return file
}

const mend = (line: string): string | undefined => {
  if (line.includes(',-4.5,')) return line.replace(',-4.5,', ',4.5,')
  if (line.includes('many')) return line.replace(/,20,("so, uth"|north),,/, ',20,$1,77,')
  if (line.includes(',1030,')) return line.replace(',1030,,', ',1030,east,')
  // both rows of the key are out: one stays as it is, the other gets its own
  return line.includes('b.csv') ? line.replace(',50,', ',1040,') : line
}

test('bad rows are set aside, mended, and let in again where they stood', async () => {
  const root = shop()
  const before = await json<Snapshot>(root, 'data', 'snapshot')
  expect(before).toMatchObject({ rows: 1195, readmitted: 0 })
  const shown = await millrace(root, ['data', 'quarantine'])
  expect(shown.said).toContain('5 rows of sales in quarantine')
  const file = await mended(root, mend)
  const taken = await millrace(root, ['data', 'readmit', 'sales', file])
  expect(taken.code, taken.said).toBe(0)
  expect(taken.said).toContain('5 rows of sales let in again, 0 rows still in quarantine')
  // a second time nothing is new
  expect((await millrace(root, ['data', 'readmit', 'sales', file])).said).toContain(
    'Nothing changed: 5 rows of sales as let in before, 0 rows still in quarantine',
  )
  expect(await json(root, 'decisions').then(all => (all as { verdict: string }[]).map(one => one.verdict))).toEqual([
    'readmitted',
    'quarantined',
  ])
  const after = await json<Snapshot>(root, 'data', 'snapshot')
  expect(after).toMatchObject({ rows: 1200, readmitted: 5 })
  const rows = await rowsOf(root, after)
  expect(rows.map(row => row.id)).toEqual([
    ...Array.from({ length: 600 }, (_, i) => i),
    ...Array.from({ length: 600 }, (_, i) => 1000 + i),
  ])
  expect(rows[10]).toEqual({
    ...rows[10],
    amount: 4.5,
    shop: 'north',
    note: '',
    at: Date.UTC(2026, 6, 11, 10, 0, 10) * 1000,
  })
  expect(rows[20]).toMatchObject({ amount: 77 })
  expect(rows[630]).toMatchObject({ id: 1030, shop: 'east' })
  expect(rows[31]?.note).toBe(null)
  // untouched rows are what they were
  const old = await rowsOf(root, before)
  expect(rows.filter(row => old.some(one => one.id === row.id))).toEqual(old)
  // what it was made from is on record, back to the quarantine
  const lineage = await millrace(root, ['lineage', String(after.snapshot)])
  expect(lineage.said).toContain('readmitted-1')
  expect(lineage.said).toContain('repaired')
  const unknown = await millrace(root, ['lineage', 'sha256:0123'])
  expect(unknown).toMatchObject({ code: 2, said: expect.stringMatching(/MR1107/) as unknown })
  expect((await millrace(root, ['validate'])).code).toBe(0)
})

test('a repair is corrected after a snapshot took it; what that snapshot holds stays', async () => {
  const root = shop()
  await json(root, 'data', 'snapshot')
  const nothing = await millrace(root, ['data', 'quarantine', '--repaired'])
  expect(nothing).toMatchObject({ code: 1, said: expect.stringContaining('MR2015') as unknown })
  const first = await json<{ digest: string }>(root, 'data', 'readmit', 'sales', await mended(root, mend))
  const before = await json<Snapshot>(root, 'data', 'snapshot')
  const held = await rowsOf(root, before)
  expect(held[10]).toMatchObject({ amount: 4.5 })
  // nothing is in quarantine any more
  expect((await millrace(root, ['data', 'quarantine'])).code).toBe(1)
  const written = await millrace(root, ['data', 'quarantine', 'sales', '--repaired', '--out', 'again.csv'])
  expect(written.said).toContain('5 rows of sales repaired and let in')
  const [head = '', ...lines] = readFileSync(join(root, 'again.csv'), 'utf8').trimEnd().split('\n')
  const one = lines.filter(line => line.includes(',4.5,')).map(line => line.replace(',4.5,', ',45,'))
  writeFileSync(join(root, 'again.csv'), `${[head, ...one].join('\n')}\n`)
  const second = await json<{ digest: string; rows: number; remaining: number }>(
    root,
    'data',
    'readmit',
    'sales',
    'again.csv',
  )
  expect(second).toMatchObject({ rows: 1, first: 0, corrected: 1, unchanged: 0, remaining: 0 })
  const after = await json<Snapshot>(root, 'data', 'snapshot')
  const rows = await rowsOf(root, after)
  expect(rows[10]).toMatchObject({ amount: 45 })
  // the others of the first repair hold
  expect(rows.filter((_, i) => i !== 10)).toEqual(held.filter((_, i) => i !== 10))
  expect(await rowsOf(root, before)).toEqual(held)
  const lineage = await json<{ madeFrom: { from: string; to: string; relation: string }[] }>(
    root,
    'lineage',
    second.digest,
  )
  expect(lineage.madeFrom).toContainEqual({ from: first.digest, to: second.digest, relation: 'corrected' })
  // the older export puts the former value back: one of its five rows is another than now
  const older = await millrace(root, ['data', 'readmit', 'sales', 'repaired.csv'])
  expect(older.said).toContain('1 row of sales let in again')
  expect(older.said).toMatch(/1 of them repaired otherwise before: npx millrace lineage sha256:\w+ has the former/)
  expect(older.said).toContain('4 rows of the file as let in before')
  // a row that is sound cannot be changed so
  writeFileSync(join(root, 'again.csv'), `${head}\n${(one[0] as string).replace(/,\d+$/, ',11')}\n`)
  const sound = await millrace(root, ['data', 'readmit', 'sales', 'again.csv'])
  expect(sound).toMatchObject({ code: 1, said: expect.stringContaining('MR2016') as unknown })
})

/** Sums over threads may differ in their last bit. */
const rounded = (observed: CheckResult['observed']) =>
  Object.entries(observed).map(([name, value]) => [name, typeof value === 'number' ? value.toPrecision(12) : value])

test('a snapshot that is refused names its bad rows only where they are the reason', async () => {
  const root = shop()
  const said = async () => (await millrace(root, ['data', 'snapshot'])).said
  const file = join(root, 'data/a.csv')
  const sound = readFileSync(file, 'utf8')
  writeFileSync(file, sound.replaceAll(/\d+\.1,/g, '-1,'))
  expect(await said()).toContain('Next:  npx millrace data quarantine sales')
  expect((await millrace(root, ['data', 'quarantine', '--out', 'bad.parquet'])).said).toContain(
    'Written to bad.parquet',
  )
  writeFileSync(join(root, 'millrace.config.ts'), config.replace('note: t.', 'colour: t.text(), note: t.'))
  const refused = await said()
  expect(refused).toContain('colour')
  expect(refused).not.toContain('data quarantine')
})

test('measures that are remembered are those of the repaired rows', async () => {
  const root = shop()
  await json(root, 'data', 'snapshot')
  await millrace(root, ['data', 'readmit', 'sales', await mended(root, mend)])
  const checks = async () =>
    (await json<readonly { checks: readonly CheckResult[] }[]>(root, 'validate'))[0]?.checks.map(
      ({ durationMs: _, observed, ...one }) => ({ ...one, observed: rounded(observed) }),
    )
  await checks()
  writeFileSync(join(root, 'data/c.csv'), text(Array.from({ length: 100 }, (_, i) => sale(5000 + i))))
  const remembered = await checks()
  rmSync(join(root, '.millrace/validation'), { recursive: true })
  expect(await checks()).toEqual(remembered)
})

test('a repair ends with the file that it repairs', async () => {
  const root = shop()
  await json(root, 'data', 'snapshot')
  await millrace(root, ['data', 'readmit', 'sales', await mended(root, mend)])
  const now = await millrace(root, ['validate'])
  expect(now.said).not.toContain('not in effect')
  const first = Array.from({ length: 600 }, (_, i) => sale(i))
  writeFileSync(join(root, 'data/a.csv'), text(first))
  const ended = `3 repairs of data/a.csv are not in effect any more: its content changed`
  expect((await millrace(root, ['validate'])).said).toContain(ended)
  const [report] = await json<readonly { evidence: { endedRepairs: unknown } }[]>(root, 'validate')
  expect(report?.evidence.endedRepairs).toMatchObject([{ file: 'data/a.csv', rows: 3, reason: 'its content changed' }])
  expect((await millrace(root, ['data', 'snapshot'])).said).toContain(ended)
  const again = ['data', 'quarantine', 'sales', '--repaired', '--out', 'again.csv']
  const left = await millrace(root, again)
  expect(left.said).toContain('2 rows of sales repaired and let in')
  expect(left.said).toContain(ended)
  // the rows of the file as it was are of no use to it
  const late = await millrace(root, ['data', 'readmit', 'sales', 'repaired.csv'])
  expect(late).toMatchObject({ code: 1, said: expect.stringContaining('MR2016') as unknown })
  expect(late.said).toContain('3 of its rows would not be in effect')
  const after = await json<Snapshot>(root, 'data', 'snapshot')
  expect(after).toMatchObject({ endedRepairs: [{ file: 'data/a.csv', rows: 3 }] })
  const rows = await rowsOf(root, after)
  // a.csv as it is now; b.csv as it was repaired
  expect(rows).toHaveLength(1200)
  expect(rows[10]?.amount).toBe(10.1)
  expect(rows[640]?.id).toBe(1040)
  // under another name the content is the same: its repairs are in effect
  renameSync(join(root, 'data/b.csv'), join(root, 'data/c.csv'))
  expect(await json(root, 'data', 'snapshot')).toMatchObject({ readmitted: 2, endedRepairs: [{ file: 'data/a.csv' }] })
  rmSync(join(root, 'data/c.csv'))
  expect((await millrace(root, again)).said).toContain(
    '2 repairs of data/b.csv are not in effect any more: it is no file of the dataset any more',
  )
})

test('bad rows that a check tolerates stay out where the dataset asks for it, and are said to', async () => {
  const root = mkdtempSync(join(tmpdir(), 'millrace-quarantine-'))
  roots.push(root)
  writeFileSync(join(root, 'a.csv'), `n\n${Array.from({ length: 100 }, (_, i) => i).join('\n')}\n`)
  const write = (more: string) =>
    writeFileSync(
      join(root, 'millrace.config.ts'),
      `import { csv, dataset, project, t } from 'millrace'
const d = dataset('d', { source: csv('a.csv'), columns: { n: t.int() }, ${more} expect: c => [c.n.between(40, 99, { mostly: 0.5 })] })
export default project('p', { d })
`,
    )
  write('quarantine: true,')
  expect(await json<Snapshot>(root, 'data', 'snapshot')).toMatchObject({ rows: 60 })
  const decisions = await json<readonly { verdict: string; reason: string }[]>(root, 'decisions')
  expect(decisions[0]).toMatchObject({
    verdict: 'quarantined',
    reason: '40 of 100 rows go to quarantine, as their checks ask although they tolerate them; the others are accepted',
  })
  for (const otherwise of ['quarantine: false,', '']) {
    write(otherwise)
    expect(await json<Snapshot>(root, 'data', 'snapshot')).toMatchObject({ rows: 100 })
  }
})

test('what is not mended, or is no repair, changes nothing', async () => {
  const root = shop()
  expect((await millrace(root, ['data', 'quarantine'])).said).toContain('it has no snapshot yet')
  await json(root, 'data', 'snapshot')
  const refused = async (change: (line: string) => string | undefined, words: string) => {
    const said = await millrace(root, ['data', 'readmit', 'sales', await mended(root, change)])
    expect(said.code, said.said).toBe(1)
    expect(said.said).toContain(words)
    if (words.endsWith('critical checks')) expect(said.said).toContain('MR2017')
  }
  await refused(
    line => line.replace(',-4.5,', ',-5,').replace(/,20,("so, uth"|north),,/, ',20,$1,1,'),
    '4 repaired rows of sales still break critical checks',
  )
  await refused(
    line => (line.includes(',-4.5,') ? line.replace(',-4.5,', ',-5,') : undefined),
    '1 repaired row of sales still breaks critical checks',
  )
  await refused(line => line.replace(',-4.5,', ',none,'), "1 of its cells of 'amount' are no float")
  await refused(line => line.replace(/,10$/, ',11'), 'are neither in quarantine nor were repaired before')
  await refused(line => line.replace(/sha256:[0-9a-f]+/, ''), 'do not say which row')
  await refused(line => `${line}\n${line}`, 'that another one repairs')
  await refused(() => undefined, 'it has no rows')
  await refused(line => `${line},1`, 'is no row')
  const whole = readFileSync(await mended(root, line => line), 'utf8')
  const given = async (content: string): Promise<string> => {
    writeFileSync(join(root, 'other.csv'), content)
    const { code, said } = await millrace(root, ['data', 'readmit', 'sales', 'other.csv'])
    expect([code, said]).toEqual([1, expect.stringContaining('MR2016')])
    return said
  }
  expect(await given(whole.replaceAll(',', ';'))).toContain('parted by something else than a comma')
  expect(await given(whole.replace('millrace_content', 'content'))).toContain('it has no column millrace_content')
  expect(await json(root, 'data', 'snapshot')).toMatchObject({ rows: 1195, readmitted: 0 })
  expect((await json<readonly { verdict: string }[]>(root, 'decisions')).map(one => one.verdict)).not.toContain(
    'readmitted',
  )
})
