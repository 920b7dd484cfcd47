import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { DataEngine, SourceSpec } from '../../../ports/data-engine.ts'
import { times } from '../../../../test/fuzz/edges.ts'
import { openDuckdb } from './engine.ts'

let engine: DataEngine
let root: string
let made = 0
beforeAll(async () => {
  engine = await openDuckdb()
  root = await mkdtemp(join(tmpdir(), 'millrace-texts-'))
})
afterAll(async () => {
  await engine.close()
  await rm(root, { recursive: true })
})

async function scan(source: SourceSpec, ...contents: readonly (string | Uint8Array)[]) {
  const files: string[] = []
  for (const content of contents) {
    files.push(join(root, `file-${made++}`))
    await writeFile(files.at(-1) as string, content)
  }
  return engine.scan({ ...source, path: files.map(file => file.slice(root.length + 1)).join(', ') }, root, files)
}

async function rowsOf(source: SourceSpec, ...contents: readonly (string | Uint8Array)[]) {
  const { sql, text } = await scan(source, ...contents)
  const names = source.kind === 'json' ? '"a"' : '*'
  const rows = (await engine.rows(`SELECT ${names} FROM ${sql}`)).map(row => Object.values(row))
  return { rows, broken: text?.broken, lines: text?.unreadable.map(line => [line.line, line.text]) }
}

const csv: SourceSpec = { kind: 'csv', path: '' }
const json: SourceSpec = { kind: 'json', path: '' }

// the rows are those of Python's csv.reader, a quote that nothing closes taken from its line
it.each<[string | Uint8Array, unknown[][], unknown[][]]>([
  [
    'a,b\n1,2\r\n3,4\r5,6\n',
    [
      ['1', '2'],
      ['3', '4'],
      ['5', '6'],
    ],
    [],
  ],
  ['a,b\r\n1,2\n', [['1', '2']], []],
  ['a,b\n1,2\r', [['1', '2']], []],
  ['a,b\n1,"x\n3,4\n', [['3', '4']], [[2, '1,"x']]],
  [
    'a,b\r\n1,2\n"\n3,4\r\n',
    [
      ['1', '2'],
      ['3', '4'],
    ],
    [[3, '"']],
  ],
  ['a,b\n1,2\n3,"', [['1', '2']], [[3, '3,"']]],
  [
    'a,b\r\n1\n1,2,3\r\n5,6\n',
    [['5', '6']],
    [
      [2, '1'],
      [3, '1,2,3'],
    ],
  ],
  [
    '\n\r\na,b\n1,2\nx\n3,4\n',
    [
      ['1', '2'],
      ['3', '4'],
    ],
    [[5, 'x']],
  ],
  ['"a\r\nx",b\r\n1,2\r\n', [['1', '2']], []],
  ['"a\nx",b\r\n1,2\r\n', [['1', '2']], []],
  ['"a\r\nx",b\n1,2\n', [['1', '2']], []],
  ['a,b\n"x\r\ny",2\r\n', [['x\r\ny', '2']], []],
  ['\ufeffa,b\r\n1,2\n', [['1', '2']], []],
  [Buffer.from('a,b\r\n1,\xff\n2,3\r\n', 'latin1'), [['2', '3']], [[2, '1,?']]],
  [gzipSync('a,b\n1,2\r\n'), [['1', '2']], []],
])('CSV %j gives its rows, and the lines that are none', async (content, rows, lines) => {
  expect(await rowsOf(csv, content)).toEqual({ rows, broken: lines.length, lines })
})

it.each<[string | Uint8Array, unknown[][], unknown[][]]>([
  ['\ufeff{"a":"1"}\n{"a":"2"}\n', [['1'], ['2']], []],
  ['{"a":"1"}\r{"a":"2"}\r\n{"a":"3"}\n', [['1'], ['2'], ['3']], []],
  [
    Buffer.from('{"a":"\xff"}\r\nx\n{"a":"y"}', 'latin1'),
    [['y']],
    [
      [1, '{"a":"\ufffd"}'],
      [2, 'x'],
    ],
  ],
  [Buffer.from('\ufeff{"a":"é"}\n', 'utf16le'), [['é']], []],
  [gzipSync('{"a":"1"}\n{"a":"2"}\n'), [['1'], ['2']], []],
])('JSON lines %j give their rows, and the lines that are none', async (content, rows, lines) => {
  expect(await rowsOf(json, content)).toEqual({ rows, broken: lines.length, lines })
})

it('reads files of different forms as one source', async () => {
  const { rows } = await rowsOf(csv, 'a,b\n1,2\n', gzipSync('\ufeffb,a\r\n3,4\n'), '\na,b\r5,6\r')
  expect(rows.toSorted((x, y) => String(x).localeCompare(String(y)))).toEqual([
    ['1', '2'],
    ['4', '3'],
    ['5', '6'],
  ])
})

