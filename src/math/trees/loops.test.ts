import fc from 'fast-check'
import { expect, test } from 'vitest'
import { slots } from './slots.ts'
import { loopsOver } from './loops.ts'
import { newMemory } from './web-assembly.ts'

const greatest = 200
const row = fc.record({ word: fc.integer(), code: fc.integer(), taken: fc.boolean() })

/** The arrays of a small arena, at fixed places. */
function stage(shared: boolean) {
  const memory = newMemory(2, shared)
  return {
    loops: loopsOver(memory),
    words: new Int32Array(memory.buffer, 0, greatest),
    codes: new Int32Array(memory.buffer, 1024, greatest),
    order: new Int32Array(memory.buffer, 2048, greatest),
    spare: new Int32Array(memory.buffer, 3072, greatest),
    ordered: new Float64Array(memory.buffer, 4096, greatest),
    histogram: new Float64Array(memory.buffer, 8192, 4 * slots),
  }
}

test.each([false, true])('the loops do what plain arrays do (shared memory: %s)', shared => {
  const { loops, words, codes, order, spare, ordered, histogram } = stage(shared)
  fc.assert(
    fc.property(
      fc.array(row, { maxLength: greatest }),
      fc.nat(3),
      fc.nat(254),
      fc.boolean(),
      (rows, lane, bin, missingLeft) => {
        const chosen = rows.flatMap(({ taken }, at) => (taken ? [at] : []))
        words.set(rows.map(({ word }) => word))
        codes.set(rows.map(({ code }) => code))
        order.set(chosen)
        const binOf = (at: number, of: number): number => ((rows[at]?.word ?? 0) >>> (8 * of)) & 255

        const decoded = (code: number): number => (code >>> 16) * 2 ** 27 + ((code << 16) >> 16)
        loops.decode(codes.byteOffset, order.byteOffset, ordered.byteOffset, chosen.length, 16, 16, 2 ** 27, 0)
        expect([...ordered.subarray(0, chosen.length)]).toEqual(chosen.map(at => decoded(rows[at]?.code ?? 0) + 0))

        histogram.fill(0)
        loops.accumulate(words.byteOffset, order.byteOffset, ordered.byteOffset, chosen.length, histogram.byteOffset)
        const sums = new Float64Array(4 * slots)
        for (const at of chosen) {
          for (let of = 0; of < 4; of++) {
            const place = of * slots + binOf(at, of)
            sums[place] = (sums[place] ?? 0) + decoded(rows[at]?.code ?? 0)
          }
        }
        expect(histogram).toEqual(sums)

        const goesLeft = (at: number): boolean => (binOf(at, lane) === 255 ? missingLeft : binOf(at, lane) <= bin)
        const turn = missingLeft ? 1 : 0
        const left = loops.partition(
          words.byteOffset,
          order.byteOffset,
          spare.byteOffset,
          chosen.length,
          8 * lane,
          turn,
          bin + turn + 1,
        )
        expect([...order.subarray(0, left)]).toEqual(chosen.filter(goesLeft))
        expect([...spare.subarray(0, chosen.length - left)]).toEqual(chosen.filter(at => !goesLeft(at)))
      },
    ),
  )
})
