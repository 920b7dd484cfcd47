import { describe, expect, it } from 'vitest'
import { seeded } from '../../../math/random/seeded.ts'
import { buildProfile } from '../../windows/build-profile.ts'
import { type Evaluation, evaluateWindow } from '../evaluate.ts'
import type { Profile } from '../../windows/profile.ts'
import { createWindow } from '../../windows/window.ts'
import { advanceMonitor, type Observation, startMonitor } from './advance.ts'

const random = seeded(3)
const values = (count: number, mean: number): Float32Array =>
  Float32Array.from({ length: count }, () => mean + random.normal())

/** A version that was made when `x` had that mean. */
const madeAt = (mean: number): Profile => {
  const x = values(20_000, mean)
  return buildProfile({ columns: [{ name: 'x', kind: 'number', values: x }], scores: values(20_000, 0) })
}

const judged = (profile: Profile, window: ReturnType<typeof createWindow>): Evaluation =>
  evaluateWindow(profile, window, {
    sensitivity: 'normal',
    falseAlarms: '30d',
    testsPerDay: 1,
    subject: 'api',
    at: 0,
  })

/** A window in which `x` has that mean, against that version. */
function seen(profile: Profile, mean: number, rows = 2_000): Evaluation {
  const window = createWindow(profile)
  const x = values(rows, mean)
  for (let i = 0; i < rows; i++) window.add(x, i, undefined, random.normal())
  return judged(profile, window)
}

const unit: Observation = { name: 'scaler-window-unit', bad: true, atOnce: true, reason: 'kilometres?', report: 'r' }

/** What people are told by each window, and how many windows in a row have drifted. */
function told(windows: readonly (readonly [Evaluation, Observation?])[]): [said: string, drifting: number][] {
  let state = startMonitor('watch')
  return windows.map(([evaluation, further], i) => {
    const next = advanceMonitor(state, evaluation, i, further ? [further] : [])
    state = JSON.parse(JSON.stringify(next.state)) as typeof state
    return [next.alerts.map(one => one.state).join(), state.drifting]
  })
}

const before = madeAt(0)
const after = madeAt(1)

describe('an alert that fires', () => {
  it('is resolved by a new version that knows what changed, after three windows that are like its training', () => {
    const windows = [...[1, 1, 1].map(mean => seen(before, mean)), ...[1, 1, 1, 1].map(mean => seen(after, mean))]
    expect(told(windows.map(one => [one]))).toEqual([
      ['pending', 1],
      ['firing', 2],
      ['', 3],
      ['', 0],
      ['', 0],
      ['resolved', 0],
      ['', 0],
    ])
  })

  it('is resolved by a new version that has not even got a name for what changed', () => {
    const city = (shareOfA: number): string[] =>
      Array.from({ length: 20_000 }, (_, i) => (i / 20_000 < shareOfA ? 'a' : 'b'))
    const [old, later] = [0.51, 0].map(share =>
      buildProfile({ columns: [{ name: 'city', kind: 'text', values: city(share) }], scores: values(20_000, 0) }),
    ) as [Profile, Profile]
    // nothing comes from a any more
    const allOfB = (profile: Profile): Evaluation => {
      const window = createWindow(profile)
      for (let i = 0; i < 2_000; i++) window.add(new Float32Array(0), 0, ['b'], random.normal())
      return judged(profile, window)
    }
    const windows = [allOfB(old), allOfB(old), ...Array.from({ length: 3 }, () => allOfB(later))]
    expect(told(windows.map(one => [one])).map(([said]) => said)).toEqual(['pending', 'firing', '', '', 'resolved'])
  })

  it('is not resolved by a new version from which the windows differ as much', () => {
    const windows = [...[1, 1, 1].map(mean => seen(before, mean)), ...[2, 2, 2, 2].map(mean => seen(after, mean))]
    expect(told(windows.map(one => [one])).map(([said]) => said)).toEqual(['pending', 'firing', '', '', '', '', ''])
  })

  it('is neither confirmed nor resolved by windows of too few rows', () => {
    const few = Array.from({ length: 5 }, () => seen(before, 0, 199))
    const clean = [0, 0, 0].map(mean => seen(before, mean))
    const windows = [seen(before, 1), seen(before, 1), ...few, ...clean]
    expect(told(windows.map(one => [one])).map(([said]) => said)).toEqual([
      'pending',
      'firing',
      ...Array.from({ length: 7 }, () => ''),
      'resolved',
    ])
    expect(told([[seen(before, 0), unit], ...few.map(one => [one] as const)]).map(([said]) => said)).toEqual([
      'firing',
      ...Array.from({ length: 5 }, () => ''),
    ])
  })
})

