import { describe, expect, it } from 'vitest'
import { alarmRate } from '../evaluate.ts'
import { RealisedPerformance } from './performance.ts'

const hour = 3_600_000_000

describe('a cohort of predictions', () => {
  /** Ten predictions of the first hour; `labels` of them have theirs. */
  const published = (labels: number, now: number): boolean | undefined => {
    const tracker = new RealisedPerformance({ task: 'binary', cohort: '1h', horizon: '2h' })
    for (let i = 0; i < 10; i++) tracker.predicted(`p${i}`, i, i / 10)
    for (let i = 0; i < labels; i++) tracker.labelled(`p${i}`, i % 2, i + 1)
    return tracker.cohorts(now)[0]?.published
  }

  it.each([
    ['that is still open, with every label', 10, hour - 1, false],
    ['that is just over, with every label', 10, hour, true],
    ['with four of five labels', 8, hour, true],
    ['with fewer, while labels may still come', 7, hour, false],
    ['the same just before the horizon', 7, 3 * hour - 1, false],
    ['the same at the horizon', 7, 3 * hour, true],
    ['without any label, however late', 0, 99 * hour, false],
  ])('%s', (_, labels, now, wanted) => {
    expect(published(labels, now)).toBe(wanted)
  })
})

describe('the rate of false alarms', () => {
  it.each([
    ['30d', 1, 1 / 30],
    ['30d', 24, 1 / 720],
    ['90d', 1 / 7, 1 / (90 / 7)],
    // never more than one window in twenty
    ['7d', 1, 0.05],
    ['30d', 1 / 7, 0.05],
  ] as const)('of one per %s is shared out over %d tests a day', (falseAlarms, perDay, wanted) => {
    expect(alarmRate(falseAlarms, perDay)).toBeCloseTo(Math.min(0.05, wanted), 12)
  })
})
