import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { dataset } from '../../define/dataset.ts'
import { t } from '../../define/column.ts'
import { parquet, type CsvOptions } from '../../define/source.ts'
import { openStates } from '../validate/states.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { openDataset, openFiles, type FileKind } from './open.ts'
import { profile } from './profile.ts'
import type { ColumnProfile, Profile } from './types.ts'

let engine: DataEngine
const root = mkdtempSync(join(tmpdir(), 'millrace-profile-'))
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(async () => {
  await engine.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

const now = Date.UTC(2026, 0, 10) * 1000
const services = () => ({ engine, root, clock: manualClock(now) })

async function ofFiles(paths: readonly string[], as?: FileKind, csv?: CsvOptions): Promise<Profile> {
  const opened = await openFiles(services(), paths, { as, ...(csv ? { csv } : {}) })
  try {
    return await profile(services(), opened)
  } finally {
    await opened.release()
  }
}

async function ofText(name: string, content: string, kind?: FileKind): Promise<Profile> {
  writeFileSync(join(root, name), content)
  return ofFiles([name], kind)
}

async function ofSql(name: string, sql: string): Promise<Profile> {
  await engine.writeParquet(sql, join(root, name))
  return ofFiles([name])
}

const column = (found: Profile, name: string): ColumnProfile =>
  found.columns.find(one => one.column === name) as ColumnProfile
const findings = (found: Profile, kind: string) =>
  found.findings.filter(one => one.kind === kind).map(one => `${one.columns.join()}: ${one.says}`)

it('measures numbers, texts and times exactly', async () => {
  const found = await ofSql(
    'plain.parquet',
    `SELECT i::INTEGER AS id, CASE WHEN i % 4 = 0 THEN NULL ELSE i::DOUBLE END AS x, ['new', 'paid'][1 + i % 2] AS state,
     TIMESTAMP '2026-01-01' + INTERVAL 1 DAY * (i // 20) AS at FROM range(1, 101) r(i)`,
  )
  expect(found).toMatchObject({ rows: 100, files: 1, duplicates: 0, keys: [['id']] })
  expect(found.bytes).toBeGreaterThan(100)
  expect(column(found, 'id')).toMatchObject({
    type: 'int',
    physical: 'INTEGER',
    nulls: 0,
    distinct: { value: 100, exact: true },
    min: 1,
    max: 100,
  })
  expect(column(found, 'id').number).toMatchObject({ mean: 50.5, isolated: [], kept: { min: 1, max: 100 } })
  expect(column(found, 'id').number?.std).toBeCloseTo(Math.sqrt((100 ** 2 - 1) / 12), 10)
  expect(column(found, 'id').number?.quantiles).toContainEqual({ q: 0.25, at: 25.75 })
  expect(column(found, 'x')).toMatchObject({
    type: 'float',
    nulls: 25,
    distinct: { value: 75, exact: true },
    min: 1,
    max: 99,
  })
  expect(column(found, 'state')).toMatchObject({
    distinct: { value: 2, exact: true },
    top: [
      { value: 'new', rows: 50 },
      { value: 'paid', rows: 50 },
    ],
    text: {
      length: { min: 3, max: 4, mean: 3.5 },
      forms: [{ shape: 'a{3,4}', rows: 100, pattern: '^[a-z]{3,4}$' }],
      formsOf: 100,
    },
  })
  const day = 86_400_000_000
  const start = Date.UTC(2026, 0, 1) * 1000
  expect(column(found, 'at').times).toEqual({
    oldest: start,
    newest: start + 5 * day,
    future: 0,
    span: 'hour',
    empty: 115,
    longestGap: { from: start + 3.6e9, to: start + day },
  })
  expect(found.correlations).toEqual([{ a: 'id', b: 'x', r: expect.closeTo(1, 12) as number }])
  expect(findings(found, 'nulls')).toEqual(['x: 25 % of the rows are null (25)'])
})

it('finds the type of text by what nearly all cells say, and says which cells do not', async () => {
  const rows = Array.from(
    { length: 99 },
    (_, i) => `${i};${i / 2};00${100 + i};${i % 2 === 0};2026-01-0${1 + (i % 9)};a,b`,
  )
  const found = await ofText(
    'sniffed.csv',
    ['n;x;code;yes;day;words', ...rows, 'many;1;00999;true;2026-01-01;"c;d"'].join('\n'),
  )
  expect(found.csv).toEqual({ delimiter: ';' })
  expect(found.columns.map(one => [one.column, one.type])).toEqual([
    ['n', 'int'],
    ['x', 'float'],
    ['code', 'text'],
    ['yes', 'bool'],
    ['day', 'timestamp'],
    ['words', 'text'],
  ])
  expect(column(found, 'n')).toMatchObject({ nulls: 1, unreadable: { cells: 1, top: [{ value: 'many', rows: 1 }] } })
  expect(findings(found, 'unreadable')).toEqual(['n: 1 cell does not read as int: many'])
})

it('takes a column for text when later cells show that the first ones were no rule', async () => {
  const lines = Array.from({ length: 230_000 }, (_, i) => (i < 200_000 ? `${i % 7}` : 'word'))
  const found = await ofText('late.csv', `a,b\n${lines.map(one => `${one},1`).join('\n')}\n`)
  expect(column(found, 'a')).toMatchObject({ type: 'text', nulls: 0, distinct: { value: 8, exact: true } })
  expect(column(found, 'b').type).toBe('int')
})

it('reads JSON lines and several files, and what the option says whatever the name', async () => {
  writeFileSync(join(root, 'a.jsonl'), '{"a":1,"b":{"c":2}}\n{"a":2}\nbroken\n')
  writeFileSync(join(root, 'b.jsonl'), '{"a":"x"}\n')
  const found = await ofFiles(['*.jsonl'])
  expect(found).toMatchObject({ files: 2, rows: 3, brokenLines: 1 })
  expect(column(found, 'b')).toMatchObject({ type: 'text', nulls: 2 })
  expect((await ofText('strange.data', 'x\n1\n2\n', 'csv')).rows).toBe(2)
  await expect(ofText('strange.data', 'x\n1\n')).rejects.toMatchObject({ code: 'MR2020' })
  await expect(ofFiles(['a.jsonl', 'sniffed.csv'])).rejects.toMatchObject({ code: 'MR2021' })
  await expect(ofFiles(['nowhere.csv'])).rejects.toMatchObject({ code: 'MR2002' })
})

it('tells values that stand alone from a long tail', async () => {
  const found = await ofSql(
    'tails.parquet',
    `SELECT CASE i WHEN 5 THEN -9999 WHEN 6 THEN -9998 ELSE (i % 100)::BIGINT END AS fault, (exp(i / 1000.0))::BIGINT AS tail,
     CASE WHEN i = 1 THEN 'nan'::DOUBLE WHEN i = 2 THEN 'inf'::DOUBLE ELSE i % 10 END AS f FROM range(10000) r(i)`,
  )
  expect(column(found, 'fault').number).toMatchObject({
    isolated: [
      { value: -9998, rows: 1 },
      { value: -9999, rows: 1 },
    ],
    kept: { min: 0, max: 99 },
  })
  expect(column(found, 'tail').number?.isolated).toEqual([])
  expect(column(found, 'f')).toMatchObject({ min: 0, max: 9, number: { nan: 1, infinite: 1 } })
  expect(findings(found, 'notFinite')).toEqual(['f: 1 NaN and 1 infinite value'])
})

it('says what is constant, copied, in the future, missing in words, and rarely written otherwise', async () => {
  const found = await ofSql(
    'faults.parquet',
    `SELECT 7 AS same, CASE WHEN i = 0 THEN 'abc' ELSE 'ABC' || chr((65 + i % 3)::INTEGER) END AS code,
     CASE WHEN i < 30 THEN 'N/A' ELSE 'text' || i END AS note, TIMESTAMP '2026-01-09' + INTERVAL 1 DAY * (i % 10) AS at
     FROM range(400) r(i) UNION ALL (SELECT 7, 'ABCB', 'text31', TIMESTAMP '2026-01-10' FROM range(2))`,
  )
  expect(found.duplicates).toBe(2)
  expect(found.keys).toEqual([])
  expect(findings(found, 'constant')).toEqual(['same: every row has the same value: 7'])
  expect(findings(found, 'rareForms')).toEqual(['code: nearly all are written AAAA, but aaa ×1 (abc)'])
  expect(findings(found, 'placeholders')[0]).toContain('"N/A" ×30')
  expect(findings(found, 'future')[0]).toContain('320 rows lie in the future')
})

it('finds a pair of columns that is a key where no single one is', async () => {
  const found = await ofSql('pairs.parquet', 'SELECT i // 10 AS a, i % 10 AS b, i % 3 AS c FROM range(100) r(i)')
  expect(found.keys).toEqual([['a', 'b']])
})

it.each([
  ['no rows', "SELECT 1 AS a, 'x' AS b, 1.5::DOUBLE AS f, now()::TIMESTAMP AS at, true AS yes LIMIT 0", 0],
  ['one row', "SELECT 1 AS a, 'x' AS b, 1.5::DOUBLE AS f, TIMESTAMP '2026-01-01' AS at, true AS yes", 1],
  [
    'nulls alone',
    'SELECT NULL::BIGINT AS a, NULL::VARCHAR AS b, NULL::DOUBLE AS f, NULL::TIMESTAMP AS at, NULL::BOOLEAN AS yes FROM range(50)',
    50,
  ],
])('says what there is of %s', async (name, sql, rows) => {
  const found = await ofSql(`${name}.parquet`, sql)
  expect(found.rows).toBe(rows)
  expect(found.columns.map(one => one.column)).toEqual(['a', 'b', 'f', 'at', 'yes'])
  expect(findings(found, 'noRows')).toHaveLength(rows === 0 ? 1 : 0)
  expect(findings(found, 'empty')).toHaveLength(rows === 50 ? 5 : 0)
  expect(column(found, 'a').distinct).toEqual({ value: rows === 1 ? 1 : 0, exact: true })
})

it('takes any name for a name', async () => {
  const names = ['a"b', "it's", 'x; DROP TABLE y', '__proto__', 'constructor', 'new\nline', '🦆', 'millrace_row', '%']
  const list = names.map((name, i) => `${i} AS "${name.replaceAll('"', '""')}"`).join(', ')
  const found = await ofSql('names.parquet', `SELECT ${list}`)
  expect(found.columns.map(one => one.column)).toEqual(names.filter(name => name !== 'millrace_row'))
  expect(found.left).toMatchObject([{ column: 'millrace_row' }])
  expect(column(found, '__proto__')).toMatchObject({ min: 3, max: 3 })
})

it('leaves aside what has no single value', async () => {
  const found = await ofSql('nested.parquet', 'SELECT [1, 2] AS list, 1 AS a')
  expect(found.columns.map(one => one.column)).toEqual(['a'])
  expect(found.left).toMatchObject([{ column: 'list', physical: 'INTEGER[]' }])
})

it('looks at a declared dataset with the columns that nobody declared, and shows nothing of personal data', async () => {
  await engine.writeParquet(
    "SELECT i AS id, 'secret' || i AS name, i * 2 AS more FROM range(20) r(i)",
    join(root, 'people.parquet'),
  )
  const people = dataset('people', {
    source: parquet('people.parquet'),
    columns: { id: t.int(), name: t.pii(t.text()) },
    encryptWith: 'k',
  })
  const remembering = { ...services(), states: await openStates(join(root, 'states')) }
  const opened = await openDataset(remembering, people)
  const found = await profile(remembering, opened)
  expect(column(found, 'id')).toMatchObject({ min: 0, max: 19, nulls: 0 })
  await opened.release()
  expect(found.columns.map(one => [one.column, one.declared])).toEqual([
    ['id', true],
    ['name', true],
    ['more', false],
  ])
  expect(column(found, 'name')).toMatchObject({
    personal: true,
    min: null,
    max: null,
    top: [],
    distinct: { value: 20 },
  })
  expect(JSON.stringify(found)).not.toContain('secret')
})

it('reads what is no UTF-8 by the encoding that is given, and says which may be meant', async () => {
  const text = Buffer.from('name;n\nMüller;1\nSmith;2\n', 'latin1')
  writeFileSync(join(root, 'latin.csv'), text)
  const found = await ofFiles(['latin.csv'])
  expect(findings(found, 'misencoded')[0]).toContain(
    '1 line of the text is not UTF-8; if it is Latin-1: --encoding latin-1',
  )
  const read = await ofFiles(['latin.csv'], 'csv', { delimiter: ';', encoding: 'latin-1' })
  expect([read.rows, read.misencoded, column(read, 'name').top.map(one => one.value)]).toEqual([
    2,
    0,
    ['Müller', 'Smith'],
  ])
  // what is given is not looked for
  const whole = await ofFiles(['latin.csv'], 'csv', { delimiter: '|', encoding: 'latin-1' })
  expect(whole.columns.map(one => one.column)).toEqual(['name;n'])
})

it('knows decimal commas and answers in words', async () => {
  const rows = Array.from(
    { length: 40 },
    (_, i) => `${i},${i % 10};-1.${100 + i},5;${['Ja', 'Nein'][i % 2]};${'ab'[i % 2]}`,
  )
  const found = await ofText('words.csv', `x;y;ok;s\n${rows.join('\n')}\n`)
  expect(findings(found, 'decimalComma').map(one => one.split(':')[0])).toEqual(['x', 'y'])
  expect(findings(found, 'decimalComma').join()).not.toContain('thousands')
  const grouped = await ofText('grouped.csv', `x;s\n${rows.map((_, i) => `${i},${100 + i};a`).join('\n')}\n`)
  expect(findings(grouped, 'decimalComma')[0]).toContain('or with commas between thousands')
  expect(findings(found, 'answers')).toEqual([
    "ok: looks like yes and no, written Ja, Nein; a bool is written true and false, and inSet(['Ja', 'Nein']) holds it to these",
  ])
})

it('says which columns not every file has', async () => {
  writeFileSync(join(root, 'one.csv'), 'a,b\n1,2\n')
  writeFileSync(join(root, 'two.csv'), 'a,c\n3,4\n')
  writeFileSync(join(root, 'six.csv'), 'a,b\n5,6\n')
  const found = await ofFiles(['one.csv', 'two.csv', 'six.csv'])
  expect(found.findings.slice(0, 2).map(one => `${one.columns.join()}: ${one.says}`)).toEqual([
    'b: stands in 2 of 3 files only (first one.csv), and is null in the others',
    'c: stands in 1 of 3 files only (two.csv), and is null in the others',
  ])
  await engine.writeParquet('SELECT 1 AS a', join(root, 'uneven1.parquet'))
  await engine.writeParquet('SELECT 1 AS a, 2 AS b', join(root, 'uneven2.parquet'))
  expect(findings(await ofFiles(['uneven*.parquet']), 'uneven')).toHaveLength(1)
})
