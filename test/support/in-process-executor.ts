import { executeStep } from '../../src/engine/execute-step.ts'
import { ownIdentity } from '../../src/internal/process-identity.ts'
import type { Executor, ProcessIdentity, StepJob, StepOutcome } from '../../src/ports/executor.ts'

export interface InProcessExecutor extends Executor {
  readonly jobs: readonly StepJob[]
  /** Signals that steps were sent, and the identities of those killed from outside. */
  readonly signals: readonly string[]
  readonly killed: readonly ProcessIdentity[]
}

/**
 * An executor whose steps run in this process: the whole contract of the folder, without the half second that a process
 * takes to start. `instead` plays a process that does something else; `alive` says who lives.
 */
export function inProcessExecutor(
  over: {
    readonly instead?: (job: StepJob, stopped: AbortSignal) => Promise<Partial<StepOutcome>>
    readonly alive?: (identity: ProcessIdentity) => boolean | undefined
    readonly check?: () => Promise<void>
  } = {},
): InProcessExecutor {
  const [jobs, signals, killed]: [StepJob[], string[], ProcessIdentity[]] = [[], [], []]
  return {
    name: 'in-process',
    jobs,
    signals,
    killed,
    check: over.check ?? (async () => undefined),
    async start(job) {
      jobs.push(job)
      const stopped = new AbortController()
      const made =
        over.instead?.(job, stopped.signal) ?? executeStep(job.argv.at(-1) ?? '').then(exitCode => ({ exitCode }))
      return {
        identity: ownIdentity(),
        outcome: made.then(outcome => ({ exitCode: 0, stdoutTail: '', stderrTail: '', ...outcome })),
        kill(signal = 'SIGTERM') {
          signals.push(signal)
          stopped.abort()
        },
      }
    },
    alive: over.alive ?? (() => true),
    kill: identity => void killed.push(identity),
  }
}