describe('windows in a row that have drifted', () => {
  it('are no others that an alert fires by', () => {
    expect(told([[seen(before, 0), unit], [seen(before, 1), unit], [seen(before, 1)], [seen(before, 0)]])).toEqual([
      ['firing', 0],
      ['', 1],
      ['', 2],
      ['', 0],
    ])
  })

  it('begin anew with a new version, and are not interrupted by a window without a verdict', () => {
    const windows = [seen(before, 1), seen(before, 1), seen(before, 1, 199), seen(before, 1), seen(after, 2)]
    expect(told(windows.map(one => [one])).map(([, drifting]) => drifting)).toEqual([1, 2, 2, 3, 1])
  })
})

it('an alert is pending, firing, joined, resolved or withdrawn, each with its decision', () => {
  const decided = (windows: readonly (readonly [Evaluation, Observation?])[]): string[] => {
    let state = startMonitor('watch')
    return windows.flatMap(([evaluation, further], i) => {
      const next = advanceMonitor(state, evaluation, i, further ? [further] : [])
      state = next.state
      return next.decisions.map(one => `${one.kind} ${one.verdict}`)
    })
  }
  const [odd, calm] = [seen(before, 1), seen(before, 0)]
  expect(decided([[odd], [calm]])).toEqual(['alert pending', 'alert withdrawn'])
  expect(decided([[odd], [odd], [odd, unit], [calm], [calm], [calm]])).toEqual([
    'alert pending',
    'alert firing',
    'alert joined',
    'alert resolved',
  ])
})

it('what was before an alert that is resolved is over: only the windows that resolved it are remembered', () => {
  let state = startMonitor('watch')
  const calm = () => seen(before, 0)
  const lengths: number[] = []
  for (const one of [calm(), calm(), seen(before, 1), seen(before, 1), calm(), calm(), calm(), calm()]) {
    state = advanceMonitor(state, one, 0).state
    lengths.push(state.recent.columns['column:x']?.level?.length ?? 0)
  }
  expect(lengths).toEqual([1, 2, 3, 4, 5, 6, 3, 4])
  // these are the calm ones
  for (const [change] of state.recent.columns['column:x']?.level ?? []) expect(Math.abs(change)).toBeLessThan(0.5)
  expect(state.recent.profile).toBe(calm().report.evidence.profile)
})

it('an alert says in words why it is told, withdrawn or over', () => {
  const reasons = (windows: readonly (readonly [Evaluation, Observation?])[]): string[] => {
    let state = startMonitor('watch')
    return windows.flatMap(([evaluation, further], i) => {
      const next = advanceMonitor(state, evaluation, i, further ? [further] : [])
      state = next.state
      return next.decisions.map(one => one.reason)
    })
  }
  const [odd, calm] = [seen(before, 1), seen(before, 0)]
  const moved = expect.stringMatching(/^x: mean \+\d\.\d\d sd/) as string
  expect(reasons([[odd], [calm]])).toEqual([moved, 'the next window did not confirm it'])
  expect(reasons([[odd], [odd], [calm], [calm], [calm]]).slice(2)).toEqual([
    'what fired is gone for 3 windows in a row: x',
  ])
  expect(reasons([[calm, unit], [calm], [calm], [calm]])).toEqual([
    'kilometres?',
    'what fired is gone for 3 windows in a row: scaler-window-unit',
  ])
})
