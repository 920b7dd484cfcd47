import fc from 'fast-check'
import { it } from 'vitest'
import { grouped } from './grouped.ts'

it('writes numbers as the language itself does', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.integer({ min: -1100, max: 1100 }), fc.double(), fc.constant(-0)),
      value => grouped(value) === value.toLocaleString('en-US'),
    ),
  )
})
