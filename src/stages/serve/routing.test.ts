import { describe, expect, it } from 'vitest'
import type { Clock } from '../../ports/clock.ts'
import { RunLost } from '../../ports/inference-runtime.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { answerOf, armOf, keyOf } from './routing.ts'
import { type ArmScores, Trial } from './trial.ts'
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

describe('the arm of a row', () => {
  const request = { id: 'i', row: { shop: 's' } }
  it('is drawn by the salt of the rollout, and is what who may says it is', () => {
    expect(armOf(undefined, { ...request, arm: 'canary' }, undefined)).toBe('stable')
    expect(armOf({ salt: 'a', weight: 0 }, request, undefined)).toBe('stable')
    expect(armOf({ salt: 'a', weight: 1 }, request, undefined)).toBe('canary')
    expect(armOf({ salt: 'a', weight: 1 }, { ...request, arm: 'stable' }, undefined)).toBe('stable')
    expect(armOf({ salt: 'a', weight: 0 }, { ...request, arm: 'canary' }, undefined)).toBe('canary')
    const drawn = (salt: string) =>
      Array.from({ length: 64 }, (_, i) => armOf({ salt, weight: 0.5 }, { id: 'x', row: { shop: `s${i}` } }, 'shop'))
    expect(drawn('api:m@2:1')).toEqual(drawn('api:m@2:1'))
    expect(drawn('api:m@2:1')).not.toEqual(drawn('api:m@2:2'))
  })
})

describe('who answers a row', () => {
  it('stable, where it is stable’s', () => {
    expect(answerOf('stable', 0.5, undefined)).toEqual({ score: 0.5, fallback: false })
    expect(answerOf('stable', 0.5, 0.75)).toEqual({ score: 0.5, fallback: false })
  })
  it('the challenger where it can, stable for it where it cannot, nobody where neither can', () => {
    expect(answerOf('canary', 0.25, 0.75)).toEqual({ score: 0.75, fallback: false })
    expect(answerOf('canary', 0.5, Number.NaN)).toEqual({ score: 0.5, fallback: true })
    expect(answerOf('canary', 0.25, undefined)).toEqual({ score: 0.25, fallback: true })
    expect(answerOf('canary', undefined, 0.75)).toEqual({ score: 0.75, fallback: false })
    expect(answerOf('canary', undefined, undefined)).toBeUndefined()
  })
})

describe('waiting for a challenger', () => {
  const never = new Promise<never>(() => undefined)
  const trialOf = (clock: Pick<Clock, 'sleep'>, restart?: () => void) =>
    new Trial({ loaded: { restart } } as never, 1_000_000, { elapsed: () => 0, ...clock })

  it.each([
    [0, 1_000],
    [200, 1_000],
    [251, 1_004],
    [2_000, 8_000],
  ])('where stable took %i ms ends after %i ms', async (took, most) => {
    const clock = manualClock()
    let [answer, restarts]: [unknown, number] = [undefined, 0]
    void trialOf(clock, () => restarts++)
      .within(never, 1, took)
      .then(given => (answer = given))
    await clock.advance(most - 1)
    await turns()
    expect([answer, restarts]).toEqual([undefined, 0])
    await clock.advance(1)
    await turns()
    expect(answer).toEqual({ missing: 'timeout', reason: `no answer ${most} ms after stable's` })
    expect(restarts).toBe(1)
  })

  it('ends with its answer, with what went wrong, or with the rollout, and leaves no timer', async () => {
    const slept: AbortSignal[] = []
    const clock = {
      sleep: (_: number, signal?: AbortSignal) => {
        slept.push(signal as AbortSignal)
        return new Promise<void>((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
      },
    }
    const trial = trialOf(clock)
    const answer: ArmScores = { scores: Float32Array.of(1), took: 2 }
    expect(await trial.within(Promise.resolve(answer), 1, 0)).toBe(answer)
    const of = async (reason: unknown) => trial.within(Promise.reject(reason), 1, 0)
    const broken = new Error('broken')
    expect(await of(broken)).toEqual({ missing: 'error', reason: broken })
    expect(await of(new RunLost('memory', 7))).toMatchObject({ missing: 'memory', bytes: 7 })
    // whoever ended the process, it was not this request
    expect(await of(new RunLost('gone'))).toMatchObject({ missing: 'unasked' })
    const open = trial.within(never, 1, 0)
    trial.end()
    expect(await open).toMatchObject({ missing: 'unasked' })
    expect(await trial.within(undefined, 1, 0)).toMatchObject({ missing: 'unasked' })
    expect(slept.map(signal => signal.aborted)).toEqual([true, true, true, true, true])
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
