import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, type Json } from '../../internal/canonical-json.ts'
import { type SeededRandom, seeded } from '../../math/random/seeded.ts'
import { buildProfile } from '../windows/build-profile.ts'
import { evaluateWindow, type EvaluateOptions, type Evaluation } from './evaluate.ts'
import { advanceMonitor, startMonitor } from './monitor/advance.ts'
import { belowFloor, RealisedPerformance } from './monitor/performance.ts'
import {
  clockSetBack,
  decideRetrain,
  noRetrains,
  retrainEnded,
  type RetrainEvidence,
  retrainStarted,
} from './monitor/retrain.ts'
import type { Profile } from '../windows/profile.ts'
import { createWindow, WindowAccumulator } from '../windows/window.ts'

const options: EvaluateOptions = { sensitivity: 'normal', falseAlarms: '30d', testsPerDay: 1, subject: 'api', at: 0 }
const day = 86_400_000_000
const cities = ['ORD', 'ATL', 'DFW', 'LAX', 'PHX']

/** `weather` moves the first column and the score together, by window. */
function rows(random: SeededRandom, n: number, weather: (i: number) => number = () => 0) {
  const features = new Float32Array(n * 3)
  const categories: string[] = []
  const scores = new Float32Array(n)
  for (let i = 0; i < n; i++) {
    features[i * 3] = random.normal() + weather(i)
    features[i * 3 + 1] = random.next() < 0.05 ? Number.NaN : -Math.log(1 - random.next())
    features[i * 3 + 2] = random.below(4)
    categories.push(cities[random.below(5)] as string)
    scores[i] = 1 / (1 + Math.exp(-(random.normal() + weather(i))))
  }
  return { features, categories, scores, rows: n }
}

function profileOf(data: ReturnType<typeof rows>, at?: Float64Array): Profile {
  const column = (c: number): Float32Array =>
    Float32Array.from(data.scores, (_, i) => data.features[i * 3 + c] as number)
  return buildProfile({
    columns: [
      { name: 'a', kind: 'number', values: column(0) },
      { name: 'b', kind: 'number', values: column(1) },
      { name: 'c', kind: 'number', values: column(2) },
      { name: 'city', kind: 'text', values: data.categories },
    ],
    scores: data.scores,
    ...(at && { at }),
  })
}

function evaluate(profile: Profile, data: ReturnType<typeof rows>): Evaluation {
  const window = createWindow(profile)
  window.addBatch(data, data.scores)
  return evaluateWindow(profile, window, options)
}

const baseline = profileOf(rows(seeded(1), 20_000))

describe('windows', () => {
  it('of 32 replicas merged equal one process bit for bit; subtracting and JSON lose nothing', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 400 }), (seed, n) => {
        const random = seeded(seed)
        const data = rows(random, n)
        data.features[0] = Number.POSITIVE_INFINITY
        data.features[1] = 1e30
        const one = createWindow(baseline)
        one.addBatch(data, data.scores)
        const replicas = Array.from({ length: 32 }, () => createWindow(baseline))
        for (let i = 0; i < n; i++)
          (replicas[random.below(32)] as WindowAccumulator).add(
            data.features,
            i * 3,
            data.categories,
            data.scores[i] as number,
            i,
          )
        const merged = createWindow(baseline)
        for (const replica of replicas) merged.merge(replica)
        expect(merged.toJSON()).toEqual(one.toJSON())
        expect(WindowAccumulator.fromJSON(baseline, JSON.parse(JSON.stringify(one))).toJSON()).toEqual(one.toJSON())
        merged.subtract(one)
        expect(merged.toJSON()).toEqual(createWindow(baseline).toJSON())
      }),
      { numRuns: 20 },
    )
  })

  it('give the moments, and refuse windows of another baseline', () => {
    const data = rows(seeded(2), 5000)
    const window = createWindow(baseline)
    window.addBatch(data, data.scores)
    const scores = [...data.scores]
    const mean = scores.reduce((sum, x) => sum + x, 0) / 5000
    const std = Math.sqrt(scores.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 5000)
    expect(window.moments(3).mean).toBeCloseTo(mean, 4)
    expect(window.moments(3).std).toBeCloseTo(std, 4)
    expect(() => window.merge(createWindow(profileOf(rows(seeded(3), 500))))).toThrow(/baseline/)
  })
})

