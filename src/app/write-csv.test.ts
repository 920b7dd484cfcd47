import fc from 'fast-check'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../adapters/data/duckdb/engine.ts'
import type { DataEngine } from '../ports/data-engine.ts'
import { writeCsv } from './write-csv.ts'

// Rows as a file that a spreadsheet and every reader of CSV take, and nobody but its owner.

const root = mkdtempSync(join(tmpdir(), 'millrace-write-csv-'))
let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(async () => {
  await engine.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})
const written = async (rows: string, order?: string): Promise<string> => {
  const path = join(root, 'out.csv')
  await writeCsv(engine, rows, path, order)
  return readFileSync(path, 'utf8')
}

it('writes times in UTC, lists with their parts after semicolons, nulls as nothing', async () => {
  const rows = `(SELECT * FROM (VALUES
    (1, 1.5, true, TIMESTAMP '2026-01-02 03:04:05', ['a', 'b, c'], 'x'),
    (NULL, NULL, NULL, NULL, NULL, NULL)) t(i, f, b, "at", parts, "a ""name"", odd"))`
  expect(await written(rows)).toBe(
    'i,f,b,at,parts,"a ""name"", odd"\n1,1.5,true,2026-01-02T03:04:05.000000Z,"a; b, c",x\n,,,,,\n',
  )
})

it('tells an empty text from none, and quotes what would part a line', async () => {
  const rows = `(SELECT * FROM (VALUES (1, ''), (2, NULL), (3, 'a,b'), (4, 'say "so"'), (5, E'two\\nlines'), (6, E'\\r'), (7, ' plain; text ')) t(n, s))`
  expect(await written(rows, 'n')).toBe('s\n""\n\n"a,b"\n"say ""so"""\n"two\nlines"\n"\r"\n plain; text \n')
})

it('is in the order of a column, which is left out', async () => {
  expect(await written('(SELECT * FROM (VALUES (3, 30), (1, 10), (2, 20)) t(place, v))', 'place')).toBe(
    'v\n10\n20\n30\n',
  )
})

it('of no rows has the names alone', async () => {
  expect(await written("(SELECT 1 AS a, 'x' AS b WHERE false)")).toBe('a,b\n')
})

it('any texts come back as they were', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', ';', 'ö', "'"), maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(text), { minLength: 1, maxLength: 20 }), async texts => {
      const { dialect } = engine
      const values = texts.map((one, i) => `(${i}, ${dialect.literal(one, 'text')})`).join(', ')
      const lines = await written(`(SELECT * FROM (VALUES ${values}) t(n, s))`, 'n')
      expect(parsed(lines)).toEqual([['s'], ...texts.map(one => [one])])
    }),
    { numRuns: 25, seed: 3 },
  )
})

/** RFC 4180, read character by character; nothing is null, a quoted nothing the empty text. */
function parsed(text: string): (string | null)[][] {
  const rows: (string | null)[][] = []
  let row: (string | null)[] = []
  for (let at = 0; at < text.length; ) {
    let cell: string | null = null
    if (text[at] === '"') {
      cell = ''
      for (at++; text[at] !== '"' || text[at + 1] === '"'; at++) {
        if (text[at] === '"') at++
        cell += text[at]
      }
      at++
    } else {
      const from = at
      while (text[at] !== ',' && text[at] !== '\n') at++
      cell = at === from ? null : text.slice(from, at)
    }
    row.push(cell)
    if (text[at++] === '\n') {
      rows.push(row)
      row = []
    }
  }
  return rows
}

it('is for its owner alone, and is there whole or not at all', async () => {
  const path = join(root, 'own.csv')
  await writeCsv(engine, '(SELECT 1 AS a)', path)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const before = readFileSync(path, 'utf8')
  await expect(writeCsv(engine, "(SELECT CAST(error('no') AS TEXT) AS a)", path)).rejects.toThrow()
  expect(readFileSync(path, 'utf8')).toBe(before)
  expect(readdirSync(root).filter(name => name.includes('tmp'))).toEqual([])
})
