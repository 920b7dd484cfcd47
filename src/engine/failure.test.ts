import { describe, expect, it } from 'vitest'
import { fail } from '../errors/index.ts'
import { digestBytes } from '../internal/digest.ts'
import {
  failureOfError,
  failureOfOutcome,
  isLasting,
  lostArtifact,
  retryAfter,
  StepFailure,
  type FailureClass,
} from './failure.ts'
import type { RetryPolicy } from './step.ts'

it('a file that can never be read is tried once; a server that is away is tried again', () => {
  const file = failureOfError(fail('sourceUnreadable', { source: 'a.csv', reason: 'it is no CSV' }))
  expect(file.failure).toBe('error')
  expect(retryAfter(undefined, file.failure, 1)).toBeUndefined()
  const away = { table: 't', place: 'PostgreSQL', wanted: '', reason: 'connection refused' }
  const server = failureOfError(fail('databaseUnreachable', away))
  expect(server.failure).toBe('infrastructure')
  expect(retryAfter(undefined, server.failure, 1)).toBe(1000)
})

describe('how a step’s process ended', () => {
  it.each<[exitCode: number, failure: FailureClass]>([
    [10, 'gate'],
    [64, 'contract'],
    [75, 'temporary'],
    [137, 'infrastructure'],
    [143, 'infrastructure'],
    [1, 'error'],
    [0, 'error'],
    [9, 'error'],
    [11, 'error'],
    [138, 'error'],
  ])('exit code %i is %s, in the words that it wrote', (exitCode, failure) => {
    const made = failureOfOutcome({ exitCode, stdoutTail: 'out', stderrTail: 'first\nlast\n' }, 'what it wrote')
    expect([made.failure, made.message]).toEqual([failure, 'what it wrote'])
    expect(made.toRecord()).toEqual({
      class: failure,
      reason: 'what it wrote',
      exitCode,
      stderrTail: 'first\nlast\n',
    })
  })

  it('without words of its own: the last line of its errors, else its code and signal', () => {
    const of = (exitCode: number, stderrTail: string, signal?: string) =>
      failureOfOutcome({ exitCode, stdoutTail: '', stderrTail, ...(signal ? { signal } : {}) }, undefined)
    expect(of(1, 'Traceback\n  ValueError: no\n\n').message).toBe('ValueError: no')
    expect(of(3, ' \n').message).toBe('exit code 3')
    expect(of(134, '', 'SIGABRT').message).toBe('exit code 134 (SIGABRT)')
    expect(of(134, '', 'SIGABRT').facts).toMatchObject({ exitCode: 134, signal: 'SIGABRT' })
    expect(of(3, '').facts).not.toHaveProperty('signal')
    expect(of(137, 'half a line').message).toBe('it was killed from outside (exit code 137)')
    expect(of(1, `${'x'.repeat(5000)}end`).facts['stderrTail']).toBe(`${'x'.repeat(2045)}end`)
  })

  it('a time that was up is a timeout, whatever the code', () => {
    const late = failureOfOutcome({ exitCode: 143, timedOut: true, stdoutTail: '', stderrTail: '' }, 'written')
    expect([late.failure, late.message]).toEqual(['timeout', 'its time was up'])
    const inTime = failureOfOutcome({ exitCode: 143, timedOut: false, stdoutTail: '', stderrTail: '' }, undefined)
    expect(inTime.failure).toBe('infrastructure')
  })
})