describe('drift', () => {
  it('is rarely seen where there is none: at most 1.5 times the nominal 1 %, at each of several sizes', () => {
    const random = seeded(4)
    for (const [size, repeats] of [
      [200, 150],
      [1000, 80],
      [10_000, 20],
    ] as const) {
      let alarms = 0
      for (let i = 0; i < repeats; i++) if (evaluate(baseline, rows(random, size)).verdict === 'drift') alarms++
      expect(alarms / repeats).toBeLessThanOrEqual(0.015)
    }
  })

  it('is found in a shift, in missing values, in an unseen category and a new value, each in its own column', () => {
    const spoil = (change: (data: ReturnType<typeof rows>, i: number) => void): string[] => {
      const data = rows(seeded(5), 2000)
      for (let i = 0; i < 2000; i++) change(data, i)
      const { columns, report } = evaluate(baseline, data)
      expect(() => canonicalJson(report as unknown as Json)).not.toThrow()
      return columns.filter(drift => drift.verdict === 'drift').map(drift => drift.name)
    }
    expect(spoil((data, i) => (data.features[i * 3] = (data.features[i * 3] as number) + 0.6))).toEqual(['a'])
    expect(spoil((data, i) => i % 5 === 0 && (data.features[i * 3 + 1] = Number.NaN))).toEqual(['b'])
    expect(spoil((data, i) => i % 5 === 0 && (data.features[i * 3 + 2] = 1.5))).toEqual(['c'])
    expect(spoil((data, i) => i % 5 === 0 && (data.categories[i] = 'LHR'))).toEqual(['city'])
    expect(spoil((data, i) => (data.scores[i] = (data.scores[i] as number) ** 2))).toEqual(['score'])
  })

  it('of one column is seen when another cannot be compared', () => {
    const [a, ...rest] = baseline.columns
    const crippled = { ...baseline, columns: [{ ...a, coarse: null } as unknown as typeof a, ...rest] } as Profile
    const data = rows(seeded(6), 2000)
    data.categories.fill('LHR')
    const { columns, verdict } = evaluate(crippled, data)
    expect(columns.map(drift => drift.verdict)).toEqual(['error', 'ok', 'ok', 'drift', 'ok'])
    expect(verdict).toBe('drift')
  })

  it('does not alarm at the weather that the training period had, and still sees what is beyond it', () => {
    const random = seeded(7)
    let natural = 0
    let plain = 0
    let windows = 0
    let seen = 0
    for (let repeat = 0; repeat < 12; repeat++) {
      const weeks = Array.from({ length: 12 }, () => 0.4 * random.normal())
      const data = rows(random, 12_000, i => weeks[Math.floor(i / 1000)] as number)
      const at = Float64Array.from({ length: 12_000 }, (_, i) => (i / 1000) * 7 * day)
      const carrying = profileOf(data, at)
      const ignoring = profileOf(data)
      for (let week = 0; week < 5; week++) {
        const shift = 0.4 * random.normal()
        const next = rows(random, 1000, () => shift)
        if (evaluate(carrying, next).verdict === 'drift') natural++
        if (evaluate(ignoring, next).verdict === 'drift') plain++
        windows++
      }
      if (
        evaluate(
          carrying,
          rows(random, 1000, () => 2.5),
        ).verdict === 'drift'
      )
        seen++
    }
    expect(natural / windows).toBeLessThanOrEqual(0.05)
    expect(plain / windows).toBeGreaterThan(0.2)
    expect(seen).toBe(12)
  })
})

