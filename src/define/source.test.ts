import { describe, expect, it } from 'vitest'
import { t } from './column.ts'
import { dataset } from './dataset.ts'
import { csv, type CsvOptions, type Source } from './source.ts'

describe('dialect of a CSV source', () => {
  it.each<[CsvOptions, string]>([
    [{ delimiter: '' }, 'delimiter must be one to four characters'],
    [{ delimiter: '\n' }, 'delimiter must be one to four characters'],
    [{ delimiter: '\r' }, 'delimiter must be one to four characters'],
    [{ delimiter: ';\n' }, 'delimiter must be one to four characters'],
    [{ delimiter: '\0' }, 'delimiter must be one to four characters'],
    [{ delimiter: '|||||' }, 'delimiter must be one to four characters'],
    // six bytes, where engines take four
    [{ delimiter: 'ééé' }, 'delimiter must be one to four characters'],
    [{ delimiter: '"' }, String.raw`delimiter "\"" and quote "\"" must differ`],
    [{ delimiter: '|"|' }, String.raw`delimiter "|\"|" and quote "\"" must differ`],
    [{ delimiter: ';', quote: ';' }, 'delimiter ";" and quote ";" must differ'],
    [{ quote: ',' }, 'delimiter "," and quote "," must differ'],
    [{ delimiter: ';', escape: ';' }, 'delimiter ";" and escape ";" must differ'],
    [{ delimiter: '\\', escape: '\\' }, 'and escape'],
    [{ delimiter: ' ;', skipInitialSpace: true }, 'leaves out the spaces that the delimiter begins with'],
    ...['""', '\n', '\r', '\0', '«'].flatMap((wrong): [CsvOptions, string][] => [
      [{ quote: wrong }, 'quote must be one character of ASCII that is no line end'],
      [{ escape: wrong }, 'escape must be one character of ASCII that is no line end'],
    ]),
  ])('%j is refused', (options, words) => {
    expect(() => csv('a.csv', options)).toThrow(expect.objectContaining({ code: 'MR1005' }))
    expect(() => csv('a.csv', options)).toThrow(words)
    // written by hand it is looked at as well
    const written = () => dataset('d', { source: { kind: 'csv', path: 'a.csv', ...options }, columns: { a: t.int() } })
    expect(written).toThrow(words)
  })

  it.each<[object, string]>([
    [{ kind: 'parquet' }, 'needs source.path'],
    [{ kind: 'parquet', path: 'a', delimiter: ';' }, "source has no option 'delimiter'"],
    [{ kind: 'postgres', path: 'orders' }, 'needs source.urlFrom'],
    [{ kind: 'sqlite', path: 'a b', file: 'x.db' }, 'source.path must be the name of a table'],
    [{ kind: 'excel', path: 'a' }, "source must be a source, such as csv('data/*.csv')"],
  ])('%j, written by hand, is refused', (source, words) => {
    expect(() => dataset('d', { source: source as Source, columns: { a: t.int() } })).toThrow(words)
  })

  it.each<CsvOptions>([
    {},
    { delimiter: '\t' },
    { delimiter: '||||' },
    { delimiter: '§' },
    { delimiter: '\u0001' },
    { delimiter: ';', quote: "'" },
    { delimiter: '"', quote: '' },
    { quote: '' },
    { quote: '"', escape: '\\' },
    { escape: '' },
  ])('%j is taken', options => {
    expect(csv('a.csv', options)).toEqual({ kind: 'csv', path: 'a.csv', ...options })
  })
})
