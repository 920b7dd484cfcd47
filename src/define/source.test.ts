import { describe, expect, it } from 'vitest'
import { csv, type CsvOptions } from './source.ts'

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
    ...['""', '\n', '\r', '\0', '«'].flatMap((wrong): [CsvOptions, string][] => [
      [{ quote: wrong }, 'quote must be one character of ASCII that is no line end'],
      [{ escape: wrong }, 'escape must be one character of ASCII that is no line end'],
    ]),
  ])('%j is refused', (options, words) => {
    expect(() => csv('a.csv', options)).toThrow(expect.objectContaining({ code: 'MR1005' }))
    expect(() => csv('a.csv', options)).toThrow(words)
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
