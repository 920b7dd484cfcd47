import { expect, it } from 'vitest'
import { delimiterOf, skipsInitialSpace } from './sniff-csv.ts'

const lines = (make: (i: number) => string, head: string): string =>
  `${head}\n${Array.from({ length: 300 }, (_, i) => make(i)).join('\n')}\n`

it.each([
  [',', (i: number) => `w${i},${i},1.5`, 'name,qty,price'],
  [';', (i: number) => `w${i};${i};1,5`, 'name;qty;price'],
  ['\t', (i: number) => `w${i}\t${i}\t"a, b"`, 'name\tqty\tnote'],
  ['|', (i: number) => `w${i}|${i}|x`, 'name|qty|note'],
] as const)('finds %j, whatever lines have too many or too few cells', (delimiter, make, head) => {
  expect(delimiterOf(lines(make, head))).toBe(delimiter)
  const broken = (i: number) => (i % 20 === 0 ? `w${i}` : i % 33 === 0 ? `${make(i)}${delimiter}more` : make(i))
  expect(delimiterOf(lines(broken, head))).toBe(delimiter)
})

it('takes one column for one column', () => {
  expect(delimiterOf(lines(i => `word ${i}`, 'word'))).toBe(',')
  expect(delimiterOf('word')).toBe(',')
  expect(delimiterOf('')).toBe(',')
})

it.each<[string, boolean]>([
  ['a, "b"\n1, "x"\n2, "y"\n', true],
  ['a, b\n1, "x, z"\n2, "y"\n3, "y"\n', true],
  // numbers and words behind spaces say nothing: they may be meant
  ['a, b\n1, x\n2, y\n', false],
  ['a,b\n1,"x, ""y"""\n2,"z, ""y"""\n', false],
  ['a,b\n1,"x"\n2, "y"\n3,"z"\n4,"z"\n5,"z"\n', false],
  ['', false],
])('%j has spaces before its cells: %s', (text, spaced) => {
  expect(skipsInitialSpace(text, ',')).toBe(spaced)
})
