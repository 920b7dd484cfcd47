import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ownIdentity } from '../../internal/process-identity.ts'
import type { Executor, StepHandle, StepJob, StepOutcome } from '../../ports/executor.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { jobFiles, type JobResult } from './folder.ts'
import { openJobs, type Jobs } from './jobs.ts'

interface Started {
  readonly job: StepJob
  readonly killed: string[]
  /** Ends its process, after it has written down what came of it. */
  end(result?: JobResult, outcome?: Partial<StepOutcome>): Promise<void>
}

/** Jobs whose processes begin and end when the test says so. */
function opened(): { readonly jobs: Jobs; readonly folder: string; readonly started: Started[] } {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-jobs-'))
  const started: Started[] = []
  const processes: Executor = {
    name: 'by hand',
    check: () => Promise.resolve(),
    alive: () => true,
    kill: () => undefined,
    start(job): Promise<StepHandle> {
      let ended: (outcome: StepOutcome) => void = () => undefined
      const outcome = new Promise<StepOutcome>(resolve => (ended = resolve))
      const killed: string[] = []
      const end: Started['end'] = async (result, over = {}) => {
        if (result) await jobFiles.writeResult(job.folder, result)
        ended({ exitCode: 0, stdoutTail: '', stderrTail: '', ...over })
        await outcome
      }
      started.push({ job, killed, end })
      return Promise.resolve({
        identity: ownIdentity(),
        outcome,
        kill(signal = 'SIGTERM') {
          killed.push(signal)
          ended({ exitCode: 143, signal, stdoutTail: '', stderrTail: '' })
        },
      })
    },
  }
  return { jobs: openJobs({ root: folder, folder, processes, clock: manualClock() }), folder, started }
}

const done = (answer: unknown): JobResult => ({ status: 'done', at: 7, answer })
const actor = 'somebody'

describe('jobs', () => {
  it('of one line go one after the other, in their order; those of others go beside them', async () => {
    const { jobs, started } = opened()
    const begun = (count: number) => expect.poll(() => started.length).toBe(count)
    const first = await jobs.start('validate', { dataset: 'a' }, { actor })
    const second = await jobs.start('snapshot', { dataset: 'a' }, { actor })
    await jobs.start('validate', { dataset: 'b' }, { actor })
    await jobs.start('train', { model: 'm' }, { actor })
    await begun(3)
    expect(started.map(one => one.job.step)).toEqual(['validate', 'validate', 'train'])
    expect((await jobs.get(second.id)).status).toBe('queued')
    await started[0]?.end(done('one'))
    expect(await first.answer).toBe('one')
    await begun(4)
    expect(started[3]?.job.step).toBe('snapshot')
    // what cannot wait does not
    await jobs.start('train', { model: 'm' }, { actor, now: true })
    await begun(5)
  })

  it('one that fails says why in the words of what it did, and the next of its line begins', async () => {
    const { jobs, started } = opened()
    const first = await jobs.start('train', { model: 'm' }, { actor })
    const second = await jobs.start('train', { model: 'm' }, { actor })
    await expect.poll(() => started.length).toBe(1)
    const error = { code: 'MR5020', details: { kind: 'model', name: 'm', where: 'here' } }
    await started[0]?.end({ status: 'failed', at: 3, error })
    await expect(first.answer).rejects.toMatchObject({ code: 'MR5020', message: "There is no model 'm'." })
    await expect.poll(() => started.length).toBe(2)
    await started[1]?.end(undefined, { exitCode: 134, stderrTail: 'heap\nout of memory\n' })
    await expect(second.answer).rejects.toMatchObject({
      code: 'MR5044',
      details: { reason: 'exit code 134: out of memory' },
    })
    expect(await jobs.get(second.id)).toMatchObject({ status: 'failed', error: { code: 'MR5044' } })
  })

  it('one that waits is cancelled without having begun; one that is over stays as it is', async () => {
    const { jobs, started } = opened()
    const first = await jobs.start('train', {}, { actor })
    const second = await jobs.start('train', {}, { actor })
    expect((await jobs.cancel(second.id)).status).toBe('cancelled')
    await expect.poll(() => started.length).toBe(1)
    await started[0]?.end(done(null))
    await first.answer
    await expect(second.answer).rejects.toMatchObject({ code: 'MR5045' })
    expect(started).toHaveLength(1)
    expect((await jobs.cancel(first.id)).status).toBe('done')
    const third = await jobs.start('train', {}, { actor })
    await expect.poll(() => started.length).toBe(2)
    expect((await jobs.cancel(third.id)).status).toBe('cancelled')
    expect(started[1]?.killed).toEqual(['SIGTERM'])
  })

  it('one whose process cannot be started has failed, and says so', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-jobs-'))
    const processes = { start: () => Promise.reject(new Error('no room for another process')) } as unknown as Executor
    const jobs = openJobs({ root: folder, folder, processes, clock: manualClock() })
    const { id, answer } = await jobs.start('train', {}, { actor })
    await expect(answer).rejects.toMatchObject({ code: 'MR5044', details: { reason: 'no room for another process' } })
    expect(await jobs.get(id)).toMatchObject({ status: 'failed', error: { code: 'MR5044' } })
  })

  it('of a server that is gone are lost, or run on where their process lives', async () => {
    const { jobs, folder } = opened()
    const dead = { ...ownIdentity(), pid: 2 ** 22 - 1 }
    const lay = async (id: string, server: typeof dead): Promise<string> => {
      const own = join(folder, 'jobs', id)
      mkdirSync(own, { recursive: true })
      await jobFiles.writeRequest(own, { id, useCase: 'train', input: {}, actor, at: 1, server })
      return own
    }
    await lay('waiting', dead)
    await jobFiles.writeProcess(await lay('cut-off', dead), dead)
    await jobFiles.writeProcess(await lay('going-on', dead), ownIdentity())
    const over = await lay('over', dead)
    await jobFiles.writeProcess(over, dead)
    await jobFiles.writeResult(over, done(3))
    const status = async (id: string) => (await jobs.get(id)).status
    expect(await Promise.all(['waiting', 'cut-off', 'going-on', 'over'].map(status))).toEqual([
      'lost',
      'lost',
      'running',
      'done',
    ])
    // asked for again under the same name, it begins anew
    const again = await jobs.start('train', {}, { actor, id: 'cut-off' })
    expect(await status(again.id)).toMatch(/queued|running/)
    for (const id of ['..', 'a/b', 'nothing', 'x'.repeat(100)])
      await expect(jobs.get(id)).rejects.toMatchObject({ code: 'MR5020' })
    writeFileSync(join(folder, 'jobs', 'stray'), '')
    expect((await jobs.list(2)).map(one => one.id)).toEqual(['waiting', 'over'])
  })

  it('what a closing server ends is lost, for the next one to take up, and not failed', async () => {
    const { jobs, folder, started } = opened()
    const { id, answer } = await jobs.start('train', {}, { actor })
    await expect.poll(() => started.length).toBe(1)
    await jobs.close()
    await expect(answer).rejects.toMatchObject({ code: 'MR5044' })
    expect(existsSync(join(folder, 'jobs', id, 'result.json'))).toBe(false)
    expect(started[0]?.killed).toEqual(['SIGTERM'])
  })
})
