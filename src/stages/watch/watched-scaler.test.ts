import { describe, expect, it } from 'vitest'
import type { CheckResult } from '../../define/report.ts'
import type { Duration } from '../../internal/time.ts'
import { digestBytes } from '../../internal/digest.ts'
import { seeded } from '../../math/random/seeded.ts'
import { fitScaler } from '../../math/scaler/index.ts'
import { buildProfile } from '../windows/build-profile.ts'
import { evaluateWindow } from './evaluate.ts'
import { createWindow } from '../windows/window.ts'
import { scalerArtifact } from '../scaler/artifact.ts'
import { scalerOfWindow } from './watched-scaler.ts'

const hour = 3_600_000_000
/** A Monday. */
const start = 4 * 24 * hour
const rows = 1_200

/** The value of one input at a time, in a window. */
type Traffic = (at: number, window: number, random: ReturnType<typeof seeded>) => number

/** Trains on `windows` windows of an input, and gives the checks of any later one. */
function watched(length: number, windows: number, traffic: Traffic) {
  const naturalWindow: Duration = length === hour ? '1h' : '1d'
  const values = new Float32Array(windows * rows)
  const at = new Float64Array(windows * rows)
  const random = seeded(7)
  const made = (window: number, changed: Traffic): readonly (readonly [at: number, value: number])[] =>
    Array.from({ length: rows }, (_, i) => {
      const moment = start + (window + i / rows) * length
      return [moment, changed(moment, window, random)] as const
    })
  for (let window = 0; window < windows; window++)
    made(window, traffic).forEach(([moment, value], i) => {
      values[window * rows + i] = value
      at[window * rows + i] = moment
    })
  const scores = Float32Array.from(values, () => random.next())
  const profile = buildProfile({ columns: [{ name: 'x', kind: 'number', values }], scores, at, naturalWindow })
  const fitted = fitScaler('standard', [values])
  const artifact = scalerArtifact(fitted, [{ name: 'x', kind: 'number' }], digestBytes('frame'), {})
  return (window: number, changed = traffic, told = true): ReadonlyMap<string, CheckResult> => {
    const seen = createWindow(profile)
    for (const [, value] of made(window, changed)) seen.add(Float32Array.of(value), 0, undefined, random.next())
    const from = start + window * length
    const evaluation = evaluateWindow(profile, seen, {
      sensitivity: 'normal',
      falseAlarms: '30d',
      testsPerDay: (24 * hour) / length,
      subject: 'api',
      at: from + length,
      from,
      to: from + length,
    })
    const scaler = { artifact, missingHandled: true }
    const checks = scalerOfWindow('api', scaler, profile, seen, told ? evaluation : undefined)
    return new Map(checks.map(check => [check.id, check]))
  }
}

const hourOfDay: Traffic = at => Math.floor((at % (24 * hour)) / hour)
const dayOfWeek: Traffic = at => (Math.floor(at / (24 * hour)) + 3) % 7
const statuses = (checks: ReadonlyMap<string, CheckResult>): (string | undefined)[] =>
  ['scaler-serving-range', 'scaler-window-unit'].map(id => checks.get(id)?.status)

describe('an input that repeats over the day or the week', () => {
  it.each([
    ['the weekday, in windows of a day', 24 * hour, 28, 7, dayOfWeek],
    ['the hour, in windows of an hour', hour, 5 * 24, 24, hourOfDay],
  ] as const)('is as in training in every window: %s', (_, length, training, cycle, traffic) => {
    const checksOf = watched(length, training, traffic)
    for (let window = training; window < training + cycle; window++)
      expect([window, statuses(checksOf(window))]).toEqual([window, ['pass', 'pass']])
    // what stands still for a whole window is at its place in one window of the cycle only
    const stuck = Array.from(
      { length: cycle },
      (__, i) => checksOf(training + i, () => traffic(start, 0, seeded(1))).get('scaler-serving-range')?.status,
    )
    expect(stuck.filter(status => status === 'pass').length).toBeGreaterThanOrEqual(1)
    expect(stuck.filter(status => status !== 'pass').length).toBeGreaterThan(cycle / 2)
  })

  it('of another time is told', () => {
    const checksOf = watched(hour, 5 * 24, hourOfDay)
    const shifted = checksOf(5 * 24 + 12, at => hourOfDay(at - 9 * hour, 0, seeded(1)))
    expect(shifted.get('scaler-serving-range')?.message).toMatch(/^x: its mean has moved by -1\.\d+ training dev/)
  })
})

describe('an input that the weather moves from day to day', () => {
  const storms = seeded(11)
  const weather = Array.from({ length: 88 }, () => storms.normal())
  const stormy: Traffic = (_, window, random) =>
    10 * Math.exp(0.8 * random.normal() + 0.35 * (weather[window] as number))
  const calm: Traffic = (_, __, random) => 10 * Math.exp(0.5 * random.normal())

  it('is not taken for one in other units, although its quartiles come to lie as if it were', () => {
    const checksOf = watched(24 * hour, 28, stormy)
    const units = (told: boolean): number =>
      Array.from({ length: 60 }, (_, i) => checksOf(28 + i, stormy, told)).filter(
        checks => checks.get('scaler-window-unit')?.status === 'warn',
      ).length
    // at a false alarm a month one window in 900 may, however it lies
    expect(units(true)).toBeLessThanOrEqual(1)
    // the quartiles alone say so in every fifth
    expect(units(false)).toBeGreaterThan(5)
  })

  it('and a calm one in other units is told with its first window', () => {
    const check = watched(24 * hour, 28, calm)(28, (...given) => 1.609344 * calm(...given)).get('scaler-window-unit')
    expect(check?.message).toBe('x is 1.609 times what it was in training (1,200 rows): kilometres for miles?')
  })
})
