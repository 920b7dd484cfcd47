import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { times } from '../../../test/fuzz/edges.ts'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { dataset, entity, features, parquet, t } from '../../index.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { DataEngine, Row } from '../../ports/data-engine.ts'
import { columnOfValues } from '../log/column.ts'
import { planView } from './channels.ts'
import { historicalFeatures } from './historical.ts'
import { openLabels, type LabelKind } from './labels.ts'

// Tables of labels as people have them: in no order, rows twice, keys that are missing or that nobody knows, other columns.
// What comes back is what looking at every event gives, a row a label, in their order.

const second = 1_000_000
const start = Date.UTC(2026, 0, 1) * 1000

interface Visit {
  readonly shop: string
  readonly branch: number
  readonly at: number
  readonly paid: number
  readonly known: number
}

const visits = dataset('visits', {
  source: parquet('none'),
  columns: { shop: t.text(), branch: t.int(), at: t.timestamp('UTC'), paid: t.float(), known: t.timestamp('UTC') },
  eventTime: 'at',
  knownAt: { paid: c => c.known },
})
const shops = features('shops', {
  entity: entity('shop', { shop: t.text() }),
  from: visits,
  ttl: '30s',
  compute: f => ({ visits: f.count('20s'), paid: f.sum('paid', '40s'), last: f.last('paid') }),
})
const branches = features('branches', {
  entity: entity('branch', { shop: t.text(), branch: t.int() }),
  from: visits,
  compute: f => ({ visits: f.count('10s'), most: f.max('paid', '60s') }),
})

interface Label {
  readonly shop: string | null
  readonly branch: number | null
  readonly at: number
  readonly note: string | null
}

/** Each event looked at. */
function plain(list: readonly Visit[], { shop, branch, at }: Label): (number | null)[] {
  const before = (of: (one: Visit) => boolean, window: number): Visit[] =>
    list.filter(one => of(one) && one.at < at && one.at >= at - window * second)
  const ofShop = (one: Visit): boolean => shop !== null && one.shop === shop
  const ofBranch = (one: Visit): boolean => ofShop(one) && branch !== null && one.branch === branch
  const paid = (seen: readonly Visit[]): readonly Visit[] => seen.filter(one => one.known <= at)
  const fresh = before(ofShop, 30).length > 0
  const last = paid(before(ofShop, 30)).toSorted((a, b) => a.at - b.at || a.known - b.known)
  const most = paid(before(ofBranch, 60)).map(one => one.paid)
  return [
    ...(fresh
      ? [
          before(ofShop, 20).length,
          paid(before(ofShop, 40)).reduce((sum, one) => sum + one.paid, 0),
          last.at(-1)?.paid ?? null,
        ]
      : [null, null, null]),
    before(ofBranch, 10).length,
    most.length > 0 ? Math.max(...most) : null,
  ]
}

