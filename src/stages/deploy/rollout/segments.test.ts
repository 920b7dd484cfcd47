import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { times } from '../../../../test/fuzz/edges.ts'
import { minute, Played } from '../../../../test/support/played-rollout.ts'
import { t } from '../../../define/column.ts'
import { columnsOfDataset } from '../../../define/dataset.ts'
import { valuesOf } from '../../../define/model-test/columns.ts'
import { logPairedEvents } from '../../../math/sequential/paired-events.ts'
import { seeded } from '../../../math/random/seeded.ts'
import { segmentStandings, shownStandings } from './guardrail-verdict.ts'
import { maxSegments, noSegments, type Segments, withRequest } from './segments.ts'
import type { Outcome, RolloutConfig } from './state.ts'

const segments = valuesOf(columnsOfDataset({ zone: t.text() }).zone)
const began = (config: Partial<RolloutConfig> = {}) =>
  new Played({ segments, minRequests: 1_000_000, maxWait: '100d', ...config })

/** One request whose rows are in these segments. */
function ask(played: Played, names: readonly string[], canary: Outcome = 'ok', stable: Outcome = 'ok'): Played {
  const rows = { stable: 1, canary: 0 }
  const outcome = { stable, canary }
  return played.send({ type: 'request', at: minute, rows, weight: played.state.weight, outcome, segments: names })
}
const asked = (played: Played, count: number, ...more: [string[], Outcome?, Outcome?]): Played => {
  for (let i = 0; i < count; i++) ask(played, ...more)
  return played
}

