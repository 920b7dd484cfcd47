import type { ValueCount, TextFacts } from './types.ts'

/** Pairs of words that people write for yes and no, in lower case. */
const answers: readonly (readonly [string, string])[] = [
  ['yes', 'no'],
  ['y', 'n'],
  ['ja', 'nein'],
  ['j', 'n'],
  ['oui', 'non'],
  ['si', 'no'],
  ['sí', 'no'],
  ['on', 'off'],
]

/** `3,14`, `1.234,5`, `-7`: numbers of those who write a comma before the fraction. */
const decimalComma = /^[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?$/
/** Share of the rows that must be written so. */
const mostly = 0.9

/** Whether texts are numbers with a decimal comma, as their forms tell. */
export function hasDecimalComma({ forms, formsOf }: TextFacts): boolean {
  const like = forms.filter(form => decimalComma.test(form.example))
  const rows = like.reduce((sum, form) => sum + form.rows, 0)
  return like.some(form => form.example.includes(',')) && rows >= mostly * formsOf
}

/** Whether the commas of such numbers may part thousands as well: exactly three digits follow each, and no point parts others. */
export function mayBeThousands({ forms }: TextFacts): boolean {
  return forms
    .filter(form => decimalComma.test(form.example) && form.example.includes(','))
    .every(({ shape }) => shape.endsWith(',999') && !shape.includes('.'))
}

/** The two words for yes and no, as they are written, where there are no others; undefined where there are. */
export function answersOf(top: readonly ValueCount[], distinct: number): readonly string[] | undefined {
  const words = top.map(one => String(one.value))
  if (distinct === 0 || distinct > 4 || words.length < distinct) return undefined
  const plain = new Set(words.map(word => word.trim().toLowerCase()))
  const pair = answers.find(one => plain.size === 2 && one.every(word => plain.has(word)))
  return pair && words
}
