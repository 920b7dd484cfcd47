import { describe, expect, it } from 'vitest'
import { digestBytes } from '../internal/digest.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import type { ArtifactRef } from '../ports/metadata-store.ts'
import { allPresent, checkOutputs, checkShape } from './result.ts'
import { refusalOf, type StepResult } from './step.ts'

const digest = digestBytes('x')
const ref: ArtifactRef = { type: 'json', digest, size: 3 }

describe('the shape of what a step gave', () => {
  it.each<[string, unknown]>([
    ['nothing stored', { outputs: {} }],
    [
      'every type of artifact',
      {
        outputs: Object.fromEntries(
          ['dataset', 'features', 'scaler', 'model', 'onnx', 'report', 'profile', 'metrics', 'file', 'json'].map(
            type => [type, { ...ref, type }],
          ),
        ),
      },
    ],
    ['an empty artifact', { outputs: { a: { ...ref, size: 0 } } }],
    ['lists of reports and decisions', { outputs: {}, reports: [], decisions: [] }],
  ])('%s is taken', (_, given) => {
    expect(checkShape(given)).toBe(given)
  })

  it.each<[string, unknown, RegExp]>([
    ['undefined', undefined, /must give \{ outputs/],
    ['null', null, /must give \{ outputs/],
    ['a text', 'outputs', /must give \{ outputs/],
    ['no outputs', { reports: [] }, /must give \{ outputs/],
    ['outputs that are none', { outputs: null }, /outputs are no object/],
    ['outputs that are a text', { outputs: 'a' }, /outputs are no object/],
    ['an output that is none', { outputs: { model: null } }, /output model is no artifact/],
    ['an output that is a text', { outputs: { model: digest } }, /output model is no artifact/],
    ['another type', { outputs: { model: { ...ref, type: 'pickle' } } }, /output model is no artifact/],
    ['no type', { outputs: { model: { digest, size: 3 } } }, /output model is no artifact/],
    ['a digest that is none', { outputs: { model: { ...ref, digest: 'sha256:12' } } }, /output model is no artifact/],
    ['no digest', { outputs: { model: { type: 'json', size: 3 } } }, /output model is no artifact/],
    ['half a byte', { outputs: { model: { ...ref, size: 3.5 } } }, /output model is no artifact/],
    ['no size', { outputs: { model: { type: 'json', digest } } }, /output model is no artifact/],
    ['one wrong after a right one', { outputs: { a: ref, b: {} } }, /output b is no artifact/],
    ['reports that are no list', { outputs: {}, reports: {} }, /reports are no list/],
    ['decisions that are no list', { outputs: {}, decisions: 'no' }, /decisions are no list/],
  ])('%s is refused as a broken contract', (_, given, words) => {
    expect(() => checkShape(given)).toThrow(expect.objectContaining({ failure: 'contract' }))
    expect(() => checkShape(given)).toThrow(words)
  })
})

describe('what the store holds of it', () => {
  const store = { size: async (of: string) => (of === digest ? 3 : undefined) } as unknown as ArtifactStore
  const gone = { ...ref, digest: digestBytes('gone') }

  it('every output must be there with its size, and what later steps rely on must be given', async () => {
    await checkOutputs({ outputs: { a: ref } }, new Set(['a']), store)
    await checkOutputs({ outputs: {} }, new Set(), store)
    for (const [outputs, promised, words] of [
      [{ a: ref }, ['b'], /did not give the output b/],
      [{ a: ref, b: gone }, [], /output b is not in the artifact store/],
      [{ a: { ...ref, size: 4 } }, [], /output a is not in the artifact store/],
    ] as const)
      await expect(checkOutputs({ outputs }, new Set(promised), store)).rejects.toThrow(words)
  })

  it('all of them are still there, or not', async () => {
    expect(await allPresent({}, store)).toBe(true)
    expect(await allPresent({ a: ref, b: ref }, store)).toBe(true)
    expect(await allPresent({ a: ref, b: gone }, store)).toBe(false)
    expect(await allPresent({ a: { ...ref, size: 2 } }, store)).toBe(false)
  })
})

describe('a gate’s no', () => {
  const check = (status: string, words: object = {}) => ({ status, ...words })
  const report = (status: string, ...checks: object[]) => ({ kind: 'model', subject: 'lateness', status, checks })
  const of = (result: object): string | undefined => refusalOf({ outputs: {}, ...result } as StepResult)

  it('is none where every decision and report lets it pass', () => {
    expect(of({})).toBeUndefined()
    expect(of({ decisions: [{ verdict: 'passed', reason: 'good' }], reports: [report('pass'), report('warn')] })).toBe(
      undefined,
    )
  })

  it('is the reason of a decision that refuses, before any report', () => {
    const decisions = [
      { verdict: 'passed', reason: 'good' },
      { verdict: 'refused', reason: 'auc is low' },
    ]
    expect(of({ decisions, reports: [report('fail')] })).toBe('auc is low')
  })

  it('is what failed in a report, with the first words of it', () => {
    const checks = [
      check('pass', { message: 'fine' }),
      check('error', { error: 'no such column' }),
      check('fail', { message: 'x' }),
    ]
    expect(of({ reports: [report('pass'), report('fail', ...checks)] })).toBe(
      'model of lateness: 2 of 3 checks failed: no such column',
    )
    expect(of({ reports: [report('fail', check('fail', { message: 'too low', error: 'e' }))] })).toBe(
      'model of lateness: 1 of 1 checks failed: too low',
    )
    expect(of({ reports: [report('error', check('warn', { message: 'w' }))] })).toBe(
      'model of lateness: 0 of 1 checks failed',
    )
  })
})
