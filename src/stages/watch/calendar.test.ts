import { expect, it } from 'vitest'
import { seeded } from '../../math/random/seeded.ts'
import { buildProfile } from '../windows/build-profile.ts'
import { advanceMonitor, startMonitor } from './monitor/advance.ts'
import { createWindow } from '../windows/window.ts'
import { evaluateWindow } from './evaluate.ts'

// Inputs that tell the time have no spread within a window, or another one in each: that is no change.

const day = 86_400_000_000
const inputs = ['weekday', 'hour', 'is_weekend'] as const

function rowsOf(from: number, length: number, count: number, random: { next(): number }) {
  const at = Float64Array.from({ length: count }, () => from + Math.floor(random.next() * length)).sort()
  const columns = inputs.map(() => new Float32Array(count))
  at.forEach((time, i) => {
    const date = new Date(time / 1000)
    const weekday = ((date.getUTCDay() + 6) % 7) + 1
    const values = [weekday, date.getUTCHours(), weekday > 5 ? 1 : 0]
    values.forEach((value, c) => ((columns[c] as Float32Array)[i] = value))
  })
  const scores = Float32Array.from(at, () => random.next())
  return { at, columns, scores }
}

it.each([
  ['1d', day, 70],
  ['6h', day / 4, 70],
  ['7d', 7 * day, 84],
] as const)('do not alert in windows of %s', (naturalWindow, length, days) => {
  const random = seeded(5)
  const begin = 20_000 * day - (20_000 % 7) * day
  const training = rowsOf(begin, days * day, days * 400, random)
  const profile = buildProfile({
    columns: inputs.map((name, c) => ({
      name,
      kind: 'number' as const,
      values: training.columns[c] as Float32Array,
      importance: 0.3,
    })),
    scores: training.scores,
    at: training.at,
    naturalWindow,
  })
  let state = startMonitor('watch')
  const told: string[] = []
  for (let from = begin + days * day; from < begin + (days + 28) * day; from += length) {
    const live = rowsOf(from, length, Math.round((400 * length) / day) + 300, random)
    const window = createWindow(profile)
    const rows = live.scores.length
    const features = Float32Array.from({ length: rows * inputs.length }, (_, i) =>
      Number(live.columns[i % inputs.length]?.[Math.floor(i / inputs.length)]),
    )
    window.addBatch({ rows, features, categories: [] }, live.scores)
    const to = from + length
    const options = {
      sensitivity: 'normal',
      falseAlarms: '30d',
      testsPerDay: day / length,
      subject: 'api',
      at: to,
      from,
      to,
    } as const
    const advanced = advanceMonitor(state, evaluateWindow(profile, window, options), to)
    state = advanced.state
    told.push(...advanced.alerts.filter(alert => alert.state === 'firing').map(alert => alert.summary))
  }
  expect(told).toEqual([])
})
