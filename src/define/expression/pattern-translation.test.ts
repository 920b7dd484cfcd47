import { describe, expect, it } from 'vitest'
import { linearPattern } from './pattern.ts'
import { translate } from './pattern-translation.ts'

const of = (pattern: RegExp) => linearPattern(String(pattern))
const ends = '\\x{a}\\x{d}\\x{2028}-\\x{2029}'
const space =
  '[\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}-\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}]'

describe('what engines are given to search for', () => {
  // as RE2's syntax reads it (github.com/google/re2/wiki/Syntax): nothing in it hangs on a flag
  it.each<[RegExp, string]>([
    [/ab/, 'ab'],
    [/^a$/, '\\Aa\\z'],
    [/a|^b$|c/, 'a|\\Ab\\z|c'],
    [/a\.b/, 'a\\x{2e}b'],
    [/[a-c]\d/, '[a-c][0-9]'],
    [/\s/, space],
    [/(a)(?:b)(?<n>c)/, '(?:a)(?:b)(?:c)'],
    [/()a/, 'a'],
    [/a*b+c?/, '(?:a)*(?:b)+(?:c)?'],
    [/a*?b+?c??/, '(?:a)*(?:b)+(?:c)?'],
    [/a{3}/, '(?:a){3}'],
    [/a{1}/, '(?:a)'],
    [/a{0}b/, 'b'],
    [/a{0,}/, '(?:a)*'],
    [/a{2,}/, '(?:a){2}(?:a)*'],
    [/a{1,3}/, '(?:a)(?:a){0,2}'],
    [/a{1,2}/, '(?:a)(?:a)?'],
    [/a{0,1}/, '(?:a)?'],
    [/a{1500}/, '(?:a){1000}(?:a){500}'],
    [/a{0,1500}/, '(?:a){0,1000}(?:a){0,500}'],
    [/a{2001}/, '(?:a){1000}(?:a){1000}(?:a)'],
    [/(?:a{30}){33}/, '(?:(?:(?:a){30})){33}'],
    [/a\b/, 'a\\b'],
    [/a\Bb/, 'a\\Bb'],
    // an anchor within: grouped, lest an engine takes it for one at the end
    [/a^/, '(a\\A)'],
    [/$a/, '(\\za)'],
    [/(?:^a)b/, '(?:\\Aa)b'],
    [/b(?:^a)/, '(b(?:\\Aa))'],
    [/(?:^a)*/, '((?:(?:\\Aa))*)'],
    [/^a/m, `(?:\\A|[${ends}])a`],
    [/a$/m, `a(?:\\z|[${ends}])`],
    [/😀/, '\\x{1f600}'],
    [/😀/u, '\\x{1f600}'],
    [/\u{1F600}+/u, '(?:\\x{1f600})+'],
    [/./s, '[\\x{0}-\\x{10ffff}]'],
    [/./, `[^${ends}]`],
    [/./u, `[^${ends}]`],
  ])('%s is %s', (pattern, source) => {
    expect(of(pattern).source).toBe(source)
  })

  it('code units are counted where a pattern without flag u can tell: each character beyond U+FFFF stands for two', () => {
    for (const pattern of [/^.$/, /[^a]/, /\S/, /.{2}/, /.+/]) expect(of(pattern).standIn).toBe('\ufdd0')
    for (const pattern of [/.*/, /a/, /^.$/u, /^.*$/, /\d+/, /😀/, /[^]*/]) expect(of(pattern).standIn).toBeUndefined()
    // another one where that character itself is looked for
    expect(of(/[^\ufdd0]/).standIn).toBe('\ufffe')
    expect(of(/[^\ufdd0\ufffe\ufffd]/).standIn).toBe('\ue000')
    const other = of(/[^\ufdd0\ufffe\ufffd\ue000]x/).standIn ?? ''
    expect(other).toMatch(/^[^\w\ufdd0\ufffe\ufffd\ue000\ud800-\udfff]$/)
  })

  it.each<[string, string, RegExp]>([
    ['(?<=a)b', '', /look-around at 0/],
    ['x(?!a)', '', /look-around at 1/],
    ['(a)x\\1', '', /back-reference at 4/],
    ['(?i:a)', '', /flags within it at 0/],
    ['[\\q{ab|c}]', 'v', /several characters/],
    ['[a[\\q{ab}]]', 'v', /several characters/],
    ['[[\\q{ab}]--a]', 'v', /several characters/],
    ['\\p{RGI_Emoji}', 'v', /several characters/],
    ['\\bk', 'iu', /flags i and u/],
    ['\\Bk', 'iv', /flags i and u/],
    ['a^b', 'm', /has \^ at 1 within it with flag m/],
    ['a$b', 'm', /has \$ at 1 within it with flag m/],
    ['\\B', '', /may match no character/],
    ['a*\\B', '', /may match no character/],
    ['a|\\B', '', /may match no character/],
    ['(?:a{100}){11}', '', /repeats more than 1000 times/],
    ['(?:a{1001})+', '', undefined as never],
    ['(?:(?:a{2}){501})', '', /repeats more than 1000 times/],
    ['(?:a{1001}){2}', '', /repeats more than 1000 times/],
    ['(?:a{0,1001}b){3}', '', /repeats more than 1000 times/],
    ['[\\ud800]', '', /halves of characters/],
    ['[^\\udfff]', '', /halves of characters/],
    ['\\ud800', '', /halves of characters/],
    ['😀.', '', /halves of characters/],
  ])('/%s/%s is refused: %s', (source, flags, reason) => {
    if (reason === undefined) expect(translate(source, flags).source).toContain('{1000}')
    else expect(() => translate(source, flags)).toThrow(reason)
  })

  it('a pattern of which engines could not make a program is refused, one just below is not', () => {
    const written = (count: number) => `(?:${'ab'.repeat(20)}){${count}}`
    expect(translate(written(400), '').source.length).toBeGreaterThan(20)
    expect(() => translate(written(900), '')).toThrow(/too large/)
    expect(() => translate(Array.from({ length: 9000 }, () => '(?:abc)').join(''), '')).toThrow(/too large/)
    expect(translate(Array.from({ length: 5000 }, () => '(?:abc)').join(''), '').source.length).toBe(35_000)
  })

  it('flags that say where a search goes on change nothing of what is found', () => {
    expect(translate('a.', 'gy')).toEqual(translate('a.', ''))
  })
})
