import { expect, it } from 'vitest'
import { minute, Played } from '../../../../test/support/played-rollout.ts'
import type { ResolvedQuery } from '../../../define/canary.ts'

// What Prometheus says of a challenger: it takes it back, or keeps it where it is.

const errors: ResolvedQuery = { query: 'errors', min: null, max: 0.02, every: minute, failures: 3 }
class Queried extends Played {
  query(value: number | null, at: number, name = 'errors'): this {
    return this.send({ type: 'query', at, name, value, ...(value === null ? { reason: 'it is away' } : {}) })
  }
}
const begun = (query: Partial<ResolvedQuery> = {}): Queried =>
  new Queried({ queries: { errors: { ...errors, ...query } } })

it('takes back after so many answers in a row beyond a limit, the last one said, and not after one fewer', () => {
  const rollout = begun().query(0.03, 1).query(0.03, 2).query(0.02, 3).query(0.03, 4).query(0.03, 5)
  expect([rollout.state.phase, rollout.state.queries.errors?.failures]).toEqual(['step', 2])
  // who says nothing neither counts nor makes good
  rollout.query(null, 6)
  expect(rollout.state.queries.errors).toEqual({ at: 6, value: null, failures: 2, reason: 'it is away' })
  rollout.query(0.0201, 7)
  expect(rollout.state.phase).toBe('rolled-back')
  expect(rollout.last).toMatchObject({
    verdict: 'rolled-back',
    rule: { name: 'query', statistic: 'errors', value: 0.0201, threshold: [null, 0.02] },
    reason: 'errors is 0.0201 with m@2, at most 0.02 is promised, 3 times in a row beyond it',
  })
  expect(begun({ failures: 1, min: 5, max: null }).query(4.9, 1).last.reason).toBe(
    'errors is 4.9 with m@2, at least 5 is promised',
  )
  expect(begun({ failures: 1, min: 5, max: null }).query(5, 1).state.phase).toBe('step')
})

it('no step is left before each query has said in it that it holds', () => {
  const rollout = begun().query(0.01, 1).request('ok', 10, 'canary', 2)
  // of this step: since 0
  expect([rollout.state.weight, rollout.verdicts]).toEqual([0.5, ['advanced']])
  rollout.request('ok', 10, 'canary', 3)
  expect(rollout.state).toMatchObject({ weight: 0.5, hold: 'queries' })
  expect(rollout.last).toMatchObject({
    verdict: 'held',
    reason:
      'm@2 is ready to take all traffic, and waits for the query errors: it was not answered since the challenger has so much traffic',
  })
  rollout.query(null, 4).query(0.5, 5)
  expect([rollout.state.hold, rollout.verdicts.length]).toEqual(['queries', 2])
  rollout.query(0.02, 6)
  expect(rollout.state).toMatchObject({ phase: 'bake', hold: null, since: 6 })
  // nor does it become stable before
  rollout.tick(6 + 60 * minute)
  expect(rollout.state).toMatchObject({ phase: 'bake', hold: 'queries' })
  rollout.query(0, 7 + 60 * minute)
  expect([rollout.state.phase, rollout.verdicts]).toEqual([
    'done',
    ['advanced', 'held', 'promoted', 'held', 'completed'],
  ])
})

it('a challenger that answers nobody is asked nothing about, and an operator goes before what is not known', () => {
  const shadow = new Queried({ queries: { errors }, shadowRows: 4 }).shadow(4, 0.2, 0.2)
  expect(shadow.state).toMatchObject({ phase: 'step', hold: null })
  expect(shadow.request('ok', 10, 'canary', 2).state.hold).toBe('queries')
  expect(shadow.say('promote', 3).state.phase).toBe('bake')
  expect(() => shadow.query(1, 4, 'unheard')).toThrow(/no query is called unheard/)
})
