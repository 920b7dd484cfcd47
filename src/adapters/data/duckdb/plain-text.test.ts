import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { plainText } from './plain-text.ts'
import { formOf } from './text-form.ts'
import { times } from '../../../../test/fuzz/edges.ts'

const name = { source: 'x', file: 'x' }
let root: string
let made = 0
const scratch = async () => join(root, `copy-${made++}`)
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-text-'))
})
afterAll(() => rm(root, { recursive: true }))

async function file(content: string | Uint8Array): Promise<string> {
  const path = join(root, `file-${made++}`)
  await writeFile(path, content)
  return path
}

async function read(content: string | Uint8Array, csv: Parameters<typeof plainText>[2] = {}): Promise<string> {
  const { path } = await plainText(await file(content), name, csv, scratch)
  return readFile(path, 'utf8')
}

/** What a loop over characters says. */
function naiveForm(text: string, delimiter: string, quote: string, escape: string) {
  const ends = new Set(text.match(/\r\n|\r|\n/g) ?? [])
  let [open, start] = [false, true]
  for (let i = 0; i < text.length; ) {
    if (open) {
      if (escape !== '' && text.startsWith(escape + quote, i)) i += escape.length + quote.length
      else open = text[i++] !== quote
      start = false
    } else if (text.startsWith(delimiter, i)) {
      start = true
      i += delimiter.length
    } else {
      open = start && text[i] === quote
      start = text[i] === '\n' || text[i] === '\r'
      i++
    }
  }
  return { ends, open }
}

it('tells the ends of lines and an open quote as a loop over characters does', async () => {
  const dialects = fc.constantFrom([',', '"', '"'], [';', "'", '\\'], ['|~', '"', '\\'])
  const pieces = fc.array(fc.constantFrom('a', '"', "'", '\\', ',', ';', '|', '|~', '\n', '\r', '\r\n', '""'), {
    maxLength: 30,
  })
  await fc.assert(
    fc.asyncProperty(pieces, dialects, async (parts, [delimiter = ',', quote = '"', escape = '"']) => {
      const text = parts.join('')
      const { ends, open } = await formOf(await file(text), { delimiter, quote, escape })
      expect({ ends, open }).toEqual(naiveForm(text, delimiter, quote, escape))
    }),
    { numRuns: 100 * times },
  )
})

it('tells them over the borders of what is read at once', async () => {
  for (const [piece, ends] of [
    ['"a""b",c\r\n', ['\r\n']],
    ['"a\nb",ccc\r', ['\r', '\n']],
  ] as const) {
    const path = await file(piece.repeat(Math.ceil((9 << 20) / piece.length)))
    expect(await formOf(path, {})).toEqual({ mark: false, ends: new Set(ends), open: false, spaced: false })
    await writeFile(path, '"', { flag: 'a' })
    expect((await formOf(path, {})).open).toBe(true)
  }
})

