import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import type { Dataset } from '../../define/dataset.ts'
import { csv, dataset, project, t } from '../../index.ts'
import type { StepRecord } from '../../ports/metadata-store.ts'
import { type ManualClock, manualClock } from '../../testing/manual-clock.ts'
import { startSnapshot } from '../pipeline/run.ts'
import { endedRepairs } from './ended.ts'
import { newestQuarantine, reasonsOf } from './quarantine.ts'
import { readmit } from './readmit.ts'
import { columnsDigest, readmissionsOf, storedReadmissions } from '../validate/readmissions.ts'

// Rows that a snapshot sets aside, repaired and let in again, over a real store and engine.

const declare = (over: object = {}): Dataset =>
  dataset('sales', {
    source: csv('data/*.csv'),
    columns: { id: t.int(), shop: t.text(), amount: t.float() },
    expect: c => [c.amount.between(0, 1000, { id: 'amount' }), c.shop.notNull({ id: 'shop' })],
    ...over,
  }) as unknown as Dataset
const sales = declare()

let root: string
let clock: ManualClock
let workspace: Workspace

const put = (name: string, from: number, broken: Readonly<Record<number, string>> = {}): void => {
  const lines = Array.from({ length: 200 }, (_, i) => `${from + i},${broken[from + i] ?? 'north,5'}`)
  writeFileSync(join(root, name), `id,shop,amount\n${lines.join('\n')}\n`)
}
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-readmit-'))
  mkdirSync(join(root, 'data'))
  writeFileSync(join(root, 'millrace.config.ts'), '')
  put('data/a.csv', 0, { 7: 'north,-4', 9: ',5' })
  put('data/b.csv', 1_000, { 1_003: 'south,-1' })
  clock = manualClock(1_770_000_000_000_000)
  workspace = await openWorkspace(root, { project: project('shop', { sales } as never), clock })
})
afterEach(async () => {
  await workspace.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

const step = async (made: Dataset): Promise<StepRecord> => {
  const run = await startSnapshot(workspace, await workspace.engineOf(), {
    dataset: made,
    stepEnvironment: null,
    runEnvironment: {},
  })
  await run.done
  return (await workspace.store.listSteps(run.runId))[0] as StepRecord
}
/** Rows of a snapshot by their ids, as text. */
async function rowsOf(made: StepRecord): Promise<Record<string, string>> {
  const engine = await workspace.engine()
  const path = await workspace.artifacts.localPath(made.outputs?.data?.digest as never)
  const rows = await engine.rows(`SELECT id, shop, amount FROM read_parquet('${path}')`)
  return Object.fromEntries(rows.map(row => [String(row.id), `${String(row.shop)} ${String(row.amount)}`]))
}
interface Aside {
  readonly id: number
  shop: string | null
  amount: number
  readonly millrace_content: string
  readonly millrace_row: number
}
/** The quarantine as lines of JSON, changed by hand. */
async function repaired(change: (row: Aside) => Aside | undefined, name = 'repaired.jsonl'): Promise<string> {
  const engine = await workspace.engine()
  const { rows } = await newestQuarantine(workspace, sales)
  const found = (await engine.rows(
    `SELECT id, shop, amount, millrace_content, millrace_row FROM ${rows.sql} ORDER BY id`,
  )) as unknown as Aside[]
  const lines = found.flatMap(row => change({ ...row }) ?? [])
  writeFileSync(join(root, name), `${lines.map(row => JSON.stringify(row)).join('\n')}\n`)
  return name
}
const mend = (row: Aside): Aside => ({ ...row, shop: row.shop ?? 'east', amount: Math.abs(row.amount) })

describe('rows in quarantine', () => {
  it('are there with their reasons, the most frequent first', async () => {
    await expect(newestQuarantine(workspace, sales)).rejects.toThrow(/no snapshot yet/)
    const made = await step(sales)
    const { ref, rows, made: by } = await newestQuarantine(workspace, sales)
    expect([ref.digest, by.runId]).toEqual([made.outputs?.quarantine?.digest, made.runId])
    expect(await reasonsOf(workspace, rows.sql)).toEqual([
      { reason: expect.stringMatching(/^amount between/), rows: 2, accepted: 0 },
      { reason: expect.stringMatching(/^shop/), rows: 1, accepted: 0 },
    ])
    put('data/a.csv', 0)
    put('data/b.csv', 1_000)
    await step(sales)
    await expect(newestQuarantine(workspace, sales)).rejects.toThrow(/set no row aside/)
  })
})

describe('repaired rows', () => {
  beforeEach(async () => {
    await step(sales)
  })

  it('take the places of those that they repair, in every snapshot from now on', async () => {
    const quarantine = (await newestQuarantine(workspace, sales)).ref.digest
    const told = await readmit(workspace, sales, await repaired(mend))
    expect(told).toEqual({
      dataset: 'sales',
      rows: 3,
      first: 3,
      corrected: 0,
      unchanged: 0,
      remaining: 0,
      digest: expect.stringMatching(/^sha256:/),
      decision: expect.any(String),
    })
    expect(await workspace.store.getDecision(told.decision ?? '')).toMatchObject({
      kind: 'quarantine',
      subject: 'dataset sales',
      at: clock.now(),
      verdict: 'readmitted',
      reason: '3 repaired rows of sales are let in again; they break no critical check',
      rule: { name: 'readmission', statistic: 'refused rows', value: 0, threshold: 0 },
      inputs: { rows: 3 },
      evidence: [quarantine, told.digest, expect.any(String)],
      actor: 'operator',
    })
    const [record] = await readmissionsOf(workspace.store, sales)
    expect(record).toMatchObject({
      count: 3,
      quarantine,
      columns: columnsDigest(sales),
      decision: told.decision,
      rows: { digest: told.digest, meta: { rows: 3 } },
    })
    expect(record?.rows.meta).toEqual({ rows: 3 })
    expect(Object.fromEntries(record?.files?.map(one => [one.name, one.rows]) ?? [])).toEqual({
      'data/a.csv': 2,
      'data/b.csv': 1,
    })
    expect(await workspace.store.edgesFrom([quarantine])).toEqual([
      { from: quarantine, to: told.digest, relation: 'repaired' },
    ])
    const made = await step(sales)
    expect(made.outputs?.data?.meta).toMatchObject({ rows: 400, quarantined: 0, readmitted: 3 })
    expect(made.outputs?.quarantine).toBeUndefined()
    const rows = await rowsOf(made)
    expect([rows[7], rows[9], rows[1_003]]).toEqual(['north 4', 'east 5', 'south 1'])
    // no scratch of it is left
    expect(readdirSync(join(workspace.folder, 'scratch')).filter(one => one.startsWith('.tmp-readmit'))).toEqual([])
  })

  it('that are some of them leave the others out', async () => {
    const told = await readmit(workspace, sales, await repaired(row => (row.id === 7 ? mend(row) : undefined)))
    expect(told).toMatchObject({ rows: 1, remaining: 2 })
    expect((await workspace.store.getDecision(told.decision ?? ''))?.reason).toBe(
      '1 repaired row of sales is let in again; it breaks no critical check',
    )
    expect((await step(sales)).outputs?.data?.meta).toMatchObject({ rows: 398, quarantined: 2, readmitted: 1 })
  })

  it('may be corrected; what is as before changes nothing and is not recorded', async () => {
    const first = await readmit(workspace, sales, await repaired(mend))
    const again = await readmit(workspace, sales, 'repaired.jsonl')
    expect(again).toMatchObject({ rows: 0, unchanged: 3, remaining: 0, digest: null, decision: null })
    expect(await readmissionsOf(workspace.store, sales)).toHaveLength(1)
    const file = await repaired(row => ({ ...mend(row), amount: row.id === 7 ? 40 : mend(row).amount }), 'other.jsonl')
    const corrected = await readmit(workspace, sales, file)
    expect(corrected).toMatchObject({ rows: 1, first: 0, corrected: 1, unchanged: 2 })
    expect((await workspace.store.getDecision(corrected.decision ?? ''))?.evidence).toContain(first.digest)
    expect(await workspace.store.edgesFrom([first.digest ?? ''])).toContainEqual({
      from: first.digest,
      to: corrected.digest,
      relation: 'corrected',
    })
    const rows = await rowsOf(await step(sales))
    expect([rows[7], rows[9]]).toEqual(['north 40', 'east 5'])
    // what a row is compared with is its last repair
    expect(await readmit(workspace, sales, file)).toMatchObject({ rows: 0, unchanged: 3, digest: null })
    const back = await readmit(workspace, sales, 'repaired.jsonl')
    expect(back).toMatchObject({ rows: 1, first: 0, corrected: 1, unchanged: 2 })
    expect(await workspace.store.edgesTo([back.digest ?? ''])).toContainEqual({
      from: corrected.digest,
      to: back.digest,
      relation: 'corrected',
    })
  })

  it('that break a critical check still are all refused, with the reasons', async () => {
    const file = await repaired(row => ({ ...mend(row), amount: row.id === 9 ? -9 : 9 }))
    await expect(readmit(workspace, sales, file)).rejects.toMatchObject({
      code: 'MR2017',
      details: { rows: 1, noun: 'row', verb: 'breaks', reason: expect.stringMatching(/^amount between .* \(1\)$/) },
    })
    expect(await readmissionsOf(workspace.store, sales)).toEqual([])
    const both = await repaired(row => ({ ...mend(row), amount: row.id === 7 ? 9 : -9 }))
    await expect(readmit(workspace, sales, both)).rejects.toMatchObject({ details: { rows: 2, verb: 'break' } })
  })

  it('that break a warning only are let in, as the rows beside them are', async () => {
    const warned = dataset('sales', {
      source: csv('data/*.csv'),
      columns: { id: t.int(), shop: t.text(), amount: t.float() },
      expect: c => [
        c.amount.between(0, 1000, { id: 'amount' }),
        c.shop.notNull({ id: 'shop' }),
        c.amount.between(0, 100, { id: 'usual', severity: 'warning' }),
      ],
    }) as unknown as Dataset
    await step(warned)
    const file = await repaired(row => ({ ...mend(row), amount: 500 }))
    const told = await readmit(workspace, warned, file)
    expect(told).toMatchObject({ rows: 3, first: 3, remaining: 0 })
    expect(await rowsOf(await step(warned))).toMatchObject({ 7: 'north 500', 9: 'east 500', 1003: 'south 500' })
  })

  it.each<[string, RegExp, (row: Aside) => object | undefined]>([
    ['no rows', /no rows|no column/, () => undefined],
    ['a row that says not which one it repairs', /do not say which row/, row => ({ ...mend(row), millrace_row: null })],
    [
      'two rows for one',
      /repair a row that another one repairs/,
      row => ({ ...mend(row), millrace_row: 7, millrace_content: 'x' }),
    ],
    [
      'a row that was never out',
      /neither in quarantine nor were repaired/,
      row => ({ ...mend(row), millrace_row: row.millrace_row + 1 }),
    ],
    ['a lost column', /no column amount/, ({ amount: _, ...row }) => row],
  ])('of a file with %s are refused', async (_, reason, change) => {
    const file = await repaired(change as never)
    await expect(readmit(workspace, sales, file)).rejects.toMatchObject({
      code: 'MR2016',
      message: expect.stringMatching(reason),
    })
    expect((await storedReadmissions(workspace.store, 'sales')).all).toEqual([])
  })

  it('come as CSV, Parquet or lines of JSON', async () => {
    writeFileSync(join(root, 'rows.txt'), 'id\n')
    await expect(readmit(workspace, sales, 'rows.txt')).rejects.toThrow(/neither CSV nor JSON lines nor Parquet/)
    const head = 'id;shop;amount;millrace_content;millrace_row'
    writeFileSync(join(root, 'rows.csv'), `${head}\n`)
    await expect(readmit(workspace, sales, 'rows.csv')).rejects.toThrow(/parted by something else than a comma/)
  })

  it('end with the file that they came from, and say why', async () => {
    await readmit(workspace, sales, await repaired(mend))
    expect(await endedRepairs(workspace, sales)).toEqual([])
    put('data/a.csv', 0, { 7: 'north,-5' })
    expect(await endedRepairs(workspace, sales)).toMatchObject([
      { file: 'data/a.csv', rows: 2, reason: 'its content changed' },
    ])
    expect((await step(sales)).outputs?.data?.meta).toMatchObject({ rows: 399, quarantined: 1, readmitted: 1 })
    rmSync(join(root, 'data', 'a.csv'))
    expect(await endedRepairs(workspace, sales)).toMatchObject([
      { file: 'data/a.csv', reason: 'it is no file of the dataset any more' },
    ])
    // rows of other columns are of no use
    const other = declare({ columns: { id: t.int(), shop: t.text(), amount: t.int() } })
    expect(await readmissionsOf(workspace.store, other)).toEqual([])
    expect((await endedRepairs(workspace, other)).map(one => [one.file, one.reason])).toContainEqual([
      'data/b.csv',
      'other columns are declared now',
    ])
  })

  it('of a dataset that others repair at the same moment are refused', async () => {
    const { store } = workspace
    const file = await repaired(mend)
    const put = store.addReport
    store.addReport = async report => {
      store.addReport = put
      await put.call(store, report)
      await store.putDocument('readmissions', 'sales', [], 0)
    }
    await expect(readmit(workspace, sales, file)).rejects.toMatchObject({ code: 'MR2018' })
  })
})

describe('a file of repaired rows', () => {
  beforeEach(async () => {
    await step(sales)
  })

  /** The rows of the quarantine, mended, in a file of that kind. */
  const written = async (end: string, change: (sql: string) => string = sql => sql): Promise<string> => {
    const engine = await workspace.engine()
    const { rows } = await newestQuarantine(workspace, sales)
    const mended = `SELECT id, coalesce(shop, 'east') AS shop, abs(amount) AS amount, millrace_content, millrace_row FROM ${rows.sql} ORDER BY id`
    const path = join(root, `repaired.${end}`)
    if (end === 'parquet') await engine.writeParquet(change(mended), path)
    else {
      const found = await engine.rows(change(mended))
      const names = Object.keys(found[0] ?? {})
      const text =
        end === 'csv'
          ? [names.join(','), ...found.map(row => names.map(name => String(row[name])).join(','))].join('\n')
          : found
              .map(row => JSON.stringify(row, (_, one: unknown) => (typeof one === 'bigint' ? Number(one) : one)))
              .join('\n')
      writeFileSync(path, `${text}\n`)
    }
    return `repaired.${end}`
  }

  it.each(['csv', 'jsonl', 'json', 'parquet'])('is read as %s', async end => {
    expect(await readmit(workspace, sales, await written(end))).toMatchObject({ rows: 3, first: 3, remaining: 0 })
    expect(await rowsOf(await step(sales))).toMatchObject({ 7: 'north 4', 9: 'east 5', 1003: 'south 1' })
  })

  it.each<[string, string, (text: string) => string, RegExp]>([
    [
      'cells that are no number',
      'csv',
      text => text.replace(',4,', ',far,'),
      /^1 of its cells of 'amount' are no float$/,
    ],
    ['a line that is no row', 'csv', text => `${text}1,2,3,4,5,6,7,8\n`, /^its line 5 is no row: ./],
    ['no rows at all', 'csv', text => `${text.split('\n')[0]}\n`, /^it has no rows$/],
    ['other separators', 'csv', text => text.replaceAll(',', ';'), /parted by something else than a comma/],
    [
      'columns that are lost',
      'csv',
      text => text.replace('shop', 'store').replace('amount', 'price'),
      /^it has no column shop, amount$/,
    ],
  ])('with %s is refused, and nothing is let in', async (_, end, change, reason) => {
    const file = await written(end)
    writeFileSync(join(root, file), change(readFileSync(join(root, file), 'utf8')))
    await expect(readmit(workspace, sales, file)).rejects.toMatchObject({
      code: 'MR2016',
      details: { file, dataset: 'sales', reason: expect.stringMatching(reason) as string },
    })
    expect((await storedReadmissions(workspace.store, 'sales')).all).toEqual([])
  })

  it('of rows whose file changed since is refused, for they would have no effect', async () => {
    const file = await written('jsonl')
    put('data/a.csv', 0)
    await expect(readmit(workspace, sales, file)).rejects.toMatchObject({
      details: {
        reason: expect.stringMatching(
          /^2 of its rows would not be in effect: .*"millrace data snapshot sales"/,
        ) as string,
      },
    })
    // those of the other file are still of use
    const other = await written('parquet', sql => `SELECT * FROM (${sql}) WHERE id > 1000`)
    expect(await readmit(workspace, sales, other)).toMatchObject({ rows: 1, remaining: 2 })
  })

  it('that is missing, or of a dataset that is a table, is refused', async () => {
    await expect(readmit(workspace, sales, 'none.csv')).rejects.toMatchObject({
      code: expect.stringMatching(/^MR20/) as string,
    })
    const table = { ...sales, source: { kind: 'sqlite', path: 'sales', file: 'a.db' } } as never
    await expect(readmit(workspace, table, await written('csv'))).rejects.toMatchObject({
      details: { dataset: 'sales' },
    })
    expect(await endedRepairs(workspace, table)).toEqual([])
  })

  it('counts the rows that are repaired of each file, those let in before among them', async () => {
    const first = await written('parquet', sql => `SELECT * FROM (${sql}) WHERE id = 7`)
    await readmit(workspace, sales, first)
    const all = await written('jsonl')
    const told = await readmit(workspace, sales, all)
    expect(told).toMatchObject({ rows: 2, first: 2, corrected: 0, unchanged: 1, remaining: 0 })
    const [, record] = await readmissionsOf(workspace.store, sales)
    expect(
      record?.files?.map(one => [one.name, one.rows]).toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    ).toEqual([
      ['data/a.csv', 2],
      ['data/b.csv', 1],
    ])
    expect(record?.count).toBe(2)
  })

  it('repairs anew what was repaired before, when only that is left to correct', async () => {
    await readmit(workspace, sales, await written('parquet'))
    // nothing is set aside any more: the newest snapshot has no quarantine
    expect((await step(sales)).outputs?.quarantine).toBeUndefined()
    const again = await repairedAgain(sql => `SELECT * REPLACE (amount + 1 AS amount) FROM (${sql}) WHERE id = 9`)
    expect(await readmit(workspace, sales, again)).toMatchObject({
      rows: 1,
      first: 0,
      corrected: 1,
      unchanged: 0,
      remaining: 0,
    })
    expect((await rowsOf(await step(sales)))[9]).toBe('east 6')
  })

  const repairedAgain = async (change: (sql: string) => string): Promise<string> => {
    const engine = await workspace.engine()
    const found = await engine.rows(change(`SELECT * FROM read_parquet('${join(root, 'repaired.parquet')}')`))
    writeFileSync(
      join(root, 'again.jsonl'),
      `${found.map(row => JSON.stringify(row, (_, one: unknown) => (typeof one === 'bigint' ? Number(one) : one))).join('\n')}\n`,
    )
    return 'again.jsonl'
  }

  it('has times as they are written for it, in UTC, whatever zone those of the files are in', async () => {
    const columns = { id: t.int(), at: t.timestamp('Europe/Berlin'), amount: t.float() }
    const dated = dataset('dated', {
      source: csv('dated/*.csv'),
      columns,
      eventTime: 'at',
      expect: c => [c.amount.between(0, 1000, { id: 'amount' })],
    }) as unknown as Dataset
    mkdirSync(join(root, 'dated'))
    const lines = Array.from({ length: 200 }, (_, i) => `${i},2026-07-01 12:00:0${i % 10},${i === 7 ? -4 : 4}`)
    writeFileSync(join(root, 'dated', 'a.csv'), `id,at,amount\n${lines.join('\n')}\n`)
    await step(dated)
    const engine = await workspace.engine()
    const { rows } = await newestQuarantine(workspace, dated)
    const [aside] = await engine.rows(
      `SELECT id, CAST("at" AS VARCHAR) AS at, millrace_content, millrace_row FROM ${rows.sql}`,
    )
    const place = [aside?.millrace_content, aside?.millrace_row].map(String)
    // noon in Berlin is ten in the morning
    writeFileSync(
      join(root, 'dated.csv'),
      `id,at,amount,millrace_content,millrace_row\n7,2026-07-01T10:00:07Z,4,${place.join(',')}\n`,
    )
    const naive = `id,at,amount,millrace_content,millrace_row\n7,2026-07-01 10:00:07,4,${place.join(',')}\n`
    expect(await readmit(workspace, dated, 'dated.csv')).toMatchObject({ rows: 1, first: 1 })
    const path = await workspace.artifacts.localPath((await step(dated)).outputs?.data?.digest as never)
    const [repaired] = await engine.rows(
      `SELECT CAST(epoch_us("at") AS DOUBLE) AS at FROM read_parquet('${path}') WHERE id = 7`,
    )
    expect(repaired?.at).toBe(Date.UTC(2026, 6, 1, 10, 0, 7) * 1000)
    // without a zone they are the same: the file is written in UTC
    writeFileSync(join(root, 'dated.csv'), naive)
    expect(await readmit(workspace, dated, 'dated.csv')).toMatchObject({ rows: 0, unchanged: 1 })
  })
})
