import { expect, it } from 'vitest'
import { seeded } from '../../math/random/seeded.ts'
import { buildProfile } from '../windows/build-profile.ts'
import { alarmRate, evaluateWindow, type EvaluateOptions } from './evaluate.ts'
import { createWindow, WindowAccumulator } from '../windows/window.ts'

const coded = (code: string): Error => expect.objectContaining({ code }) as Error
const random = seeded(1)
const values = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal())
const profileOf = (rows: number, scores = rows) =>
  buildProfile({ columns: [{ name: 'x', kind: 'number', values: values(rows) }], scores: values(scores) })

it('a baseline needs two rows, of everything as many', () => {
  expect(() => profileOf(1)).toThrow(coded('MR4500'))
  expect(() => profileOf(2)).not.toThrow()
  expect(() => profileOf(100, 99)).toThrow(coded('MR4500'))
})

it('windows of different baselines are neither joined nor read as each other’s', () => {
  const [one, other] = [profileOf(500), profileOf(500)]
  expect(() => createWindow(one).merge(createWindow(other))).toThrow(coded('MR4501'))
  expect(() => createWindow(one).merge(createWindow(one))).not.toThrow()
  const stored = JSON.parse(JSON.stringify(createWindow(one).toJSON())) as never
  expect(() => WindowAccumulator.fromJSON(other, stored)).toThrow(coded('MR4501'))
  expect(() => WindowAccumulator.fromJSON(one, stored)).not.toThrow()
})

it('a rate of alarms needs windows that end', () => {
  const profile = profileOf(500)
  const options = (testsPerDay: number): EvaluateOptions => ({
    sensitivity: 'normal',
    falseAlarms: '30d',
    testsPerDay,
    subject: 'api',
    at: 0,
  })
  expect(() => evaluateWindow(profile, createWindow(profile), options(0))).toThrow(coded('MR4502'))
  expect(() => evaluateWindow(profile, createWindow(profile), options(1e-6))).not.toThrow()
})

it('one window in the stated time may alarm, however many there are a day, and never more than one in twenty', () => {
  expect(alarmRate('30d', 1)).toBeCloseTo(1 / 30, 12)
  expect(alarmRate('30d', 24)).toBeCloseTo(1 / 720, 12)
  expect(alarmRate('60d', 24)).toBeCloseTo(1 / 1440, 12)
  expect(alarmRate('30d', 1 / 7)).toBe(0.05)
})