describe('monitor', () => {
  const bad = (() => {
    const data = rows(seeded(8), 2000)
    data.categories.fill('LHR')
    return evaluate(baseline, data)
  })()
  const good = evaluate(baseline, rows(seeded(9), 2000))

  it('fires after two bad windows and resolves after three clean ones', () => {
    let state = startMonitor('watch')
    const seen: string[] = []
    for (const [i, one] of [bad, good, bad, bad, bad, good, good, bad, good, good, good].entries()) {
      const next = advanceMonitor(state, one, i)
      state = JSON.parse(JSON.stringify(next.state)) as typeof state
      expect(next.decisions.length).toBe(next.alerts.length + next.updates.length)
      for (const alert of next.alerts) seen.push(`${i} ${alert.state}`)
      for (const alert of next.updates) seen.push(`${i} ${alert.state}, nobody is told`)
      if (next.alerts[0]?.state === 'firing') expect(next.alerts[0].summary).toMatch(/^city: .*0\.0 % → 100\.0 %/)
    }
    expect(seen).toEqual(['0 pending', '1 resolved, nobody is told', '2 pending', '3 firing', '10 resolved'])
  })

  it('tells a second cause when it comes later, and nothing twice', () => {
    const both = (() => {
      const data = rows(seeded(8), 2000)
      data.categories.fill('LHR')
      for (let i = 0; i < 2000; i++) data.features[i * 3] = (data.features[i * 3] as number) + 1
      return evaluate(baseline, data)
    })()
    const told = (windows: readonly Evaluation[]): string[] => {
      let state = startMonitor('watch')
      return windows.flatMap((one, i) => {
        const next = advanceMonitor(state, one, i)
        state = next.state
        return next.alerts.filter(alert => alert.state === 'firing').map(alert => `${i} ${alert.summary}`)
      })
    }
    const at = (count: number): Evaluation[] => Array.from({ length: count }, () => bad)
    expect(told([...at(4), both, both, both])).toEqual([expect.stringMatching(/^1 city/)])
    expect(told([...at(12), both, both, both])).toEqual([
      expect.stringMatching(/^1 city/),
      expect.stringMatching(/^12 .*a: mean \+1\.\d\d sd/),
    ])
  })

  it('does not tell anew what was there from the beginning and only became certain later', () => {
    const slow = (shift: number): Evaluation => {
      const data = rows(seeded(8), 2000)
      data.categories.fill('LHR')
      for (let i = 0; i < 2000; i++) data.features[i * 3] = (data.features[i * 3] as number) + shift
      return evaluate(baseline, data)
    }
    // hardly more than what matters: certain after several windows only
    const windows = Array.from({ length: 14 }, () => slow(0.17))
    let state = startMonitor('watch')
    const firing = windows.flatMap((one, i) => {
      const next = advanceMonitor(state, one, i)
      state = next.state
      return next.alerts.filter(alert => alert.state === 'firing').map(alert => `${i} ${alert.summary}`)
    })
    expect(firing).toEqual([expect.stringMatching(/^1 city/)])
    expect(state.alert.causes.map(one => one.name)).toEqual(['column:city', 'column:a'])
  })

  it('forgets one odd window, a holiday, as soon as it is over', () => {
    const odd = rows(seeded(13), 2000)
    for (let i = 0; i < 6000; i += 3) odd.features[i] = (odd.features[i] as number) + 3
    let state = startMonitor('watch')
    const told: string[] = []
    for (const one of [evaluate(baseline, odd), ...Array.from({ length: 13 }, () => good)]) {
      const next = advanceMonitor(state, one, 0)
      state = next.state
      told.push(...next.alerts.map(alert => alert.state))
    }
    expect(told).toEqual(['pending'])
    expect(state.alert.status).toBe('ok')
  })

  it('says first that most inputs are missing', () => {
    const data = rows(seeded(12), 2000)
    data.features.fill(Number.NaN)
    const { alerts } = advanceMonitor(startMonitor('watch'), evaluate(baseline, data), 0)
    expect(alerts[0]?.summary).toMatch(/^3 of 4 inputs are missing more often: /)
  })

  it('retrains within its policy and says why not otherwise', () => {
    const policy = { model: 'lateness', on: ['drift', 'performance'] as const }
    const seen = { trigger: 'drift' as const, reason: 'city drifted', windows: 3, newLabels: 5000, evidence: ['r1'] }
    const rule = (state: typeof noRetrains, evidence: Partial<RetrainEvidence>, now: number): string => {
      const { verdict, rule: decided } = decideRetrain(policy, state, { ...seen, ...evidence }, now)
      return `${verdict}: ${decided.name}`
    }
    expect(rule(noRetrains, {}, 0)).toBe('fired: drift')
    expect(rule(noRetrains, { windows: 2 }, 0)).toBe('suppressed: persistence')
    expect(rule(noRetrains, { newLabels: 10 }, 0)).toBe('suppressed: new labels')
    let state = retrainStarted(noRetrains, 'run-1', 0)
    expect(rule(state, {}, day * 2)).toBe('suppressed: one at a time')
    state = retrainEnded(state)
    expect(rule(state, {}, day / 2)).toBe('suppressed: cooldown')
    state = retrainEnded(retrainStarted(retrainEnded(retrainStarted(state, 'run-2', 1.5 * day)), 'run-3', 3 * day))
    expect(rule(state, {}, 5 * day)).toBe('suppressed: storm guard')
    expect(rule(state, {}, 9 * day)).toBe('fired: drift')
    // what people scheduled is held back by a running retrain only, and counts for the cool-down, not for the limit
    expect(rule(state, { trigger: 'schedule' }, 3 * day)).toBe('fired: schedule')
    const scheduled = retrainEnded(retrainStarted(noRetrains, 'run-4', day, 'schedule'))
    expect(rule(scheduled, {}, 1.5 * day)).toBe('suppressed: cooldown')
    // after the clock was set back by a year the cool-down still ends
    const ahead = clockSetBack(retrainEnded(retrainStarted(noRetrains, 'run-5', 365 * day)), day)
    expect(rule(ahead, {}, 1.5 * day)).toBe('suppressed: cooldown')
    expect(rule(ahead, {}, 2 * day)).toBe('fired: drift')
  })

  it('joins late labels by prediction and holds them to the floor', () => {
    const random = seeded(10)
    const scored = (n: number, skill: number) => {
      const labels = Float32Array.from({ length: n }, () => (random.next() < 0.3 ? 1 : 0))
      return { labels, scores: labels.map(y => 1 / (1 + Math.exp(-(random.normal() + skill * (y - 0.5) - 0.85)))) }
    }
    const training = scored(20_000, 1)
    const at = Float64Array.from({ length: 20_000 }, (_, i) => (i / 2000) * 7 * day)
    const { performance } = buildProfile({ columns: [], ...training, at })
    expect(performance?.task).toBe('binary')
    const tracker = new RealisedPerformance({ task: 'binary' })
    for (const [cohort, skill] of [1, 0.1].entries()) {
      const { labels, scores } = scored(4000, skill)
      for (let i = 0; i < 4000; i++) {
        const id = `${cohort}-${i}`
        // every tenth label comes before its prediction was noted, every eleventh never
        if (i % 10 === 0) tracker.labelled(id, labels[i] as number, cohort * day + 5)
        tracker.predicted(id, cohort * day + i, scores[i] as number)
        if (i % 11 !== 0 || i % 10 === 0) tracker.labelled(id, labels[i] as number, cohort * day + i + 60)
      }
    }
    const [fine, poor] = tracker.cohorts(3 * day)
    if (!fine || !poor || !performance) throw new Error('two cohorts and a baseline were expected')
    expect(fine.published).toBe(true)
    expect(fine.coverage).toBeCloseTo(0.918, 2)
    expect(belowFloor(performance, fine).below).toBe(false)
    expect(belowFloor(performance, poor)).toMatchObject({ below: true, metric: 'auc' })
    tracker.drop(day)
    expect(tracker.cohorts(3 * day).length).toBe(1)
  })
})
