import { expect, test } from 'vitest'
import { kinds } from '../../src/define/expectation/index.ts'
import { verdicts } from '../../src/define/decision.ts'
import { catalogue } from '../../src/errors/catalogue.ts'
import { figureCases, groupCases, rowCases, elsewhere } from '../oracle/cases.ts'
import { wholeCases } from '../oracle/whole-cases.ts'
import {
  beyondTests,
  checksSeen,
  rulesSeen,
  unseenCodes,
  unseenRefusals,
  verdictsSeen,
  type Refusal,
} from './refusals.ts'
import { complaints, filesBelow, found, type Test } from './seen.ts'

// Everything by which a user can be refused has a test in which it refuses. What there is, is read from the code.

const code = filesBelow('src', '.ts').filter(file => !file.endsWith('.test.ts'))
const tests = [
  ...filesBelow('src', '.test.ts'),
  ...filesBelow('src/testing', '-contract.ts'),
  ...filesBelow('test', '.ts', ['test/seen']),
]

/** Lines that assert: a code that is only told in a comment was not met. */
const asserted = new Set(found(tests, /^(?!\s*(?:\/\/|\*)).*\b(MR\d{4})\b/gm))

test('every error code occurs in what a test asserts', () => {
  const codes = Object.values(catalogue).map(entry => entry.code)
  const reasons = Object.keys(beyondTests)
  expect(codes.filter(one => !asserted.has(one) && !unseenCodes.includes(one) && !reasons.includes(one))).toEqual([])
  expect(
    [...unseenCodes, ...reasons].filter(one => asserted.has(one)),
    'these are met: take them out',
  ).toEqual([])
  expect(
    [...unseenCodes, ...reasons].filter(one => !codes.includes(one as never)),
    'no such codes',
  ).toEqual([])
})

test('every error is made somewhere', () => {
  const named = new Set(
    found(
      code.filter(file => !file.includes('errors/catalogue')),
      /['.](\w+)\b/g,
    ),
  )
  expect(Object.keys(catalogue).filter(name => !named.has(name))).toEqual([])
})

/** What has both, or a reason why it cannot refuse. */
const pairs = (table: Readonly<Record<string, Refusal>>): Record<string, Test[]> =>
  Object.fromEntries(Object.entries(table).map(([what, { no, yes }]) => [what, [no, yes]]))
const unseenOf = (canBeMet: readonly string[]): string[] => unseenRefusals.filter(one => canBeMet.includes(one))

test('every verdict of every kind of decision is met', () => {
  const can = Object.entries(verdicts).flatMap(([kind, list]) => list.map(verdict => `${kind} ${verdict}`))
  const met = Object.fromEntries(Object.entries(verdictsSeen).map(([what, one]) => [what, [one]]))
  expect(complaints(can, met, unseenOf(can), what => new RegExp(`\\b${what.split(' ')[1]}\\b`))).toEqual([])
})

/** Rules as the code writes them, with what is filled in. */
const filled: Readonly<Record<string, readonly string[]>> = {
  'segment guardrail ${kind}': ['error', 'timeout', 'slow', 'latency'].map(kind => `segment guardrail ${kind}`),
  'guardrail ${kind}': ['error', 'timeout', 'slow', 'latency'].map(kind => `guardrail ${kind}`),
  'command ${command}': ['abort', 'promote', 'pause', 'resume', 'approve'].map(command => `command ${command}`),
}

test('every rule of a decision is met, by what it refuses and by what it just lets pass', () => {
  const written = [
    ...found(
      code.filter(file => !file.startsWith('src/testing')),
      /\brule(?::| =)[^{;]{0,60}\{\s*name: ['`]([^'`]+)['`]/g,
    ),
    ...found(['src/stages/watch/monitor/retrain.ts'], /(?<=\bname: [^,\n]*)'([^']+)'/g),
    ...found(['src/stages/deploy/rollout/shadow.ts'], /\{ name: '([^']+)', \.\.\.alarm \}/g),
  ]
  const can = [...new Set(written.flatMap(one => filled[one] ?? [one]))]
  expect(complaints(can, pairs(rulesSeen), unseenOf(can))).toEqual([])
})

test('every kind of check is met, by what it refuses and by what it just lets pass', () => {
  const ofModels = [
    ...found(filesBelow('src/define/model-test', '.ts'), /readonly kind: '(\w+)'/g),
    ...found(
      filesBelow('src/stages/evaluate', '.ts').filter(file => !file.endsWith('.test.ts')),
      /^ +kind: '(\w+)',$/gm,
    ).filter(kind => !['model', 'gate'].includes(kind)),
  ]
  const ofScalers = found(filesBelow('src/stages/scaler', '.ts'), /\bid: '(scaler-[a-z-]+)'/g)
  const can = [...new Set([...ofModels, ...ofScalers, 'drift'])]
  expect(complaints(can, pairs(checksSeen), unseenOf(can))).toEqual([])
  const cases = new Set([...rowCases, ...groupCases, ...figureCases, ...wholeCases].map(one => one.kind))
  expect([...kinds.keys()].filter(kind => !cases.has(kind) && !(kind in elsewhere))).toEqual([])
})

test('the list of the unseen names nothing else', () => {
  const known = [...Object.keys(verdictsSeen), ...Object.keys(rulesSeen), ...Object.keys(checksSeen)]
  expect(unseenRefusals.filter(one => known.includes(one))).toEqual([])
})
