import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, open } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import { fail } from '../../../errors/catalogue.ts'
import { identityOf, isAlive } from '../../../internal/process-identity.ts'
import type { Executor, StepHandle, StepJob, StepOutcome } from '../../../ports/executor.ts'
import { tailOf } from './tail.ts'

const graceMs = 5_000

/** The child leads its own process group, so that what it started goes with it. */
function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function started(child: ChildProcess, job: StepJob): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid ?? 0))
    child.once('error', error =>
      reject(fail('programMissing', { step: job.step, program: job.argv[0] ?? '', reason: error.message }, error)),
    )
  })
}

function ended(child: ChildProcess, job: StepJob): Promise<Omit<StepOutcome, 'stdoutTail' | 'stderrTail'>> {
  let timedOut = false
  let hard: NodeJS.Timeout | undefined
  const soft =
    job.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true
          killGroup(child.pid, 'SIGTERM')
          hard = setTimeout(() => killGroup(child.pid, 'SIGKILL'), graceMs)
        }, job.timeoutMs)
  return new Promise(resolve => {
    child.once('exit', (code, signal) => {
      clearTimeout(soft)
      clearTimeout(hard)
      // What the step left running in its group has nobody to wait for it any more.
      killGroup(child.pid, 'SIGKILL')
      const exitCode = code ?? 128 + (signal === null ? 0 : (constants.signals[signal] ?? 0))
      resolve({ exitCode, ...(signal === null ? {} : { signal }), ...(timedOut ? { timedOut } : {}) })
    })
  })
}

/**
 * Child processes of this machine. Their output goes to `stdout.log` and `stderr.log` in the run folder, not through
 * pipes: a step outlives the process that started it, and whoever takes the run over finds its output there.
 */
export function processExecutor(): Executor {
  return {
    name: 'process',

    async check() {},

    async start(job: StepJob): Promise<StepHandle> {
      const [program, ...rest] = job.argv
      if (program === undefined)
        throw fail('programMissing', { step: job.step, program: '', reason: 'no program given' })
      await mkdir(job.folder, { recursive: true, mode: 0o700 })
      const paths = [join(job.folder, 'stdout.log'), join(job.folder, 'stderr.log')] as const
      const [out, err] = [await open(paths[0], 'a', 0o600), await open(paths[1], 'a', 0o600)]
      try {
        const child = spawn(program, rest, {
          cwd: job.cwd,
          env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...job.env },
          detached: true,
          stdio: ['ignore', out.fd, err.fd],
        })
        const outcome = ended(child, job)
        const pid = await started(child, job)
        return {
          identity: identityOf(pid),
          outcome: outcome.then(async end => ({
            ...end,
            stdoutTail: await tailOf(paths[0]),
            stderrTail: await tailOf(paths[1]),
          })),
          kill: (signal = 'SIGTERM') => killGroup(child.pid, signal),
        }
      } finally {
        await out.close()
        await err.close()
      }
    },

    alive: isAlive,
    kill(identity) {
      if (isAlive(identity) === true) killGroup(identity.pid, 'SIGKILL')
    },
  }
}
