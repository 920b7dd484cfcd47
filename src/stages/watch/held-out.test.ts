import { describe, expect, it } from 'vitest'
import { seeded } from '../../math/random/seeded.ts'
import { buildProfile } from '../windows/build-profile.ts'
import { evaluateWindow } from './evaluate.ts'
import { advanceMonitor, startMonitor } from './monitor/advance.ts'
import { createWindow } from '../windows/window.ts'

const day = 86_400_000_000
const rows = 1_000
const random = seeded(21)

/** Skewed scores of a day, as those of rare events are; days wander. */
function scoresOf(level: number): Float32Array {
  const weather = level + 0.3 * random.normal()
  return Float32Array.from({ length: rows }, () => 1 / (1 + Math.exp(2 - weather - 0.9 * random.normal())))
}

describe('scores that are held against those of rows that training did not see', () => {
  // training ends with a winter of storms; the rows that were held out are of a calmer time
  const training = Array.from({ length: 70 }, () => scoresOf(0.8))
  const heldOut = Array.from({ length: 15 }, () => scoresOf(0))
  const flat = (days: readonly Float32Array[]): Float32Array => Float32Array.from(days.flatMap(one => [...one]))
  const scores = flat(training)
  const profile = buildProfile({
    columns: [],
    scores,
    heldOutScores: flat(heldOut),
    at: Float64Array.from(scores, (_, i) => (i / rows) * day),
    naturalWindow: '1d',
  })

  /** Verdicts of days after, and what people are told. */
  function watch(days: readonly Float32Array[]): { drifted: number; told: string[] } {
    let state = startMonitor('watch')
    let drifted = 0
    const told: string[] = []
    days.forEach((scored, i) => {
      const window = createWindow(profile)
      for (const score of scored) window.add(new Float32Array(0), 0, undefined, score)
      const from = (100 + i) * day
      const to = from + day
      const evaluation = evaluateWindow(profile, window, {
        sensitivity: 'normal',
        falseAlarms: '30d',
        testsPerDay: 1,
        subject: 'api',
        at: to,
        from,
        to,
      })
      const { state: next, judged, alerts } = advanceMonitor(state, evaluation, to)
      state = next
      if (judged.verdict === 'drift') drifted++
      told.push(...alerts.filter(one => one.state === 'firing').map(one => one.summary))
    })
    return { drifted, told }
  }

  it('are as expected while the time stays as calm, however stormy training was', () => {
    expect(watch(Array.from({ length: 60 }, () => scoresOf(0)))).toEqual({ drifted: 0, told: [] })
  })

  it('and have drifted once many of them are far up', () => {
    const changed = Array.from({ length: 6 }, () => scoresOf(0).map((score, i) => (i % 5 === 0 ? 0.9 : score)))
    expect(watch(changed).told).toEqual([expect.stringMatching(/^the model's score: /)])
  })
})
