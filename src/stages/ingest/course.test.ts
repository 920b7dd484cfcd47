import { expect, it } from 'vitest'
import { digestBytes } from '../../internal/digest.ts'
import { courseOf } from './course.ts'
import type { Entry, IngestRecord } from './journal.ts'

const [same, other] = [digestBytes('same'), digestBytes('other')]

const done = (verdict: IngestRecord['verdict'], definition = same): Entry => ({
  state: 'done',
  result: { verdict, definition } as IngestRecord,
})
const decided = (verdict: IngestRecord['verdict']): Entry => ({ ...done(verdict), state: 'decided' }) as Entry

it.each([
  ['content that never came', undefined, { there: false }, 'judge'],
  ['content that lies in the dataset, but never came this way', undefined, { there: true }, 'judge'],
  ['what was taken in and is there', done('passed'), { there: true }, 'again'],
  ['so with rows set aside', done('quarantined'), { there: true }, 'again'],
  ['whatever the definition is now', done('passed', other), { there: true }, 'again'],
  ['and although it shall be judged anew', done('passed'), { there: true, anew: true }, 'again'],
  ['what was taken in and is gone', done('passed'), { there: false }, 'judge'],
  ['so with rows set aside', done('quarantined'), { there: false }, 'judge'],
  ['what this definition refused', done('refused'), { there: false }, 'again'],
  ['unless it shall be judged anew', done('refused'), { there: false, anew: true }, 'judge'],
  ['what another definition refused', done('refused', other), { there: false }, 'judge'],
  ['refused content that somebody put there', done('refused'), { there: true }, 'again'],
  ['a verdict that a killed process did not carry out', decided('passed'), { there: false }, 'finish'],
  ['be it there already', decided('passed'), { there: true }, 'finish'],
  ['or a refusal', decided('refused'), { there: false, anew: true }, 'finish'],
] as const)('%s', (_, known, { there, ...rest }, course) => {
  expect(courseOf(known, { there, now: same, anew: 'anew' in rest })).toBe(course)
})
