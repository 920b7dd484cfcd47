import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ColumnProfile, Profile } from '../../../stages/profile/types.ts'
import { renderProfilePage } from './html.ts'
import { renderProfile } from './pretty.ts'
import { valueText } from './words.ts'
import { sizeText } from './words.ts'

function profileOf(text: string): Profile {
  const column: ColumnProfile = {
    column: text,
    type: 'text',
    physical: text,
    personal: false,
    nulls: 1,
    distinct: { value: 2, exact: true },
    min: text,
    max: text,
    top: [{ value: text, rows: 2 }],
    text: {
      length: { min: 1, max: 2, mean: 1.5 },
      forms: [{ shape: text, rows: 3, pattern: text, example: text }],
      formsOf: 3,
    },
    distribution: {
      column: text,
      type: 'text',
      nulls: 1,
      distinct: 2,
      bars: [
        { label: text, rows: 2 },
        { label: 'b', rows: 1 },
      ],
      form: 'values',
      others: 0,
    },
  }
  return {
    source: text,
    files: 1,
    bytes: 10,
    rows: 4,
    csv: { delimiter: text },
    columns: [column],
    left: [],
    uneven: [],
    misencoded: 0,
    brokenLines: 0,
    duplicates: 0,
    keys: [[text]],
    correlations: [{ a: text, b: text, r: 0.5 }],
    correlationsOf: 4,
    findings: [{ kind: 'rareForms', columns: [text], says: text, observed: {} }],
  }
}

const hostile = fc
  .tuple(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('<script>alert(1)</script>', '"><img src=x>', '\u001b[2J', "'&<"),
  )
  .map(([a, b]) => a + b)

it('does not tell the rows that it could read as if they were all', () => {
  expect(sizeText({ ...profileOf('a'), rows: 498 })).toBe('498 rows in 1 file of 10 bytes')
  expect(sizeText({ ...profileOf('a'), rows: 498, brokenLines: 3502 })).toBe(
    '498 of about 4,000 rows in 1 file of 10 bytes; 3,502 lines could not be read',
  )
})

it('lets nothing from data become markup, and asks no network for anything', () => {
  fc.assert(
    fc.property(hostile, text => {
      const page = renderProfilePage(profileOf(text))
      expect(page.match(/<script/g)).toHaveLength(1)
      expect(page).not.toMatch(/<(?:img|link|iframe)|<[^>]*\s(?:src|href)=|url\(|@import/)
    }),
  )
})

it('lets nothing from data speak to the terminal', () => {
  fc.assert(
    fc.property(hostile, text => {
      // oxlint-disable-next-line no-control-regex
      expect(renderProfile(profileOf(text), false)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    }),
  )
})

it.each([
  [0, '0'],
  [0.1 + 0.2, '0.3'],
  [2001, '2001'],
  [1234.5678, '1234.6'],
  [1_234_567.891, '1,234,568'],
  [-98_765, '-98,765'],
  [0.000012345678, '0.000012346'],
  [1e300, '1e+300'],
])('%d is written as a person reads it', (value, text) => {
  expect(valueText(value, { type: 'float' })).toBe(text)
})

it('whole numbers have their separators and all their digits', () => {
  expect(valueText(9_007_199_254_740_993n as never, { type: 'int' })).toBe('9,007,199,254,740,993')
  expect(valueText('2001' as never, { type: 'int' })).toBe('2001')
})
