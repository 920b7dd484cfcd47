import { describe, expect, it } from 'vitest'
import { manualClock } from '../../testing/manual-clock.ts'
import { answerOf, inTime, keyOf } from './challenge.ts'
import { LatencyRing } from './latency.ts'

const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve))
}

describe('what keeps a caller on one arm', () => {
  it.each([
    ["what the caller says goes before the column's value", { id: 'i', key: 'k', row: { shop: 's' } }, 'shop', 'k'],
    ['the value of the column', { id: 'i', row: { shop: 's' } }, 'shop', 's'],
    ['a value that is no text', { id: 'i', row: { shop: 7 } }, 'shop', '7'],
    ['nought and false are values', { id: 'i', row: { shop: 0 } }, 'shop', '0'],
    ['those without a value are not all one caller', { id: 'i', row: { shop: null } }, 'shop', 'i'],
    ['nor those that left it out', { id: 'i', row: {} }, 'shop', 'i'],
    [
      'the id where nothing is sticky, whatever columns there are',
      { id: 'i', row: { undefined: 's' } },
      undefined,
      'i',
    ],
    ['the id where nothing is sticky', { id: 'i', row: { shop: 's' } }, undefined, 'i'],
  ] as const)('%s', (_, request, stickyBy, key) => expect(keyOf(request, stickyBy)).toBe(key))
})

describe('who answers a row', () => {
  const all = { deployment: 'api', key: 'k', weight: 1 }
  it('stable without a challenger, and without weight', () => {
    const own = { arm: 'stable', score: 0.5, outcome: 'ok', fallback: false }
    expect(answerOf(all, 0.5, undefined)).toEqual(own)
    expect(answerOf({ ...all, weight: 0 }, 0.5, { score: 0.75 })).toEqual(own)
    expect(answerOf({ ...all, weight: 0 }, 0.5, { missing: 'error' })).toEqual(own)
  })
  it('the challenger where it can, stable for it where it cannot', () => {
    expect(answerOf(all, 0.25, { score: 0.75 })).toEqual({ arm: 'canary', score: 0.75, outcome: 'ok', fallback: false })
    const fallback = { arm: 'canary', fallback: true }
    expect(answerOf(all, 0.5, { score: Number.NaN })).toEqual({ ...fallback, score: 0.5, outcome: 'invalid' })
    expect(answerOf(all, 0.25, { missing: 'error' })).toEqual({ ...fallback, score: 0.25, outcome: 'error' })
    expect(answerOf(all, 0.25, { missing: 'timeout' })).toEqual({ ...fallback, score: 0.25, outcome: 'timeout' })
  })
})

describe('waiting for a challenger', () => {
  const never = new Promise<never>(() => undefined)

  it.each([
    [0, 1_000],
    [200, 1_000],
    [251, 1_004],
    [2_000, 8_000],
  ])('where stable took %i ms ends after %i ms', async (took, most) => {
    const clock = manualClock()
    const reasons: unknown[] = []
    let answer: unknown
    void inTime(never, took, clock, reason => reasons.push(reason)).then(given => (answer = given))
    await clock.advance(most - 1)
    await turns()
    expect([answer, reasons]).toEqual([undefined, []])
    await clock.advance(1)
    await turns()
    expect([answer, reasons]).toEqual([{ missing: 'timeout' }, [`no answer ${most} ms after stable's`]])
  })

  it('ends with its answer, or with what went wrong, and leaves no timer', async () => {
    const slept: AbortSignal[] = []
    const clock = {
      sleep: (_: number, signal?: AbortSignal) => {
        slept.push(signal as AbortSignal)
        return new Promise<void>((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
      },
    }
    const reasons: unknown[] = []
    const scores = Float32Array.of(1)
    expect(await inTime(Promise.resolve({ scores }), 0, clock, reason => reasons.push(reason))).toEqual({ scores })
    expect(reasons).toEqual([])
    const broken = new Error('broken')
    expect(await inTime(Promise.reject(broken), 0, clock, reason => reasons.push(reason))).toEqual({ missing: 'error' })
    expect(reasons).toEqual([broken])
    expect(slept.map(signal => signal.aborted)).toEqual([true, true])
  })
})

describe('latencies', () => {
  it('are the quantiles of the newest 4,096', () => {
    const ring = new LatencyRing()
    expect(ring.quantiles()).toEqual({ p50: 0, p99: 0 })
    ring.add(7)
    expect(ring.quantiles()).toEqual({ p50: 7, p99: 7 })
    const hundred = new LatencyRing()
    for (let i = 100; i >= 1; i--) hundred.add(i)
    expect(hundred.quantiles()).toEqual({ p50: 51, p99: 100 })
    for (let i = 0; i < 4096; i++) hundred.add(5)
    expect(hundred.quantiles()).toEqual({ p50: 5, p99: 5 })
    hundred.add(1000)
    expect(hundred.quantiles().p99).toBe(5)
  })
})
