import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { rowColumn, rowsOfFile, type CsvOptions, type DataEngine } from '../../../ports/data-engine.ts'
import { openDuckdb } from './engine.ts'
import { times } from '../../../../test/fuzz/edges.ts'

let engine: DataEngine
let root: string
beforeAll(async () => {
  engine = await openDuckdb()
  root = await mkdtemp(join(tmpdir(), 'millrace-lines-'))
})
afterAll(async () => {
  await engine.close()
  await rm(root, { recursive: true })
})

type Form = 'plain' | 'quoted' | 'two lines' | 'many' | 'few' | 'empty'

/** A record as it is written, with the line ends that it holds. */
function written(form: Form, id: number, end: string, delimiter: string): string {
  const cell = {
    plain: 'x',
    quoted: `"a${delimiter}""b"`,
    'two lines': `"a${end}${end}b"`,
    many: `x${delimiter}y`,
    few: '',
    empty: '',
  }
  if (form === 'empty') return ''
  return form === 'few' ? `${id}` : `${id}${delimiter}${cell[form]}`
}

const form = fc.constantFrom<Form>('plain', 'plain', 'quoted', 'two lines', 'many', 'few', 'empty')
const layout = fc.record({
  files: fc.array(fc.array(form, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 2 }),
  end: fc.constantFrom('\n', '\r\n'),
  delimiter: fc.constantFrom(',', ';', '\t'),
  header: fc.boolean(),
  mark: fc.constantFrom('', '\uFEFF'),
})

it('rows and lines that are none are told by the line that they start on', async () => {
  await fc.assert(
    fc.asyncProperty(layout, async ({ files, end, delimiter, header, mark }) => {
      const paths = files.map((_, i) => join(root, `file${i}.csv`))
      const rows = new Map<number, number>()
      const none: string[] = []
      for (const [i, forms] of files.entries()) {
        let line = header ? 1 : 0
        // the first line says how many columns there are
        const texts = header ? [`id${delimiter}s`] : [`0${delimiter}x`]
        if (!header) rows.set(1000 * i, ++line)
        for (const [at, one] of forms.entries()) {
          const id = 1000 * i + at + 1
          texts.push(written(one, id, end, delimiter))
          if (one === 'many' || one === 'few') none.push(`${i}:${line + 1}`)
          else if (one !== 'empty') rows.set(id, line + 1)
          line += one === 'two lines' ? 3 : 1
        }
        await writeFile(paths[i] as string, mark + texts.join(end) + end)
      }
      const options: CsvOptions = { delimiter, header }
      const found = await engine.scan({ kind: 'csv', path: 'file*.csv', ...options }, root, paths)
      const id = header ? 'id' : 'column0'
      const read = await engine.rows(`SELECT ${rowColumn} AS n, CAST(${id} AS INT) AS id FROM ${found.numbered}`)
      const lines = await found.text?.lines?.(read.map(row => Number(row.n)))
      const told = read.map(row => {
        const file = Math.floor(Number(row.n) / rowsOfFile)
        return [Number(row.id) || 1000 * file, lines?.get(Number(row.n))]
      })
      expect(new Map(told as [number, number][])).toEqual(rows)
      expect(found.text?.unreadable.map(one => `${one.file}:${one.line}`)).toEqual(none)
    }),
    { numRuns: 10 * times },
  )
})

it('whatever quotes and line ends are astray, a line that is told is the one that the row starts on', async () => {
  const piece = fc.constantFrom('x', ',', '"', '""', '\\', '\r', '\n', '\r\n', ' ')
  const tails = fc.array(fc.string({ unit: piece, maxLength: 7 }), { minLength: 1, maxLength: 8 })
  let told = 0
  await fc.assert(
    fc.asyncProperty(tails, fc.constantFrom('"', '\\'), fc.constantFrom('\n', '\r\n'), async (some, escape, end) => {
      const path = join(root, 'astray.csv')
      const text = ['id,s', ...some.map((one, i) => `${i},${one}`)].join(end) + end
      await writeFile(path, text)
      // the engine refuses some mixtures of line ends whole
      const found = await engine.scan({ kind: 'csv', path, escape }, root, [path]).catch(() => undefined)
      if (!found) return
      const read = await engine.rows(`SELECT ${rowColumn} AS n, id FROM ${found.numbered}`)
      const lines = await found.text?.lines?.(read.map(row => Number(row.n)))
      for (const { n, id } of read) {
        const line = lines?.get(Number(n))
        if (line === undefined || !/^\d+$/.test(String(id))) continue
        told++
        const start = text.split(/\r\n|\n|\r/)[line - 1]
        expect(start).toMatch(new RegExp(`^${String(id)}(,|$)`))
      }
    }),
    { numRuns: 30 * times, seed: 7 },
  )
  expect(told).toBeGreaterThan(100)
})

it('JSON lines are counted with the empty ones, and the text of a broken one is its beginning', async () => {
  const path = join(root, 'a.ndjson')
  await writeFile(path, `{"a":1}\n\n{"a":\n  \n[1]\n{"a":2}\n{"a": "${'é'.repeat(300)}`)
  const found = await engine.scan({ kind: 'json', path }, root, [path])
  const read = await engine.rows(`SELECT ${rowColumn} AS n FROM ${found.numbered} ORDER BY 1`)
  const lines = await found.text?.lines?.(read.map(row => Number(row.n)))
  expect(read.map(row => lines?.get(Number(row.n)))).toEqual([1, 6])
  expect(found.text?.unreadable.map(one => [one.line, one.text])).toEqual([
    [3, '{"a":'],
    [5, '[1]'],
    [7, `{"a": "${'é'.repeat(193)}`],
  ])
})
