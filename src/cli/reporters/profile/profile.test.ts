import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ColumnProfile, Profile } from '../../../stages/profile/types.ts'
import { renderProfilePage } from './html.ts'
import { renderProfile } from './pretty.ts'

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