let engine: DataEngine
let root = ''
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-historical-'))
  engine = await openDuckdb()
})
afterAll(async () => {
  await engine.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

const columnsOf = (list: readonly Visit[]) => [
  columnOfValues(
    'shop',
    'text',
    list.map(one => one.shop),
  ),
  columnOfValues(
    'branch',
    'int',
    list.map(one => one.branch),
  ),
  columnOfValues(
    'at',
    'timestamp',
    list.map(one => one.at),
  ),
  columnOfValues(
    'paid',
    'float',
    list.map(one => one.paid),
  ),
  columnOfValues(
    'known',
    'timestamp',
    list.map(one => one.known),
  ),
  columnOfValues(
    'millrace_seq',
    'int',
    list.map((_, i) => i),
  ),
]

async function written(labels: readonly Label[], kind: LabelKind, name: string): Promise<string> {
  const path = join(root, `${name}.${kind}`)
  if (kind === 'csv') {
    const cell = (value: string | number | null): string => (value === null ? '' : String(value))
    const lines = labels.map(
      one => `${cell(one.note)},${new Date(one.at / 1000).toISOString()},${cell(one.branch)},${cell(one.shop)}`,
    )
    writeFileSync(path, `note,at,branch,shop\n${lines.join('\n')}\n`)
    return path
  }
  const relation = await engine.load(`${name}_labels`, [
    columnOfValues(
      'note',
      'text',
      labels.map(one => one.note),
    ),
    columnOfValues(
      'at',
      'timestamp',
      labels.map(one => one.at),
    ),
    columnOfValues(
      'branch',
      'int',
      labels.map(one => one.branch),
    ),
    columnOfValues(
      'shop',
      'text',
      labels.map(one => one.shop),
    ),
  ])
  await engine.writeParquet(`SELECT * FROM ${relation.sql}`, path)
  return path
}

async function exported(list: readonly Visit[], path: string, kind: LabelKind, time?: string): Promise<Row[]> {
  const events = await engine.load('visits_seen', columnsOf(list))
  const views = [shops, branches]
  const labels = await openLabels(engine, views, { path, shown: 'labels', kind, time, now: start })
  try {
    const sources = views.map(view => ({ plan: planView(view), rows: { sql: `SELECT * FROM ${events.sql}` } }))
    const made = await historicalFeatures(engine, sources, labels, 'labels')
    const rows = await engine.rows(`SELECT * FROM (${made.sql}) ORDER BY millrace_ordinal`)
    await made.drop()
    return rows
  } finally {
    await labels.drop()
  }
}

describe('features of a table of labels', () => {
  it('are those of looking at every event, a row a label, in their order', async () => {
    let seenValues = 0
    for (let world = 0; world < 6 * times; world++) {
      const random = seeded(100 + world)
      const moment = (): number => start + random.below(120) * second + random.below(3) * 1000
      const list: Visit[] = Array.from({ length: 1 + random.below(120) }, () => {
        const at = moment()
        const known = at + random.below(3) * 8 * second
        return {
          shop: 'abc'[random.below(3)] as string,
          branch: random.below(3),
          at,
          paid: random.below(400) / 4,
          known,
        }
      })
        // Of one moment and known time the order of arrival decides, which is another test's
        .filter((one, i, all) => all.findIndex(other => other.at === one.at && other.known === one.known) === i)
      const labels: Label[] = Array.from({ length: random.below(80) }, (_, i) => ({
        shop: random.below(9) === 0 ? null : ('abcz'[random.below(4)] as string),
        branch: random.below(9) === 0 ? null : random.below(4),
        at: random.below(3) === 0 ? (list[random.below(list.length)] as Visit).at : moment(),
        note: random.below(5) === 0 ? null : `n, "${i}"`.replace('"', '').replace('"', '').replace(',', ';'),
      }))
      labels.push(...labels.slice(0, 5))
      const kind = world % 2 === 0 ? 'csv' : 'parquet'
      const rows = await exported(list, await written(labels, kind, `world${world}`), kind)
      const found = rows.map(row => [
        ...[row.note, row.at, row.branch, row.shop].map(value => value ?? null),
        row['shops.visits'],
        row['shops.paid'],
        row['shops.last'],
        row['branches.visits'],
        row['branches.most'],
      ])
      expect(found, `seed ${100 + world}`).toEqual(
        labels.map(one => [one.note, one.at, one.branch, one.shop, ...plain(list, one)]),
      )
      seenValues += found.flat().filter(value => typeof value === 'number').length
    }
    expect(seenValues).toBeGreaterThan(500)
  })

  it('say which row cannot be read, and what a table lacks', async () => {
    const list = [{ shop: 'a', branch: 1, at: start, paid: 1, known: start }]
    const refusal = async (text: string, time?: string): Promise<unknown> => {
      const path = join(root, 'refused.csv')
      writeFileSync(path, text)
      return exported(list, path, 'csv', time).catch((error: unknown) => (error as Error).message)
    }
    const whole = 'at,shop,branch\n2026-01-01T00:00:05Z,a,1\n'
    expect(await refusal(whole)).toMatchObject([{ 'shops.visits': 1, 'branches.visits': 1 }])
    expect(await refusal('at,shop\n2026-01-01T00:00:05Z,a\n')).toContain("it has no column 'branch', a key of branch")
    expect(await refusal('shop,branch\na,1\n')).toContain('it does not say when')
    expect(await refusal(whole, 'when')).toContain("it has no column 'when'")
    expect(await refusal(whole.replace('at,', 'when,'), 'when')).toMatchObject([{ 'shops.visits': 1 }])
    expect(await refusal(`${whole}soon,a,1\n`)).toBe(
      "labels, row 1 (from 0), column 'at': expected timestamp, got at=soon.",
    )
    expect(await refusal(`${whole},a,1\n`)).toContain("row 1 (from 0), column 'at': it is null")
    expect(await refusal(`${whole}2026-01-01T00:00:05Z,a,x\n`)).toContain(
      "row 1 (from 0), column 'branch': expected int",
    )
    expect(await refusal('at,shop,branch,Shops.Visits\n2026-01-01T00:00:05Z,a,1,2\n')).toContain(
      "its column 'shops.visits' has the name of a feature",
    )
    expect(await refusal('at,shop,branch,millrace_ordinal\n2026-01-01T00:00:05Z,a,1,2\n')).toContain(
      "a name of Millrace's own",
    )
    expect(await refusal('at,shop,branch\n')).toEqual([])
  })
})
