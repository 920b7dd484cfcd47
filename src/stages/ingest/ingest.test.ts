import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import type { Dataset } from '../../define/dataset.ts'
import { csv, dataset, expect as rule, parquet, project, t } from '../../index.ts'
import { definitionDigest } from '../../define/project.ts'
import { digestBytes } from '../../internal/digest.ts'
import { takeFileLock } from '../../internal/file-lock.ts'
import type { Report } from '../../define/report.ts'
import { type ManualClock, manualClock } from '../../testing/manual-clock.ts'
import { Inbox } from './inbox.ts'
import { ingest } from './ingest.ts'
import { IngestJournal } from './journal.ts'

// Files that come to a dataset, over a real store and engine, in this process.

const declare = (over: object = {}): Dataset =>
  dataset('sales', {
    source: csv('data/*.csv'),
    columns: { id: t.int(), shop: t.text(), amount: t.float() },
    expect: c => [
      rule.primaryKey([c.id], { id: 'key' }),
      c.amount.between(0, 1000, { id: 'amount', mostly: 0.9 }),
      rule.rowCount({ min: 3, id: 'enough' }),
    ],
    ...over,
  }) as unknown as Dataset

let root: string
let clock: ManualClock
let workspace: Workspace
const sales = declare()

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-ingest-'))
  mkdirSync(join(root, 'data'))
  mkdirSync(join(root, 'inbox'))
  writeFileSync(join(root, 'millrace.config.ts'), '')
  clock = manualClock(1_770_000_000_000_000)
  workspace = await openWorkspace(root, { project: project('shop', { sales } as never), clock })
})
afterEach(async () => {
  await workspace.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

/** Rows from..to, some with an amount that is out of range. */
const rowsOf = (from: number, to: number, bad: readonly number[] = []): string =>
  `id,shop,amount\n${Array.from({ length: to - from }, (_, i) => `${from + i},north,${bad.includes(from + i) ? -1 : 5}`).join('\n')}\n`
const come = async (name: string, text: string, made = sales, options = {}) => {
  const path = join(root, 'inbox', name)
  writeFileSync(path, text)
  return ingest(workspace, made, { path, name }, options)
}
const landed = () => readdirSync(join(root, 'data')).toSorted((a, b) => (a < b ? -1 : 1))
const reportOf = async (id: string) => (await workspace.store.getReport(id)) as Report
const statusesOf = async (id: string) =>
  Object.fromEntries((await reportOf(id)).checks.map(one => [one.id, one.status]))

describe('a file', () => {
  it('that holds is taken in as it is, with its report, its decision and its journal', async () => {
    const text = rowsOf(0, 20)
    const { result, again } = await come('january.csv', text)
    expect(again).toBe(false)
    expect(result).toEqual({
      dataset: 'sales',
      digest: digestBytes(text),
      name: 'january.csv',
      verdict: 'passed',
      reason: `all ${sales.expectations.length} checks of file january.csv hold`,
      definition: definitionDigest(sales),
      rows: 20,
      quarantined: 0,
      report: expect.any(String),
      decision: expect.any(String),
      place: 'data/january.csv',
    })
    expect(readFileSync(join(root, 'data', 'january.csv'), 'utf8')).toBe(text)
    const report = await reportOf(result.report)
    expect(report).toMatchObject({ kind: 'validation', subject: 'sales', status: 'pass', at: clock.now() })
    expect(report.checks.map(one => one.id)).toEqual(sales.expectations.map(one => one.id))
    expect(report.evidence).toMatchObject({
      source: 'january.csv',
      file: result.digest,
      joins: 0,
      rows: 20,
      quarantined: 0,
    })
    expect(report.evidence).not.toHaveProperty('quarantineUnkept')
    expect(await workspace.store.getDecision(result.decision)).toMatchObject({
      verdict: 'passed',
      subject: 'dataset sales',
      evidence: [result.report, result.digest],
    })
    expect(await new IngestJournal(workspace, 'sales').find(result.digest)).toEqual({ state: 'done', result })
  })

  it('with few bad rows is taken in without them, which are kept', async () => {
    const { result } = await come('a.csv', rowsOf(0, 200, [7, 8]))
    // tolerated: a tenth may be bad
    expect(result).toMatchObject({ verdict: 'passed', rows: 200, quarantined: 0 })
    const asked = declare({
      expect: (c: { amount: { between(a: number, b: number, o: object): never } }) => [
        c.amount.between(0, 1000, { id: 'amount' }),
      ],
    })
    const aside = await come('b.csv', rowsOf(1_000, 1_200, [1_007]), asked)
    expect(aside.result).toMatchObject({ verdict: 'quarantined', rows: 200, quarantined: 1, place: 'data/b.csv' })
    const amount = (await reportOf(aside.result.report)).checks.find(one => one.id === 'amount')
    expect(amount).toMatchObject({ status: 'fail', bad: 1 })
    expect(amount?.failuresUri).toMatch(new RegExp(`quarantine/sales-${aside.result.digest.slice(7, 19)}\\.parquet$`))
    expect(statSync(amount?.failuresUri ?? '').mode & 0o777).toBe(0o600)
    // as many as one of a hundred are few, more are not
    const many = await come('c.csv', rowsOf(2_000, 2_200, [2_001, 2_002, 2_003]), asked)
    expect(many.result).toMatchObject({ verdict: 'refused', rows: 200, quarantined: 3, place: null })
    expect(many.result.reason).toMatch(/^file c\.csv is refused: 3 of 200 rows \(1\.5 %\) are bad/)
  })

  it('is judged by its own rows, however many good ones are there already', async () => {
    await come('a.csv', rowsOf(0, 1_000))
    const { result } = await come('b.csv', rowsOf(1_000, 1_010, [1_001, 1_002]))
    expect(result.verdict).toBe('refused')
    expect(await statusesOf(result.report)).toMatchObject({ amount: 'fail' })
    // and is not blamed for bad ones that are
    writeFileSync(join(root, 'data', 'old.csv'), rowsOf(5_000, 5_010, [5_000, 5_001, 5_002]))
    const { result: good } = await come('c.csv', rowsOf(2_000, 2_010))
    expect(good.verdict).toBe('passed')
    expect((await reportOf(good.report)).evidence.joins).toBe(2)
  })

  it('is held against what is there: a key that stands in another file is its fault', async () => {
    await come('a.csv', rowsOf(0, 10))
    const { result } = await come('b.csv', rowsOf(9, 19))
    expect(result).toMatchObject({ verdict: 'refused', place: null })
    expect(await statusesOf(result.report)).toMatchObject({ key: 'fail', amount: 'pass', enough: 'pass' })
    const key = (await reportOf(result.report)).checks.find(one => one.id === 'key')
    expect(key?.failuresUri).toMatch(/-together\.parquet$/)
    // a key that stands twice in what is there is not
    writeFileSync(join(root, 'data', 'twice.csv'), rowsOf(0, 5))
    const { result: other } = await come('c.csv', rowsOf(100, 110))
    expect(other.verdict).toBe('passed')
    const its = (await reportOf(other.report)).checks.find(one => one.id === 'key')
    expect(its).toMatchObject({ status: 'pass', bad: 0 })
    expect(its?.message).toMatch(/^no row of the file breaks it; of what is there already: /)
    expect(its?.failuresUri).toBeUndefined()
  })

  it('that has other columns is refused, and nothing else is asked', async () => {
    const { result } = await come('a.csv', 'id,shop\n1,north\n')
    expect(result.verdict).toBe('refused')
    const { checks } = await reportOf(result.report)
    expect(checks.find(one => one.kind === 'schema')?.status).toBe('fail')
    const key = checks.find(one => one.id === 'key')
    expect(key).toMatchObject({
      status: 'skipped',
      severity: 'critical',
      target: { dataset: 'sales', columns: ['id'] },
      evaluated: 0,
      bad: 0,
      threshold: '',
      message: expect.stringMatching(/: not looked at, for the file is refused already$/),
    })
    expect(landed()).toEqual([])
  })

  it.each([
    ['empty', '', 'it is empty'],
    ['not of its format', 'PAR1 and then nothing', 'it cannot be read'],
  ])('that is %s is refused, and kept all the same', async (_, text, reason) => {
    const { result } = await come('a.csv', text, declare({ source: parquet('data/*.parquet') }))
    expect(result).toMatchObject({ verdict: 'refused', rows: 0, quarantined: 0, place: null })
    expect(result.reason).toContain(reason)
    const report = await reportOf(result.report)
    expect(report).toMatchObject({ status: 'error', evidence: { source: 'a.csv', file: digestBytes(text) } })
    expect(report.checks).toHaveLength(1)
    expect(report.checks[0]).toMatchObject({ status: 'error' })
    // it is called by the name that it came with, not by that of its copy
    expect(JSON.stringify(report)).not.toContain(workspace.folder)
    expect(await workspace.artifacts.has(digestBytes(text))).toBe(true)
    expect(await workspace.store.getDecision(result.decision)).toMatchObject({ evidence: [report.id, result.digest] })
  })

  it('of a dataset that is one file or a table is refused before anything is kept', async () => {
    const one = declare({ source: csv('data/sales.csv') })
    await expect(come('a.csv', rowsOf(0, 9), one)).rejects.toThrow(/one file/)
    expect(await workspace.artifacts.has(digestBytes(rowsOf(0, 9)))).toBe(false)
  })
})

describe('a content', () => {
  it('is judged once, under whatever name', async () => {
    const first = await come('a.csv', rowsOf(0, 9))
    expect(await come('b.csv', rowsOf(0, 9))).toEqual({ result: first.result, again: true })
    expect(landed()).toEqual(['a.csv'])
    expect(await workspace.store.listReports({ kind: 'validation' })).toHaveLength(1)
    expect(await workspace.store.listDecisions({})).toHaveLength(1)
  })

  it('that was refused is judged anew where that is asked for, or by another definition', async () => {
    const refused = await come('a.csv', rowsOf(0, 2))
    expect(refused.result.verdict).toBe('refused')
    expect((await come('a.csv', rowsOf(0, 2))).again).toBe(true)
    expect((await come('a.csv', rowsOf(0, 2), sales, { anew: true })).again).toBe(false)
    const lax = declare({ expect: () => [rule.rowCount({ min: 1, id: 'enough' })] })
    expect(await come('a.csv', rowsOf(0, 2), lax)).toMatchObject({ again: false, result: { verdict: 'passed' } })
    expect(landed()).toEqual(['a.csv'])
    expect((await come('a.csv', rowsOf(0, 2), sales, { anew: true })).again).toBe(true)
  })

  it('that is gone from the dataset is taken in again', async () => {
    await come('a.csv', rowsOf(0, 9))
    rmSync(join(root, 'data', 'a.csv'))
    expect(await come('b.csv', rowsOf(0, 9))).toMatchObject({ again: false, result: { place: 'data/b.csv' } })
    expect(landed()).toEqual(['b.csv'])
  })

  it('that somebody put there by hand stays where it is', async () => {
    writeFileSync(join(root, 'data', 'mine.csv'), rowsOf(0, 9))
    const { result } = await come('a.csv', rowsOf(0, 9))
    expect(result).toMatchObject({ verdict: 'passed', place: 'data/mine.csv' })
    expect((await reportOf(result.report)).evidence.joins).toBe(0)
    expect(landed()).toEqual(['mine.csv'])
  })

  it('of a name that other content has gets another', async () => {
    await come('a.csv', rowsOf(0, 9))
    const { result } = await come('a.csv', rowsOf(10, 19))
    expect(result.place).toBe(`data/a-${result.digest.slice(7, 15)}.csv`)
    expect(landed()).toHaveLength(2)
  })

  it('whose process ended after the verdict is finished by the next: report, decision, place, once', async () => {
    const { store } = workspace
    const { putDocument } = store
    let writes = 0
    store.putDocument = (...given) =>
      ++writes === 2 ? Promise.reject(new Error('killed')) : putDocument.apply(store, given)
    await expect(come('a.csv', rowsOf(0, 9))).rejects.toThrow('killed')
    store.putDocument = putDocument
    rmSync(join(root, 'data', 'a.csv'))
    const journal = new IngestJournal(workspace, 'sales')
    const digest = digestBytes(rowsOf(0, 9))
    expect(await journal.find(digest)).toMatchObject({ state: 'decided', result: { verdict: 'passed' } })
    const finished = await come('b.csv', rowsOf(0, 9))
    expect(finished).toMatchObject({ again: true, result: { name: 'a.csv', place: 'data/a.csv' } })
    expect(landed()).toEqual(['a.csv'])
    expect(await journal.find(digest)).toMatchObject({ state: 'done' })
    expect(await store.listReports({ kind: 'validation' })).toHaveLength(1)
    expect(await store.listDecisions({})).toHaveLength(1)
    expect(await new IngestJournal(workspace, 'others').find(digest)).toBeUndefined()
  })

  it('waits for another that is judged, and is told when that takes too long', async () => {
    mkdirSync(join(workspace.folder, 'ingest'), { recursive: true })
    const lock = await takeFileLock(join(workspace.folder, 'ingest', 'sales.lock'), 0)
    const coming = come('a.csv', rowsOf(0, 9))
    await new Promise(done => setTimeout(done, 300))
    expect(landed()).toEqual([])
    await (lock as { release(): Promise<void> }).release()
    expect((await coming).result.verdict).toBe('passed')
  })
})

describe('an inbox', () => {
  let passed: number
  let inbox: Inbox
  const put = (name: string, text: string): string => {
    const path = join(root, 'inbox', name)
    writeFileSync(path, text)
    return path
  }
  const look = async (after: number) => {
    passed += after
    const { settled, waiting } = await inbox.look()
    return { settled: settled.map(one => one.name), waiting }
  }
  beforeEach(() => {
    passed = 0
    inbox = new Inbox(join(root, 'inbox'), 1_000, () => passed)
  })

  it('gives files that stood unchanged, by name, and leaves hidden ones and folders alone', async () => {
    expect(await look(0)).toEqual({ settled: [], waiting: false })
    for (const name of ['b.csv', 'a.csv', '.hidden.csv']) put(name, 'x')
    mkdirSync(join(root, 'inbox', 'folder'))
    expect(await look(0)).toEqual({ settled: [], waiting: true })
    expect(await look(999)).toEqual({ settled: [], waiting: true })
    expect(await look(1)).toEqual({ settled: ['a.csv', 'b.csv'], waiting: false })
    put('a.csv', 'xy')
    expect(await look(1)).toEqual({ settled: ['b.csv'], waiting: true })
  })

  it('is cleared of what was taken in, keeps what was refused, and what was written to meanwhile', async () => {
    for (const name of ['a.csv', 'b.csv', 'c.csv', 'd.csv']) put(name, name)
    await look(0)
    passed += 1_000
    const [a, b, c, d] = (await inbox.look()).settled as never as Parameters<Inbox['clear']>[0][]
    if (!a || !b || !c || !d) throw new Error('four files were expected')
    expect(a.path).toBe(join(root, 'inbox', 'a.csv'))
    expect(await inbox.clear(a, false)).toBe(true)
    expect(existsSync(a.path)).toBe(false)
    expect(await inbox.clear(b, true)).toBe(true)
    expect(existsSync(b.path)).toBe(false)
    expect(readFileSync(join(root, 'inbox', 'refused', 'b.csv'), 'utf8')).toBe('b.csv')
    put('c.csv', 'longer than before')
    expect(await inbox.clear(c, false)).toBe(false)
    expect(existsSync(c.path)).toBe(true)
    // somebody else took it
    rmSync(d.path)
    expect(await inbox.clear(d, true)).toBe(true)
  })
})
