import { expect, it } from 'vitest'
import { delimiterHint } from './delimiter-hint.ts'

it('the delimiter that fits is named where no declared column is there', () => {
  expect(delimiterHint(['id;"a b";n'], ['id', 'a b', 'n'], ',')).toBe(
    "the header was read as one column, id;\"a b\";n; with ';' as delimiter all are there: csv('…', { delimiter: ';' })",
  )
  expect(delimiterHint(['id\tn'], ['n'], ',')).toContain(
    "with a tab as delimiter all are there: csv('…', { delimiter: '\\t' })",
  )
  // a decimal comma within the one column that the declared delimiter made
  expect(delimiterHint(['a|b', 'c'], ['a', 'b,c'], ',')).toContain("with '|'")
})

it('nothing is said where a column is there, and no delimiter where none fits', () => {
  expect(delimiterHint(['id', 'm'], ['id', 'n'], ',')).toBeUndefined()
  expect(delimiterHint(['x', 'y'], ['id', 'n'], ',')).toBe('the header was read as 2 columns, x,y')
  expect(delimiterHint(['x'.repeat(999)], ['id'], ',')).toBe(`the header was read as one column, ${'x'.repeat(200)}…`)
})
