import fc from 'fast-check'

/** White space, line ends, letters with odd cases, marks, characters beyond U+FFFF, and what stands beside them. */
const characters = [
  ...'abkKsSxX019_- .@,/',
  ...'\t\n\v\f\r\u0085\u00a0\u1680\u180e\u2000\u200a\u200b\u2028\u2029\u202f\u205f\u3000\ufeff',
  ...'éÉßẞſKıİiIσςΣµμǅǆΩΩÅåᏸᾳﬁ٣',
  ...'😀𐐀𐐨\u{10FFFF}\ufdd0\ufffd',
]

export const anySearched: fc.Arbitrary<string> = fc
  .array(fc.constantFrom(...characters), { maxLength: 7 })
  .map(list => list.join(''))

const syntax = /[\\^$.*+?()[\]{}|/-]/
const hex = (one: string): string => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`
const written = (one: string): string =>
  one === '-' ? '-' : syntax.test(one) ? `\\${one}` : /\s/.test(one) ? hex(one) : one
const inClass = (one: string): string => (syntax.test(one) ? `\\${one}` : /\s/.test(one) ? hex(one) : one)

const simple = ['\\s', '\\S', '\\d', '\\D', '\\w', '\\W']
const properties = [
  '\\p{L}',
  '\\P{L}',
  '\\p{Lu}',
  '\\P{Ll}',
  '\\p{Nd}',
  '\\p{Zs}',
  '\\p{sc=Greek}',
  '\\p{Emoji}',
  '\\p{Any}',
]

function source(flags: string): fc.Arbitrary<string> {
  const byPoint = /[uv]/.test(flags)
  const character = fc.constantFrom(...characters)
  const set = fc.constantFrom(...simple, ...(byPoint ? properties : []))
  const range = fc.tuple(character, character).map(([a, b]) => {
    const [from, to] = (a.codePointAt(0) as number) <= (b.codePointAt(0) as number) ? [a, b] : [b, a]
    return byPoint || from.length + to.length === 2 ? `${inClass(from)}-${inClass(to)}` : 'a-z'
  })
  const member = fc.oneof(character.map(inClass), set, range)
  const inBrackets = fc
    .tuple(fc.boolean(), fc.array(member, { maxLength: 3 }))
    .map(([not, members]) => `[${not ? '^' : ''}${members.join('')}]`)
  const nested = fc
    .tuple(inBrackets, inBrackets, fc.constantFrom('--', '&&'))
    .map(([a, b, sign]) => `[${a}${sign}${b}]`)
  const one = fc.oneof(
    { weight: 4, arbitrary: character.map(written) },
    { weight: 3, arbitrary: fc.constant('.') },
    { weight: 3, arbitrary: set },
    { weight: 3, arbitrary: inBrackets },
    ...(flags.includes('v') ? [{ weight: 3, arbitrary: nested }] : []),
  )
  const count = fc.constantFrom('*', '+', '?', '{2}', '{0}', '{1,3}', '{2,}', '*?', '+?', '{0,2}?')
  return fc.letrec<{ all: string; row: string; atom: string }>(tie => ({
    atom: fc.oneof(
      { maxDepth: 3 },
      { weight: 6, arbitrary: one },
      { weight: 4, arbitrary: fc.tuple(one, count).map(parts => parts.join('')) },
      fc.tuple(tie('all'), fc.constantFrom('(', '(?:', '(?<n>')).map(([inner, open]) => `${open}${inner})`),
      fc.tuple(tie('all'), count).map(([inner, often]) => `(?:${inner})${often}`),
      { weight: 1, arbitrary: fc.constantFrom('\\b', '\\b', '\\B', '^', '$') },
    ),
    row: fc
      .tuple(
        fc.constantFrom('', '^', '^'),
        fc.array(tie('atom'), { minLength: 0, maxLength: 4 }),
        fc.constantFrom('', '$', '$'),
      )
      .map(([start, atoms, end]) => `${start}${atoms.join('')}${end}`),
    all: fc.oneof(
      { weight: 4, arbitrary: tie('row') },
      { weight: 1, arbitrary: fc.tuple(tie('row'), tie('row')).map(rows => rows.join('|')) },
    ),
  })).all
}

/** A random pattern of JavaScript, with random flags; some of them are none that can be searched for in linear time. */
export const anyPattern: fc.Arbitrary<RegExp> = fc
  .tuple(
    fc.constantFrom('', '', 'u', 'v'),
    fc.constantFrom('', 'i'),
    fc.constantFrom('', 's'),
    fc.constantFrom('', 'm'),
  )
  .map(parts => parts.join(''))
  .chain(flags => source(flags).map(text => ({ flags, text })))
  .filter(({ flags, text }) => isPattern(text, flags))
  .map(({ flags, text }) => new RegExp(text, flags))

function isPattern(text: string, flags: string): boolean {
  try {
    // V8 finds too little by this one
    if (flags.includes('v') && text.includes('[^]')) return false
    new RegExp(text, flags)
    return text !== ''
  } catch {
    return false
  }
}
