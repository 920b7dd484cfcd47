import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { identityOf, ownIdentity } from '../../../internal/process-identity.ts'
import type { StepJob } from '../../../ports/executor.ts'
import { processExecutor } from './executor.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-executor-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const executor = processExecutor()

function job(script: string, over: Partial<StepJob> = {}): StepJob {
  const folder = mkdtempSync(join(root, 'job-'))
  const argv = [process.execPath, '-e', script]
  return { runId: 'r', step: 's', attempt: 1, argv, cwd: folder, env: {}, folder, ...over }
}

async function run(given: StepJob) {
  return (await executor.start(given)).outcome
}

test('gives exit code and the tails of what was written, and keeps the whole in files', async () => {
  const given = job(`console.log('ü'.repeat(10000)); console.error('last words'); process.exit(10)`)
  const outcome = await run(given)
  expect(outcome).toMatchObject({ exitCode: 10, stderrTail: 'last words\n' })
  expect(outcome.stdoutTail).toMatch(/^ü+\n$/)
  expect(outcome.stdoutTail.length).toBeLessThan(8192)
  expect(readFileSync(join(given.folder, 'stdout.log'), 'utf8')).toHaveLength(10001)
})

test('gives nothing of our environment beyond PATH and HOME', async () => {
  process.env['MILLRACE_TEST_SECRET'] = 'hush'
  const outcome = await run(job('console.log(Object.keys(process.env).sort().join())', { env: { OWN: '1' } }))
  expect(outcome.stdoutTail.trim()).toBe('HOME,OWN,PATH')
})

test('ends the whole group when time is up', async () => {
  const given = job(
    `require('child_process').spawn('sleep', ['600'], {stdio: 'ignore'}); console.log('up'); setInterval(() => {}, 1000)`,
    { timeoutMs: 400 },
  )
  const handle = await executor.start(given)
  expect(executor.alive(handle.identity)).toBe(true)
  const outcome = await handle.outcome
  expect(outcome).toMatchObject({ exitCode: 143, signal: 'SIGTERM', timedOut: true })
  expect(executor.alive(handle.identity)).toBe(false)
})

test('ends for certain what does not end when its time is up', async () => {
  const real = globalThis.setTimeout
  const waits: number[] = []
  // the five seconds of grace pass as one tenth
  const timer = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((work: () => void, ms: number) => {
    waits.push(ms)
    return real(work, ms === 5_000 ? 100 : ms)
  }) as never)
  try {
    const given = job(`process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)`, {
      timeoutMs: 1_500,
    })
    const outcome = await (await executor.start(given)).outcome
    expect(outcome).toMatchObject({ exitCode: 137, signal: 'SIGKILL', timedOut: true, stdoutTail: 'up\n' })
    expect(waits).toContain(5_000)
    // one that ends in time has not timed out, and leaves no timer behind that would end another
    expect(await run(job('process.exit(3)', { timeoutMs: 60_000 }))).toEqual({
      exitCode: 3,
      stdoutTail: '',
      stderrTail: '',
    })
  } finally {
    timer.mockRestore()
  }
})

test('ends nobody who only has the pid of a process that is gone', async () => {
  const handle = await executor.start(job(`console.log('up'); setInterval(() => {}, 1000)`))
  executor.kill({ ...handle.identity, startTime: '1' })
  executor.kill({ ...handle.identity, host: 'elsewhere' })
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(executor.alive(handle.identity)).toBe(true)
  executor.kill(handle.identity)
  expect(await handle.outcome).toMatchObject({ exitCode: 137, signal: 'SIGKILL' })
  // nor fails on one that is gone
  handle.kill()
})

test('names a program that cannot be started', async () => {
  await expect(executor.start(job('', { argv: ['/no/such/program'] }))).rejects.toMatchObject({ code: 'MR3030' })
})

test('tells the living from the dead, from a later process with the same pid, and from other machines', () => {
  const own = ownIdentity()
  expect(executor.alive(own)).toBe(true)
  expect(executor.alive({ ...own, startTime: '1' })).toBe(false)
  expect(executor.alive({ ...own, bootId: 'another-boot/pid:[1]' })).toBe(false)
  expect(executor.alive({ ...own, bootId: `${own.bootId.split('/')[0]}/pid:[1]` })).toBeUndefined()
  expect(executor.alive({ ...own, host: 'elsewhere' })).toBeUndefined()
  expect(executor.alive(identityOf(2 ** 22 - 1))).toBe(false)
})
