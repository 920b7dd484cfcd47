import { expect, it } from 'vitest'
import { digestBytes } from '../../internal/digest.ts'
import { conclusionOf } from './conclusion.ts'
import { failureOf } from './controller.ts'

const version = (number: number, content: string) => ({ version: number, digest: digestBytes(content) })
const succeeded = { status: 'succeeded', error: null } as const
const failed = (error: Record<string, string>) => ({ status: 'failed', error }) as const

it.each([
  ['a new file challenges', succeeded, version(2, 'b'), version(1, 'a'), 'challenging', /^lateness@2 challenges/],
  ['so does the first one', succeeded, version(1, 'a'), undefined, 'challenging', /^lateness@1 challenges/],
  [
    'one that is stable already is not the same as another',
    succeeded,
    version(2, 'b'),
    version(2, 'b'),
    'challenging',
    /@2/,
  ],
  [
    'the stable file again is nothing to try',
    succeeded,
    version(2, 'a'),
    version(1, 'a'),
    'unchanged',
    /same file as lateness@1/,
  ],
  [
    'a gate said no',
    failed({ class: 'gate', reason: 'auc is 0.5' }),
    undefined,
    version(1, 'a'),
    'refused',
    /ended as failed: auc is 0\.5/,
  ],
  [
    'a step broke',
    failed({ class: 'error', reason: 'out of memory' }),
    undefined,
    version(1, 'a'),
    'failed',
    /out of memory/,
  ],
  [
    'a run that was cancelled',
    { status: 'cancelled', error: null },
    undefined,
    undefined,
    'failed',
    /ended as cancelled: cancelled/,
  ],
  ['a run whose record is gone', undefined, undefined, undefined, 'failed', /ended as nothing: its record is gone/],
  ['a run that registered nothing', succeeded, undefined, version(1, 'a'), 'failed', /registered no version/],
] as const)('%s', (_, run, made, stable, verdict, said) => {
  const found = conclusionOf('lateness', run as never, made, stable)
  expect(found.verdict).toBe(verdict)
  expect(found.reason).toMatch(said)
  // a version is named exactly where there is one to look at
  expect(found.version).toBe(verdict === 'challenging' || verdict === 'unchanged' ? made?.version : undefined)
  const told = failureOf({ ...found, runId: 'run-1', decision: 'decision-1' })
  expect(told).toEqual(
    verdict === 'failed' || verdict === 'refused' ? { reason: found.reason, evidence: 'decision-1' } : undefined,
  )
})
