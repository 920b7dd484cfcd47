import { describe, expect, it } from 'vitest'
import { LabelPairs, withWaiting } from './label-pairs.ts'

const horizon = 100

describe('label pairs', () => {
  it('count with the moment of their prediction and the horizon, each once, whatever the clock does', () => {
    const pairs = new LabelPairs('regression', horizon)
    pairs.begin()
    pairs.remember('a', 10, 1, 2, 1)
    pairs.remember('b', 20, 4, 6, 1)
    expect([pairs.label('a', 3), pairs.label('b', 5), pairs.label('a', 3)]).toEqual([true, true, false])
    expect([pairs.waiting, pairs.release(109)]).toEqual([2, undefined])
    expect(pairs.release(110)).toEqual({ stable: [4], canary: [1] })
    expect([pairs.waiting, pairs.release(119), pairs.release(5)]).toEqual([1, undefined, undefined])
    expect(pairs.release(120)).toEqual({ stable: [1], canary: [1] })
    expect(pairs.release(1e9)).toBeUndefined()
    // the clock went back: what was due by the latest moment is due
    pairs.remember('c', 900, 0, 0, 1)
    pairs.label('c', 2)
    expect(pairs.release(0)).toEqual({ stable: [4], canary: [4] })
  })

  it('are log losses of binary scores', () => {
    const pairs = new LabelPairs('binary', 0)
    pairs.begin()
    pairs.remember('a', 0, 0.8, 0.4, 1)
    pairs.remember('b', 0, 0.8, 0.4, 1)
    pairs.label('a', 1)
    pairs.label('b', 0)
    const { stable, canary } = pairs.release(0) ?? { stable: [], canary: [] }
    expect(stable[0]).toBeCloseTo(-Math.log(0.8), 12)
    expect(stable[1]).toBeCloseTo(-Math.log(0.2), 12)
    expect(canary[0]).toBeCloseTo(-Math.log(0.4), 12)
    expect(canary[1]).toBeCloseTo(-Math.log(0.6), 12)
  })

  it('are of one rollout, and of rows that its challenger scored', () => {
    const pairs = new LabelPairs('regression', 0)
    pairs.remember('before', 0, 1, Number.NaN, 0)
    pairs.begin()
    pairs.remember('unscored', 0, 1, Number.NaN, 1)
    pairs.remember('scored', 0, 1, 1, 1)
    for (const id of ['before', 'unscored', 'scored']) expect(pairs.label(id, 0)).toBe(true)
    expect(pairs.waiting).toBe(1)
    pairs.remember('old', 0, 1, 1, 1)
    pairs.begin()
    expect([pairs.waiting, pairs.label('old', 0), pairs.waiting]).toEqual([0, true, 0])
  })

  it('take the first label of two, before its prediction and after', () => {
    const pairs = new LabelPairs('regression', 0)
    pairs.begin()
    expect([pairs.label('a', 3), pairs.label('a', 9)]).toEqual([false, false])
    pairs.remember('a', 0, 1, 1, 1)
    expect(pairs.release(0)).toEqual({ stable: [4], canary: [4] })
    pairs.remember('a', 0, 1, 1, 1)
    expect([pairs.waiting, pairs.label('a', 9)]).toEqual([0, true])
  })

  it('wait for a hundred thousand predictions that have not come, and forget the oldest beyond', () => {
    const pairs = new LabelPairs('regression', 0)
    pairs.begin()
    for (let i = 0; i <= 100_000; i++) pairs.label(`id${i}`, 1)
    pairs.remember('id0', 0, 1, 1, 1)
    pairs.remember('id1', 0, 1, 1, 1)
    expect(pairs.waiting).toBe(1)
  })
})

describe('decisions while labels wait', () => {
  const decision = { verdict: 'promoted', reason: 'all is well', inputs: { a: 1 } } as never
  const hour = 3_600_000_000
  it('say so where somebody is promoted or asked', () => {
    expect(withWaiting(decision, 3, 48 * hour)).toMatchObject({
      reason: 'all is well; 3 more labelled rows count once the label horizon (48 h) of their predictions is over',
      inputs: { a: 1, labelsWaiting: 3 },
    })
    const held = { ...(decision as object), verdict: 'held' } as never
    expect(withWaiting(held, 1, 90 * 60_000_000).reason).toContain('(1.5 h)')
    expect(withWaiting(decision, 0, hour)).toBe(decision)
    const back = { ...(decision as object), verdict: 'rolled-back' } as never
    expect(withWaiting(back, 3, hour)).toBe(back)
  })
})
