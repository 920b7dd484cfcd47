import { describe, expect, it } from 'vitest'
import { seeded } from '../../math/random/seeded.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import { steady } from './steady.ts'
import { scoreRows, type Subject } from './subject.ts'

// Models whose answers depend on more than the row, seldom: all are found, and sound ones never accused.

type Answer = (x: number, at: number, batch: number) => number

const subjectOf = (answer: Answer): Subject => ({
  inputs: [{ name: 'x', kind: 'number' }],
  loaded: {
    run: async ({ rows, features }: { rows: number; features: Float32Array }) => ({
      scores: Float32Array.from({ length: rows }, (_, i) => answer(features[i] as number, i, rows)),
    }),
  } as unknown as Subject['loaded'],
})

async function judged(rows: number, seed: number, answer: Answer, clock = manualClock()) {
  const x = Float32Array.from({ length: rows }, (_, i) => i)
  const frame: FrameRows = { rows, labels: new Float32Array(rows), inputs: [x], slices: new Map() }
  const subject = subjectOf(answer)
  const scores = await scoreRows(subject, frame.inputs, rows)
  const made = { task: 'binary', labels: frame.labels, scores, outputs: 1, threshold: 0.5, level: 0.5 } as const
  return steady('m', made, subject, frame, { seed, clock })
}

const plain = (x: number): number => 0.1 + ((x * 37) % 500) / 700
/** One row of five hundred. */
const odd = (x: number): boolean => x % 500 === 123

describe.each([500, 3_000])('of %i rows', rows => {
  it.each<[string, (random: () => number) => Answer]>([
    ['one row of five hundred is answered by chance', random => x => (odd(x) ? random() : plain(x))],
    ['one answer of five hundred is another', random => x => (random() < 1 / 500 ? 0.05 : plain(x))],
    [
      'one row of five hundred is another one alone',
      () => (x, _, batch) => plain(x) + (batch === 1 && odd(x) ? 0.01 : 0),
    ],
    [
      'a row is another one as the first of its batch',
      () => (x, at) => plain(x) + (at === 0 && x % 10 === 3 ? 0.01 : 0),
    ],
    ['what comes in small batches is another', () => (x, _, batch) => plain(x) + (batch < 8 && odd(x) ? 0.01 : 0)],
  ])('%s: it is found', async (_, answer) => {
    for (let seed = 1; seed <= 10; seed++) {
      const random = seeded(seed)
      const check = await judged(
        rows,
        seed,
        answer(() => random.next()),
      )
      expect(check.status, `seed ${seed}`).toBe('fail')
      expect(check.message).toMatch(/^rows score differently: /)
      expect(check.sample?.[0]).toMatchObject({ row: expect.any(Number) as number, x: expect.any(Number) as number })
    }
  })
})

it('a sound model is not accused, rounding in other company included', async () => {
  for (let seed = 1; seed <= 20; seed++)
    expect(await judged(1_000, seed, (x, _, batch) => plain(x) + (batch === 1 ? 3e-6 : 0))).toMatchObject({
      status: 'pass',
      evaluated: 1_000,
      message: '1000 rows score the same again and in another order, 1000 of them alone',
    })
})

it('what takes long alone is tried on fewer rows, never on less than sixty-four', async () => {
  const clock = manualClock()
  const slow: Answer = (x, _, batch) => {
    if (batch === 1) void clock.advance(1_000_000)
    return plain(x)
  }
  expect((await judged(1_000, 1, slow, clock)).message).toMatch(/, 64 of them alone$/)
})