describe('a text is read', () => {
  it.each([
    ['a,b\r\n1,2\n3,4\r5,6\r\n', 'a,b\n1,2\n3,4\n5,6\n'],
    ['a,b\n1,"x\r\ny"\r\n3,4', 'a,b\n1,"x\r\ny"\n3,4'],
    ['\ufeffa,b\n1,2\n', 'a,b\n1,2\n'],
    ['a,b\n1,2\r', 'a,b\n1,2\n'],
    ['a,b\r\n"x\ry",2\r\n', 'a,b\n"x\ry",2\n'],
  ])('%j with line ends of one kind', async (text, plain) => {
    expect(await read(text)).toBe(plain)
  })

  it('where it is when nothing is odd of it', async () => {
    for (const text of ['a,b\n1,2\n', 'a,b\r\n1,2\r\n', 'a,b\r1,2', 'a\n"x""y"\n']) {
      const path = await file(text)
      expect((await plainText(path, name, {}, scratch)).path).toBe(path)
    }
  })

  it.each<[string, string, Parameters<typeof plainText>[2]?]>([
    ['a,b\n1, "f"\n', 'a,b\n1," ""f"""\n'],
    ['a, "b"\n1,2\n', 'a," ""b"""\n1,2\n'],
    ['a,b\n "n, o"\n', 'a,b\n" ""n", o"\n'],
    ['a,b\n"g" ,y\n', 'a,b\n"g"\t,y\n'],
    ['a,b\n1,"g" \n', 'a,b\n1,"g"\t\n'],
    ['a,b\n1,"x\ny" \n', 'a,b\n1,"x\ny"\t\n'],
    ["a;b\n1; 'f\\'\n", "a;b\n1;' \\'f\\\\\\''\n", { delimiter: ';', quote: "'", escape: '\\' }],
  ])('%j with the spaces beside its quotes', async (text, plain, csv = {}) => {
    expect(await read(text, csv)).toBe(plain)
  })

  it('of any encoding that it marks or that is declared', async () => {
    const text = 'a,b\né,😀\n'
    const little = Buffer.from(text, 'utf16le')
    const big = Buffer.from(little).swap16()
    expect(await read(Buffer.concat([Buffer.from([0xff, 0xfe]), little]))).toBe(text)
    expect(await read(Buffer.concat([Buffer.from([0xfe, 0xff]), big]))).toBe(text)
    expect(await read(little, { encoding: 'utf-16' })).toBe(text)
    expect(await read(big, { encoding: 'utf-16' })).toBe(text)
    expect(await read(`\ufeff${text}`, { encoding: 'latin-1' })).toBe(text)
    expect(await read(Buffer.from([0x61, 0x0a, 0x80, 0x93, 0x94]), { encoding: 'latin-1' })).toBe('a\n€“”')
  })

  it('of gzip, of several members too, and of zstd', async () => {
    const text = 'a,b\r\n1,2\n'
    expect(await read(gzipSync(text))).toBe('a,b\n1,2\n')
    expect(await read(Buffer.concat([gzipSync('a,b\n'), gzipSync('1,2\n')]))).toBe('a,b\n1,2\n')
    // two frames of zstd 1.5: "a,b\\n1,2\\n" with a checksum, "3,4\\n" without
    const zstd = Buffer.from('28b52ffd0458410000612c620a312c320a35e7cace28b52ffd0058210000332c340a', 'hex')
    expect(await read(zstd)).toBe('a,b\n1,2\n3,4\n')
  })
})

it.each([
  ['a,b\n1,"x\n3,4\n5,6\n', 'a,b\nx,x,x\n3,4\n5,6\n', [[4, '1,"x']]],
  ['a,b\n"\n1,2\n', 'a,b\nx,x,x\n1,2\n', [[4, '"']]],
  ['\na\n"x\ny\n', '\na\nx,x\ny\n', [[3, '"x']]],
  [
    'a,b\n1,"x\ny","z\n5,6\n',
    'a,b\nx,x,x\nx,x,x\n5,6\n',
    [
      [4, '1,"x'],
      [10, 'y","z'],
    ],
  ],
])('makes of an open quote in %j a line of too many cells, and keeps the rest', async (text, copy, open) => {
  const plain = await plainText(await file(text), name, {}, scratch)
  expect(await readFile(plain.path, 'utf8')).toBe(copy)
  expect([...plain.open]).toEqual(open)
})

it.each<[string, string | Uint8Array, string]>([
  [
    'Excel',
    Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), Buffer.alloc(26), Buffer.from('[Content_Types].xml')]),
    'an Excel workbook, not CSV: save each sheet as CSV',
  ],
  ['ORC', 'ORC\n', 'an ORC file, not CSV'],
  ['Avro', 'Obj\u0001', 'an Avro file, not CSV'],
  ['Parquet', 'PAR1xxxx', 'a Parquet file, not CSV: declare parquet'],
  ['Feather', 'ARROW1\0\0', 'an Arrow or Feather file, not CSV: declare arrow'],
  ['a web page', '<!DOCTYPE html>', 'a web page'],
  ['Git LFS', 'version https://git-lfs.github.com/spec/v1\n', 'run "git lfs pull"'],
  ['cut gzip', gzipSync('a,b\n1,2\n').subarray(0, 15), 'gzip, damaged or not written to its end'],
  ['gzip of Excel', gzipSync(Buffer.from('PK\x03\x04xl/', 'latin1')), 'an Excel workbook'],
  ['gzip of nothing', gzipSync(''), 'it is empty'],
  ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]), 'it is UTF-32'],
  ['an open header', 'a,"b\n1,2\n', 'a quote in its first line is never closed'],
])('says of %s what it is and what to do', async (_, content, reason) => {
  await expect(plainText(await file(content), name, {}, scratch)).rejects.toThrow(reason)
})
