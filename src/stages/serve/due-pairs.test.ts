import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DuePairs } from './due-pairs.ts'

it('gives each pair once its moment has come, in the order of the moments, as a plain list would', () => {
  const step = fc.oneof(fc.record({ add: fc.nat(50) }), fc.record({ until: fc.nat(60) }), fc.constant('clear' as const))
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), steps => {
      const pairs = new DuePairs()
      let plain: number[] = []
      for (const one of steps) {
        if (one === 'clear') {
          pairs.clear()
          plain = []
        } else if ('add' in one) {
          pairs.add(one.add, 2 * one.add, one.add + 1)
          plain.push(one.add)
        } else {
          const due = plain.filter(at => at <= one.until).sort((a, b) => a - b)
          plain = plain.filter(at => at > one.until)
          const found = pairs.take(one.until)
          expect(found).toEqual(
            due.length === 0 ? undefined : { stable: due.map(at => 2 * at), canary: due.map(at => at + 1) },
          )
        }
        expect(pairs.size).toBe(plain.length)
      }
    }),
  )
})
