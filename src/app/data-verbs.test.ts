import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listening } from '../../test/support/listener.ts'
import { openWorkspace, type Workspace } from '../config/workspace.ts'
import type { Dataset } from '../define/dataset.ts'
import { csv, dataset, project, t } from '../index.ts'
import { digestBytes } from '../internal/digest.ts'
import { type ManualClock, manualClock } from '../testing/manual-clock.ts'
import { datasetOf } from './dataset-of.ts'
import { ingestFile } from './ingest.ts'
import { quarantinedRows } from './quarantine.ts'
import { readmitFile } from './readmit.ts'
import { reportsOfRun } from './reports-of-run.ts'
import { makeSnapshot } from './snapshot.ts'
import { isLost } from '../errors/index.ts'
import { newestSnapshot, snapshotCalled, snapshotsOf, snapshotsWith } from './snapshots.ts'
import { findSuggestions, suggestExpectations } from './suggest.ts'
import { validateDataset } from './validate-dataset.ts'
import { validateOne } from './validate.ts'

// What people do with data, over a real store and engine: validate, keep, ingest, look at what was set aside, repair it.

const columns = { id: t.int(), at: t.timestamp('UTC'), shop: t.text(), amount: t.float() }
const declared = (name: string, over: object = {}): Dataset =>
  dataset(name, {
    source: csv(`${name}/*.csv`),
    columns,
    eventTime: 'at',
    expect: (c: {
      amount: { between(a: number, b: number, o: object): never }
      shop: { notNull(o: object): never }
    }) => [c.amount.between(0, 1000, { id: 'amount' }), c.shop.notNull({ id: 'shop' })],
    ...over,
  } as never) as unknown as Dataset