describe('what a step threw', () => {
  const digest = digestBytes('x')

  it('a failure stays what it is, and anything else is an error with its message', () => {
    const own = new StepFailure('timeout', 'late')
    expect(failureOfError(own)).toBe(own)
    expect(own.name).toBe('StepFailure')
    const cause = new Error('broken')
    expect(failureOfError(cause)).toMatchObject({ failure: 'error', message: 'broken', facts: {}, cause })
    expect(failureOfError('a text')).toMatchObject({ failure: 'error', message: 'a text' })
    expect(failureOfError(null).failure).toBe('error')
    expect(failureOfError(undefined).failure).toBe('error')
  })

  it('`retryable` must be true to be tried again', () => {
    const of = (retryable: unknown) => failureOfError(Object.assign(new Error('later'), { retryable })).failure
    expect([of(true), of(false), of('yes'), of(undefined)]).toEqual(['temporary', 'error', 'error', 'error'])
    expect(failureOfError({ retryable: true }).failure).toBe('temporary')
  })

  it('an error of the catalogue keeps code, hint and exit; an artifact that is lost is named', () => {
    const missing = failureOfError(fail('artifactMissing', { digest }))
    expect(missing.facts).toMatchObject({ code: 'MR3003', lost: digest, exit: fail('artifactMissing').exit })
    expect(missing.facts['hint']).toBe(fail('artifactMissing', { digest }).hint)
    expect(failureOfError(fail('artifactCorrupt', { digest })).facts).toMatchObject({ lost: digest })
    expect(failureOfError(fail('artifactCorrupt')).facts).not.toHaveProperty('lost')
    // another error that names a digest has not lost it
    expect(failureOfError(fail('stepUnknown', { step: 'x', digest })).facts).not.toHaveProperty('lost')
  })

  it('only what the surroundings did, and may pass, is tried again', () => {
    const classOf = (code: Parameters<typeof fail>[0]) => {
      const error = fail(code)
      return [error.blame === 'environment' && error.exit === 3 && !error.lasting, failureOfError(error).failure]
    }
    for (const code of ['leaseLost', 'databaseUnreachable', 'storeReadOnly'] as const)
      expect([code, ...classOf(code)]).toEqual([code, true, 'infrastructure'])
    for (const code of ['graphInvalid', 'sourceUnreadable', 'stepUnknown'] as const)
      expect([code, ...classOf(code)]).toEqual([code, false, 'error'])
  })

  it('an error of the operating system is one of the catalogue', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    })
    expect(failureOfError(full).facts['code']).toBe(fail('noSpaceLeft').code)
  })

  it('words are cut at 1,024 characters', () => {
    expect(new StepFailure('error', 'x'.repeat(5000)).message).toBe('x'.repeat(1024))
    expect(new StepFailure('error', 'x')).not.toHaveProperty('cause')
  })
})

describe('trying again', () => {
  it('a lost artifact, a store that is read only and a place that cannot be used stay so', () => {
    expect(isLasting({ lost: 'sha256:00' })).toBe(true)
    expect(isLasting({ code: fail('storeReadOnly').code })).toBe(true)
    expect(isLasting({ code: fail('placeUnusable').code })).toBe(true)
    expect(isLasting({ code: fail('engineMemory').code })).toBe(true)
    expect(isLasting({ code: fail('leaseLost').code })).toBe(false)
    expect(isLasting({})).toBe(false)
    expect([lostArtifact(undefined), lostArtifact({}), lostArtifact({ lost: 3 }), lostArtifact({ lost: 'd' })]).toEqual(
      [undefined, undefined, undefined, 'd'],
    )
  })

  const waits = (policy: RetryPolicy | undefined, failure: FailureClass) => {
    const list: number[] = []
    for (let n = 1; n < 40; n++) {
      const wait = retryAfter(policy, failure, n)
      if (wait === undefined) break
      list.push(wait)
    }
    return list
  }

  it('by default: three times, after 1, 2 and 4 seconds, of what may pass; never of the rest', () => {
    expect(waits(undefined, 'infrastructure')).toEqual([1000, 2000, 4000])
    expect(waits({}, 'temporary')).toEqual([1000, 2000, 4000])
    for (const failure of ['error', 'gate', 'contract', 'timeout', 'cancelled'] as const)
      expect([failure, waits(undefined, failure)]).toEqual([failure, []])
  })

  it('as often as its own class is allowed, with waits that double up to a minute', () => {
    const policy = { infrastructure: 0, temporary: 8, error: 2, backoffMs: 1500 }
    expect(waits(policy, 'infrastructure')).toEqual([])
    expect(waits(policy, 'error')).toEqual([1500, 3000])
    expect(waits(policy, 'temporary')).toEqual([1500, 3000, 6000, 12_000, 24_000, 48_000, 60_000, 60_000])
    // a gate is never asked again, whatever the policy says
    expect(waits({ ...policy, gate: 5 } as RetryPolicy, 'gate')).toEqual([])
  })
})