describe('guardrails within segments', () => {
  it('take back who is broken in one of them, at its share of alpha and not one request earlier', () => {
    // of half of alpha, half for errors and a 51st of that: 20,400. k that all speak against weigh 16,139 at 15 and 31,756 at 16
    const near = () => asked(asked(began({ alpha: 0.01 }), 600, ['zone = "a"'], 'ok', 'error'), 5, ['zone = "b"'])
    const one = asked(near(), 15, ['zone = "b"'], 'error')
    expect(one.verdicts).toEqual([])
    ask(one, ['zone = "b"'], 'error')
    expect(one.verdicts).toEqual(['rolled-back'])
    expect(one.last.rule).toMatchObject({ name: 'segment guardrail error', statistic: 'ln E where zone = "b"' })
    expect(one.last.rule.threshold).toBeCloseTo(Math.log(51 / (0.01 * 0.5 * 0.5)), 12)
    expect(one.last.rule.value).toBeCloseTo(logPairedEvents(16, 0), 12)
    expect(one.last.reason).toBe(
      'where zone = "b", of m@2 and m@1 one failed where the other did not: 16 of 16 times it was the challenger',
    )
    // 616 requests on which the arms differ, of which 16 speak against it: well overall
    expect(one.state.guardrails.error).toEqual({ canary: 16, all: 616 })
    // who is not asked by segments hears nothing of it
    expect(asked(asked(new Played({ minRequests: 1e6 }), 600, [], 'ok', 'error'), 60, [], 'error').verdicts).toEqual([])
  })

  it('leave half of alpha to the guardrails of all requests', () => {
    expect(asked(began(), 9, [], 'error').verdicts).toEqual([])
    expect(asked(began(), 10, [], 'error').verdicts).toEqual(['rolled-back'])
    expect(asked(began(), 10, [], 'error').last.rule.name).toBe('guardrail error')
    expect(asked(new Played({ minRequests: 1e6 }), 9, [], 'error').verdicts).toEqual(['rolled-back'])
  })

  it.each(['timeout', 'slow'] as const)('hold of %s as well, not one request earlier', kind => {
    // a third of the other half: 61,200; 31,756 at 16, 62,525 at 17
    const played = asked(began({ maxLatency: '20ms' }), 900, ['zone = "a"'], 'ok', kind)
    asked(asked(played, 5, ['zone = "b"']), 16, ['zone = "b"'], kind)
    expect(played.verdicts).toEqual([])
    ask(played, ['zone = "b"'], kind)
    expect(played.last.rule).toMatchObject({ name: `segment guardrail ${kind}`, statistic: 'ln E where zone = "b"' })
  })

  it('hold of who takes longer in one of them as well, and of nobody who takes as long', () => {
    const taking = (canary: number, count: number): Played => {
      const played = began()
      const request = { type: 'request', at: 1, rows: { stable: 1, canary: 0 }, weight: played.state.weight } as const
      const outcome = { stable: 'ok', canary: 'ok' } as const
      const send = (zone: string, took: number): Played =>
        played.send({ ...request, outcome, segments: [`zone = "${zone}"`], took: { stable: 10, canary: took } })
      for (let i = 0; i < 900; i++) send('a', 9)
      for (let i = 0; i < 5 + count; i++) send('b', canary)
      return played
    }
    expect(taking(10, 100).verdicts).toEqual([])
    expect(taking(19, 16).verdicts).toEqual([])
    expect(taking(19, 17).last.rule.name).toBe('segment guardrail latency')
    expect(taking(19, 17).last.reason).toContain('where zone = "b"')
  })

  it('pool what is rare, and say so', () => {
    const played = asked(asked(began(), 5, ['zone = "a"']), 900, ['zone = "a"'], 'ok', 'error')
    for (let i = 0; i < 16; i++) ask(played, [`zone = "${i}"`], 'error')
    expect(played.last.reason).toMatch(/^among rare segments, of m@2 and m@1 one failed .*: 16 of 16 times/)
    expect(played.last.inputs['segments']).toContainEqual(
      expect.objectContaining({ segment: 'rare segments together', kind: 'error', canary: 16 }),
    )
  })

  it('judge by itself what comes often, though every other request is of a value of its own', () => {
    let known: Segments = noSegments
    for (let i = 0; i < 2_000; i++) known = withRequest(known, [i % 10 === 0 ? 'often' : `once ${i}`], [['error', 0]])
    expect(Object.keys(known.seen)).toHaveLength(maxSegments)
    expect(known.seen['often']).toEqual({ requests: 200, guardrails: { error: { canary: 0, all: 195 } } })
    expect(known.rare.requests).toBe(1_805)
    // a segment that has evidence keeps its place, whatever comes
    for (let i = 0; i < 2_000; i++) known = withRequest(known, [`later ${i % 100}`], [])
    expect(known.seen['often']?.requests).toBe(200)
    expect(Object.keys(known.seen)).toHaveLength(maxSegments)
  })

  it('count as plain counting does, of whatever comes', () => {
    const request = fc.record({
      names: fc.uniqueArray(fc.constantFrom<string>('a', 'b', 'c', 'd'), { maxLength: 3 }),
      one: fc.constantFrom(undefined, 0 as const, 1 as const),
    })
    fc.assert(
      fc.property(fc.array(request, { minLength: 20, maxLength: 60 }), requests => {
        const found = requests.reduce<Segments>(
          (known, { names, one }) => withRequest(known, names, one === undefined ? [] : [['error', one]]),
          noSegments,
        )
        const rare = requests.filter(({ names }, at) =>
          names.some(name => requests.slice(0, at).filter(other => other.names.includes(name)).length < 5),
        )
        const of = (some: typeof requests) => ({
          canary: some.filter(one => one.one === 1).length,
          all: some.filter(one => one.one !== undefined).length,
        })
        expect(found.rare.requests).toBe(rare.length)
        expect(found.rare.guardrails.error ?? of([])).toEqual(of(rare))
        for (const name of ['a', 'b', 'c', 'd']) {
          const own = requests.filter(one => one.names.includes(name))
          expect(found.seen[name]?.requests ?? 0).toBe(own.length)
          expect(found.seen[name]?.guardrails.error ?? of([])).toEqual(of(own.slice(5)))
        }
      }),
      { numRuns: 100 * times },
    )
  })

  it('survive as JSON, and stay small', () => {
    const played = began()
    for (let i = 0; i < 3_000; i++)
      ask(played, [`zone = "${i}"`, `km = ${i % 6}`], i % 7 === 0 ? 'error' : 'ok', 'error')
    expect(JSON.stringify(played.state.segments).length).toBeLessThan(10_000)
    const again = began()
    again.state = JSON.parse(JSON.stringify(played.state)) as typeof again.state
    ask(played, ['km = 1'], 'error')
    ask(again, ['km = 1'], 'error')
    expect(JSON.parse(JSON.stringify(again.state))).toEqual(JSON.parse(JSON.stringify(played.state)))
    expect(segmentStandings(played.state).length).toBe(7)
    // what is judged together is shown, however far from its limit
    const many = began({ alpha: 1e-9 })
    asked(many, 400, ['zone = "rare"'], 'ok', 'error')
    for (let i = 0; i < 10; i++) asked(asked(many, 5, [`km = ${2 + i}`], 'ok', 'error'), 25, [`km = ${2 + i}`], 'error')
    const { shown, hidden } = shownStandings(many.state)
    expect([shown.length, shown.at(-1)?.segment, hidden]).toEqual([9, undefined, 3])
  })
})

describe('how often they are wrong', () => {
  /** Rollouts of which a challenger like stable is taken back, of requests of twelve zones by Zipf's law. */
  function takenBack(rollouts: number, requests: number, bad: number, alpha: number, extra = 0): number {
    const random = seeded(5)
    const shares = Array.from({ length: 12 }, (_, i) => 1 / (i + 1))
    const total = shares.reduce((sum, one) => sum + one, 0)
    let found = 0
    for (let i = 0; i < rollouts; i++) {
      const played = began({ alpha, guardrails: ['error'] })
      for (let r = 0; r < requests && played.verdicts.length === 0; r++) {
        let at = random.next() * total
        const zone = shares.findIndex(share => (at -= share) < 0)
        const [stable, canary] = [random.next() < bad, random.next() < bad + (zone === 7 ? extra : 0)]
        ask(played, [`zone = ${zone}`, `hour = ${r % 24}`], canary ? 'error' : 'ok', stable ? 'error' : 'ok')
      }
      if (played.verdicts.length > 0) found++
    }
    return found
  }

  it('is at most as often as is stated, over all segments together', () => {
    // at alpha 0.2, so that it can be seen: 36 tests that are looked at after each request
    expect(takenBack(60 * times, 1_500, 0.3, 0.2)).toBeLessThanOrEqual(60 * times * 0.2)
  })
  it('is told from who fails at 30 % of one of them', () => {
    expect(takenBack(10 * times, 6_000, 0.01, 0.01, 0.3)).toBe(10 * times)
  })
})