let root: string
let clock: ManualClock
let workspace: Workspace
const { said, listener } = listening()
const put = (name: string, from: number, broken: Readonly<Record<number, string>> = {}): void => {
  mkdirSync(join(root, name, '..'), { recursive: true })
  const lines = Array.from({ length: 200 }, (_, i) => {
    const time = new Date(Date.UTC(2026, 0, 1) + (from + i) * 60_000).toISOString().slice(0, 19)
    return `${from + i},${time},${broken[from + i] ?? 'north,5'}`
  })
  writeFileSync(join(root, name), `id,at,shop,amount\n${lines.join('\n')}\n`)
}
const open = async (...datasets: readonly Dataset[]): Promise<void> => {
  const all = Object.fromEntries(datasets.map(one => [one.name, one]))
  workspace = await openWorkspace(root, { project: project('shop', all as never), clock })
}
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-data-verbs-'))
  said.length = 0
  writeFileSync(join(root, 'millrace.config.ts'), '')
  put('sales/a.csv', 0, { 7: 'north,-4', 9: ',5' })
  clock = manualClock(Date.UTC(2026, 0, 2) * 1000)
  await open(declared('sales'))
})
afterEach(async () => {
  await workspace.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

describe('a dataset', () => {
  it('is named, or the only one', async () => {
    expect(datasetOf(workspace, 'sales').name).toBe('sales')
    expect(datasetOf(workspace, undefined).name).toBe('sales')
    expect(() => datasetOf(workspace, 'sale')).toThrow(
      expect.objectContaining({ details: { kind: 'dataset', name: 'sale', known: 'sales' } }) as Error,
    )
    await workspace.close()
    await open(declared('sales'), declared('salt'), declared('other'))
    expect(() => datasetOf(workspace, undefined)).toThrow(/Say which dataset: sales, salt, other\./)
    // the likeliest first
    expect(() => datasetOf(workspace, 'othr')).toThrow(
      expect.objectContaining({
        details: { kind: 'dataset', name: 'othr', known: expect.stringMatching(/^other, /) as string },
      }) as Error,
    )
    await workspace.close()
    await open()
    for (const name of [undefined, 'sales'])
      expect(() => datasetOf(workspace, name)).toThrow(
        expect.objectContaining({ details: { kind: 'dataset', name: name ?? '(none given)', known: 'none' } }) as Error,
      )
  })
})

describe('validating', () => {
  it('keeps the report, and the failing rows unless nobody wants them', async () => {
    const report = await validateOne(workspace, { dataset: 'sales' }, listener)
    expect(said).toEqual(['reading sales/*.csv'])
    expect(report).toMatchObject({ subject: 'sales', status: 'fail' })
    const file = report.evidence.quarantineFile as string
    expect(existsSync(resolve(root, file)), file).toBe(true)
    const failing = report.checks.filter(check => check.status === 'fail')
    expect(failing.map(check => [check.id, check.failuresUri])).toEqual([
      ['amount', file],
      ['shop', file],
    ])
    expect(report.checks.filter(check => check.status === 'pass' && check.failuresUri !== undefined)).toEqual([])
    expect((await workspace.store.getReport(report.id))?.evidence.quarantineFile).toBe(file)
    const without = await validateOne(workspace, { dataset: 'sales', keepRows: false }, listener)
    expect(without.evidence.quarantineFile).toBeUndefined()
    expect(without.checks.some(check => check.failuresUri !== undefined)).toBe(false)
  })

  it('says which part of the checks it was', async () => {
    const options = { part: 'expectations that changed', keepRows: false }
    const whole = await validateDataset(workspace, datasetOf(workspace, 'sales'), options)
    expect(whole.report.evidence).toMatchObject({ part: 'expectations that changed' })
    if ('validation' in whole) await whole.validation.release()
    const { report } = await validateDataset(workspace, datasetOf(workspace, 'sales'), {
      part: undefined,
      keepRows: false,
    })
    expect('part' in report.evidence).toBe(false)
  })

  it('of one that cannot be read has a report that says so', async () => {
    rmSync(join(root, 'sales/a.csv'))
    const found = await validateDataset(workspace, datasetOf(workspace, 'sales'), { part: undefined, keepRows: true })
    expect(found).toMatchObject({ error: { code: 'MR2002' }, report: { status: 'error', subject: 'sales' } })
    expect((await workspace.store.getReport(found.report.id))?.status).toBe('error')
    expect((await validateOne(workspace, { dataset: 'sales' }, listener)).status).toBe('error')
  })
})

describe('a snapshot', () => {
  it('has the good rows, and says what became of the others', async () => {
    const made = await makeSnapshot(workspace, {}, listener)
    expect(made).toMatchObject({
      dataset: 'sales',
      status: 'succeeded',
      snapshot: expect.stringMatching(/^sha256:/) as string,
      rows: 198,
      quarantine: expect.stringMatching(/^sha256:/) as string,
      quarantined: 2,
      readmitted: 0,
      endedRepairs: [],
      error: null,
      report: { subject: 'sales', status: 'fail' },
    })
    expect(said).toContain('# validate-sales')
    expect(await reportsOfRun(workspace.store, made.run)).toMatchObject([{ kind: 'validation', subject: 'sales' }])
    // what was reused has the reports of where it was made
    const again = await makeSnapshot(workspace, {}, listener)
    expect(again).toMatchObject({ snapshot: made.snapshot, rows: 198 })
    expect(again.run).not.toBe(made.run)
    expect((await reportsOfRun(workspace.store, again.run)).map(one => one.kind)).toEqual(['validation'])
  })

  it('that is refused is none, with the reason and the report', async () => {
    await workspace.close()
    await open(declared('sales', { quarantine: false }))
    const made = await makeSnapshot(workspace, {}, listener)
    expect(made).toMatchObject({ status: 'failed', snapshot: null, rows: null, readmitted: 0 })
    expect(made.error?.reason).toMatch(/amount/)
  })

  it('that was damaged since is made again', async () => {
    const made = await makeSnapshot(workspace, {}, listener)
    const path = await workspace.artifacts.localPath(made.snapshot as never)
    const before = readFileSync(path)
    rmSync(path, { force: true })
    const again = await makeSnapshot(workspace, {}, listener)
    expect(again).toMatchObject({ status: 'succeeded', snapshot: made.snapshot, rows: 198 })
    expect(readFileSync(await workspace.artifacts.localPath(made.snapshot as never))).toEqual(before)
  })

  it('is found by the beginning of its digest, twelve digits at least', async () => {
    const sales = datasetOf(workspace, 'sales')
    await expect(newestSnapshot(workspace, sales)).rejects.toMatchObject({
      code: 'MR2002',
      details: { reason: expect.stringMatching(/never made/) as string },
    })
    expect(await snapshotsOf(workspace, sales)).toEqual([])
    const first = (await makeSnapshot(workspace, {}, listener)).snapshot as string
    put('sales/b.csv', 1000)
    const second = (await makeSnapshot(workspace, {}, listener)).snapshot as string
    expect(await snapshotsOf(workspace, sales)).toEqual([second, first])
    for (const given of [first, first.slice(7), first.slice(7, 19)])
      expect(await snapshotCalled(workspace, given)).toMatchObject({ digest: first, dataset: { name: 'sales' } })
    for (const given of [first.slice(7, 18), `${first.slice(7, 19)}x`, 'f'.repeat(12), 'main', ''])
      expect(await snapshotCalled(workspace, given)).toBeUndefined()
    expect(await newestSnapshot(workspace, sales)).toMatchObject({
      digest: second,
      rows: 398,
      newest: (Date.UTC(2026, 0, 1) + 1199 * 60_000) * 1000,
    })
    expect(await newestSnapshot(workspace, sales, first as never)).toMatchObject({ digest: first, rows: 198 })
    const lost = await newestSnapshot(workspace, sales, digestBytes('nothing')).catch((error: unknown) => error)
    expect([isLost(lost), isLost(new Error('no')), isLost(undefined)]).toEqual([true, false, false])
  })

  it('is found by the files that it was made of', async () => {
    const of = (name: string): string => digestBytes(readFileSync(join(root, name)))
    const first = (await makeSnapshot(workspace, {}, listener)).snapshot
    put('sales/b.csv', 1000)
    const second = (await makeSnapshot(workspace, {}, listener)).snapshot
    // the same again is no other snapshot
    await makeSnapshot(workspace, {}, listener)
    expect(await snapshotsWith(workspace, of('sales/a.csv'))).toEqual([second, first])
    expect(await snapshotsWith(workspace, of('sales/b.csv'))).toEqual([second])
    expect(await snapshotsWith(workspace, digestBytes('x'))).toEqual([])
  })
})

describe('rows that were set aside', () => {
  it('are counted by reason and written, repaired ones read back, and let in again', async () => {
    await expect(quarantinedRows(workspace, {})).rejects.toThrow(/no snapshot yet/)
    const made = await makeSnapshot(workspace, {}, listener)
    const path = join(root, 'aside.csv')
    const aside = await quarantinedRows(workspace, { file: { path, format: 'csv' } })
    expect(aside).toMatchObject({
      dataset: 'sales',
      repaired: false,
      quarantine: made.quarantine,
      run: made.run,
      rows: 2,
      reasons: [{ rows: 1 }, { rows: 1 }],
      file: path,
    })
    const lines = readFileSync(path, 'utf8').trim().split('\n')
    expect(lines).toHaveLength(3)
    await expect(quarantinedRows(workspace, { repaired: true })).rejects.toMatchObject({
      details: { dataset: 'sales', reason: 'and none was let in again' },
    })
    writeFileSync(
      path,
      `${lines.join('\n').replace(',-4.0,', ',4.0,').replace(',-4,', ',4,').replace(/,,5/, ',east,5')}\n`,
    )
    await expect(
      readmitFile(workspace, { dataset: 'sales', path: join(root, 'none.csv'), shown: 'none.csv' }),
    ).rejects.toMatchObject({ details: { file: 'none.csv' } })
    expect(await readmitFile(workspace, { dataset: 'sales', path })).toMatchObject({ rows: 2, first: 2, remaining: 0 })
    const parquet = join(root, 'repaired.parquet')
    expect(await quarantinedRows(workspace, { repaired: true, file: { path: parquet, format: 'parquet' } })).toEqual({
      dataset: 'sales',
      repaired: true,
      rows: 2,
      file: parquet,
      endedRepairs: [],
    })
    const engine = await workspace.engine()
    expect(
      await engine.rows(`SELECT CAST(id AS INTEGER) AS id, shop, amount FROM read_parquet('${parquet}') ORDER BY id`),
    ).toEqual([
      { id: 7, shop: 'north', amount: 4 },
      { id: 9, shop: 'east', amount: 5 },
    ])
    // corrected, they are as they were let in last
    writeFileSync(path, readFileSync(path, 'utf8').replace(/,4(?:\.0)?,/, ',40,'))
    expect(await readmitFile(workspace, { dataset: 'sales', path })).toMatchObject({ rows: 1, corrected: 1 })
    const corrected = join(root, 'corrected.parquet')
    await quarantinedRows(workspace, { repaired: true, file: { path: corrected, format: 'parquet' } })
    const amounts = await engine.rows(`SELECT amount FROM read_parquet('${corrected}') ORDER BY id`)
    expect(amounts).toEqual([{ amount: 40 }, { amount: 5 }])
    // with the file that they came from they end, and nothing is written
    put('sales/a.csv', 0, { 7: 'north,-5' })
    rmSync(parquet)
    expect(
      await quarantinedRows(workspace, { repaired: true, file: { path: parquet, format: 'parquet' } }),
    ).toMatchObject({
      rows: 0,
      file: null,
      endedRepairs: [{ file: 'sales/a.csv', reason: 'its content changed' }],
    })
    expect(existsSync(parquet)).toBe(false)
  })
})

describe('a file that is given', () => {
  it('is taken once, and told as it is called', async () => {
    mkdirSync(join(root, 'in'))
    put('in/b.csv', 1000)
    const input = { dataset: 'sales', path: join(root, 'in/b.csv'), name: 'b.csv' }
    expect(await ingestFile(workspace, input)).toMatchObject({ again: false })
    expect(existsSync(join(root, 'sales/b.csv'))).toBe(true)
    expect(existsSync(join(root, 'in/b.csv'))).toBe(true)
    expect(await ingestFile(workspace, input)).toMatchObject({ again: true })
    const missing = { ...input, path: join(root, 'in/none.csv') }
    await expect(ingestFile(workspace, missing)).rejects.toMatchObject({ details: { file: missing.path } })
    await expect(ingestFile(workspace, { ...missing, shown: 'none.csv' })).rejects.toMatchObject({
      details: { file: 'none.csv' },
    })
    await expect(ingestFile(workspace, { ...input, dataset: 'other' })).rejects.toMatchObject({
      details: { kind: 'dataset' },
    })
  })
})

describe('suggestions', () => {
  const source = `import { csv, dataset, project, t } from 'millrace'
const sales = dataset('sales', {
  source: csv('sales/*.csv'),
  columns: { id: t.int(), at: t.timestamp('UTC'), shop: t.text(), amount: t.float() },
  eventTime: 'at',
})
export default project('shop', { sales })
`
  /** The project as it stands in its file, which finds the package where projects have it. */
  const declareInFile = async (): Promise<string> => {
    await workspace.close()
    const file = join(root, 'millrace.config.ts')
    writeFileSync(file, source)
    mkdirSync(join(root, 'node_modules'))
    symlinkSync(resolve('.'), join(root, 'node_modules', 'millrace'))
    workspace = await openWorkspace(root, { clock })
    put('sales/a.csv', 0)
    return file
  }

  it('are a change of the file that declares the dataset, written when that is asked', async () => {
    const file = await declareInFile()
    const found = await findSuggestions(workspace, {}, listener)
    expect(found.refused).toBeUndefined()
    expect(found.found.suggested.length).toBeGreaterThan(0)
    expect(found.change).toMatchObject({ name: 'millrace.config.ts', before: source })
    expect(readFileSync(file, 'utf8')).toBe(source)
    const json = await suggestExpectations(workspace, { dataset: 'sales' }, listener)
    expect(json).toMatchObject({
      dataset: 'sales',
      rows: { train: 160, test: 40 },
      suggested: found.found.suggested.map(one => ({ rule: one.rule, kind: one.spec.kind, columns: one.spec.columns })),
    })
    expect(json.patch).toMatch(/^\+.*expect:/m)
    expect('notPatched' in json).toBe(false)
    const tried = json.suggested.find(one => one.holdOut && one.holdOut.evaluated > 0)
    expect(tried?.holdOut?.passRate).toBe(1 - (tried?.holdOut?.bad ?? 1) / (tried?.holdOut?.evaluated ?? 1))
    await findSuggestions(workspace, { write: true }, listener)
    expect(readFileSync(file, 'utf8')).toBe(found.change?.after)
  })

  it('for a file that cannot be changed safely are told without one', async () => {
    const file = await declareInFile()
    rmSync(file)
    for (const [name, text] of [
      ['it is not known where it stands', undefined],
      ["it does not import { dataset } from 'millrace'", 'export default 1\n'],
    ] as const) {
      if (text !== undefined) writeFileSync(file, text)
      const found = await findSuggestions(workspace, { write: true }, listener)
      expect(found).toMatchObject({ change: undefined, refused: name })
      expect(await suggestExpectations(workspace, { dataset: 'sales' }, listener)).toMatchObject({
        patch: null,
        notPatched: name,
      })
      if (text !== undefined) expect(readFileSync(file, 'utf8')).toBe(text)
    }
  })
})
