import { describe, expect, it } from 'vitest'
import { minute } from '../../../../test/support/played-rollout.ts'
import { route } from './route.ts'
import { resolveRollout, startRollout } from './start.ts'

describe('settings', () => {
  const least = { deployment: 'api', challenger: 'm@2', stable: 'm@1', task: 'binary' } as const

  it('have the defaults that their page names', () => {
    expect(resolveRollout(least)).toEqual({
      ...least,
      weights: [0.01, 0.05, 0.2, 0.5],
      shadowRows: 1000,
      minRequests: 200,
      maxWait: 30 * minute,
      bake: 60 * minute,
      labels: 'advisory',
      alpha: 0.01,
      labelAlpha: 0.05,
      margin: 0.01,
      maxLatency: null,
      slower: 0.15,
      maxMemory: 2 ** 30,
      timeout: 1_000_000,
      guardrails: ['error', 'timeout', 'latency'],
      threshold: 0.5,
      stableThreshold: 0.5,
      expected: { flipRate: 0.1 },
      metrics: {},
      metricAlpha: 0.05,
      queries: {},
      approve: [],
      hours: null,
      after: [],
    })
    expect(resolveRollout({ ...least, task: 'regression' }).expected).toEqual({})
    expect(resolveRollout({ ...least, maxLatency: '20ms' })).toMatchObject({
      maxLatency: 20_000,
      guardrails: ['error', 'timeout', 'slow', 'latency'],
    })
    expect(startRollout(least, 5, 1)).toMatchObject({ phase: 'shadow', weight: 0, since: 5, step: 0, hold: null })
    expect(startRollout({ ...least, shadowRows: 0 }, 5, 1)).toMatchObject({ phase: 'step', weight: 0.01 })
  })

  it.each([
    ['steps', { steps: ['5%', '5%'] }, { steps: ['5%', '6%'] }],
    ['steps', { steps: ['0%'] }, { steps: ['0.1%'] }],
    ['steps', { steps: ['100%'] }, { steps: ['99.9%'] }],
    ['steps', { steps: [] }, { steps: ['1%'] }],
    ['steps', { steps: ['x%'] }, {}],
    ['shadowRows', { shadowRows: -1 }, { shadowRows: 0 }],
    ['minRequests', { minRequests: 1.5 }, { minRequests: 1 }],
    ['maxWait', { maxWait: 'soon' }, { maxWait: '1s' }],
    ['bake', { bake: '5' }, { bake: '5m' }],
    ['alpha', { alpha: 0 }, { alpha: 0.999 }],
    ['alpha', { alpha: 1 }, { alpha: 1e-9 }],
    ['labelAlpha', { labelAlpha: 1 }, { labelAlpha: 0.5 }],
    ['margin', { margin: -0.001 }, { margin: 0 }],
    ['slower', { slower: -0.1 }, { slower: 0 }],
    ['maxMemory', { maxMemory: 0.5 }, { maxMemory: 1 }],
    ['maxLatency', { maxLatency: 'soon' }, { maxLatency: '20ms' }],
    ['timeout', { timeout: 'soon' }, { timeout: '20ms' }],
    ['margin', { margin: Number.NaN }, { margin: 5 }],
  ])('%s: %j is refused, %j is taken', (setting, bad, good) => {
    expect(() => resolveRollout({ ...least, ...(bad as object) })).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ setting }) }),
    )
    expect(() => resolveRollout({ ...least, ...(good as object) })).not.toThrow()
  })
})

describe('the arm of a key', () => {
  // FNV-1a over UTF-16 units and the finaliser of MurmurHash3, computed in Python; the share of 2^32 that the hash is
  it.each([
    ['fares', 'user-1', 3069540787],
    ['fares', 'user-2', 2181251002],
    ['fares', '', 3209288512],
    ['lateness-api', 'user-1', 3634626029],
    ['fares', 'zoë 😀', 2023967746],
  ])('of %s, %j changes exactly at its hash', (deployment, key, hash) => {
    expect(route(deployment, key, hash / 2 ** 32)).toBe('stable')
    expect(route(deployment, key, (hash + 1) / 2 ** 32)).toBe('canary')
  })
})