it('reads whatever records stand between whatever line ends', async () => {
  const cell = fc
    .array(fc.constantFrom('a', '7', ' ', ',', '"', '\n', '\r', '\r\n', 'é', ';'), { minLength: 1, maxLength: 5 })
    .map(parts => parts.join(''))
  const end = fc.constantFrom('\n', '\r\n', '\r')
  const written = (text: string) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  const record = fc.tuple(fc.tuple(cell, cell), end)
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 6 }), end, async (records, first) => {
      const lines = records.map(([cells, after]) => `${cells.map(written).join(',')}${after}`)
      const { rows, broken } = await rowsOf(csv, `x,y${first}${lines.join('')}`)
      expect({ rows, broken }).toEqual({ rows: records.map(([cells]) => cells), broken: 0 })
    }),
    { numRuns: 60 },
  )
})

it('says of files that are no Parquet what they are', async () => {
  const parquet: SourceSpec = { kind: 'parquet', path: '' }
  const whole = await readFile('test/fixtures/types/nan.parquet')
  await expect(scan(parquet, gzipSync(whole))).rejects.toThrow('it is gzip, not Parquet: decompress it first')
  await expect(scan(parquet, 'ORC and more of it')).rejects.toThrow('it is an ORC file, not Parquet')
  await expect(scan(parquet, 'a,b\n1,2\n3,4\n5,6\n')).rejects.toThrow('it does not begin as Parquet does')
  await expect(scan(parquet, whole.subarray(0, -20))).rejects.toThrow(
    'it is Parquet that is damaged or was not written to its end',
  )
  await expect(scan(parquet, Buffer.concat([whole, Buffer.from('ab')]))).rejects.toThrow(
    'it is Parquet that is damaged',
  )
})

it('reads a cell with spaces beside its quotes as Python does, and a line with anything after a quoted cell as none', async () => {
  const dialects = fc.constantFrom<
    Required<Pick<Extract<SourceSpec, { kind: 'csv' }>, 'delimiter' | 'quote' | 'escape'>>
  >(
    { delimiter: ',', quote: '"', escape: '"' },
    { delimiter: ';', quote: "'", escape: "'" },
    { delimiter: '|', quote: '"', escape: '\\' },
  )
  const words = fc.array(fc.constantFrom('a', ' ', 'é', '"', "'"), { maxLength: 4 }).map(parts => parts.join(''))
  const spaces = fc.constantFrom('', ' ', '   ')
  const cells = fc.record({ quoted: fc.boolean(), before: spaces, text: words, after: spaces })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(cells, cells), { minLength: 1, maxLength: 8 }), dialects, async (rows, form) => {
      const { quote, escape } = form
      const made = rows.map(row =>
        row.map(({ quoted, before, text, after }) => {
          const inner = text.replaceAll(quote, () => escape + quote)
          if (quoted && before === '')
            return { written: quote + inner + quote + after, read: after === '' ? text : undefined }
          // a quote is a character wherever a cell does not begin with it
          const written =
            before + (quoted ? quote + text.replaceAll(quote, '') + quote : text.replaceAll(quote, '')) + after
          return { written, read: written }
        }),
      )
      const text = [
        'a,b'.replace(',', form.delimiter),
        ...made.map(row => row.map(cell => cell.written).join(form.delimiter)),
      ]
      const expected = made
        .filter(row => row.every(({ read }) => read !== undefined))
        .map(row => row.map(({ read }) => read))
      const { rows: found, broken } = await rowsOf({ ...csv, ...form }, `${text.join('\n')}\n`)
      const shown = (value: unknown): unknown => (value === null ? '' : value)
      expect(found.map(row => row.map(shown))).toEqual(expected)
      expect(broken).toBe(made.length - expected.length)
    }),
    { numRuns: 60 * times },
  )
})

// the rows are those of Python's csv.reader with skipinitialspace, a line with anything after a quoted cell left out
it.each<[string, unknown[][], number]>([
  ['a, b\n1, "x, y"\n', [['1', 'x, y']], 0],
  [' a,  "b"\n  1,   x y \n', [['1', 'x y ']], 0],
  ['a, b\n1, "x\n  y"\n', [['1', 'x\n  y']], 0],
  ['a, b\n1, "x" \n2, "z"\n', [['2', 'z']], 1],
  ['a, b\n1, " x"\n', [['1', ' x']], 0],
  ['a, b\n1, \n', [['1', null]], 0],
  ['a, b\n1, it"s\n', [['1', 'it"s']], 0],
  ['a, b\n1, "x\n2, y\n', [['2', 'y']], 1],
])('leaves out the spaces before cells of %j where that is asked for', async (text, rows, broken) => {
  expect(await rowsOf({ ...csv, skipInitialSpace: true }, text)).toMatchObject({ rows, broken })
})

it('tells the lines of rows whose spaces are left out as they stand in the file', async () => {
  const { text } = await scan({ ...csv, skipInitialSpace: true }, 'a, b\n1, "x"\n2, "y"\n3, "z", 4\n')
  expect(text?.unreadable.map(({ line }) => line)).toEqual([4])
  expect([...((await text?.lines?.([0, 1])) ?? [])]).toEqual([
    [0, 2],
    [1, 3],
  ])
})
