import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compiledModule } from '../internal/compiled.ts'
import type { Digest } from '../internal/digest.ts'
import { sameProcess } from '../internal/process-identity.ts'
import type { ProcessIdentity, StepOutcome } from '../ports/executor.ts'
import type { ArtifactRef } from '../ports/metadata-store.ts'
import { failureOfOutcome, StepFailure } from './failure.ts'
import {
  claimFolder,
  readFailure,
  readMetrics,
  readOutputs,
  readProgress,
  readStepFile,
  writeFolder,
} from './folder.ts'
import type { PlannedStep } from './graph.ts'
import type { Drive } from './options.ts'
import { checkShape } from './result.ts'
import { attemptFolder, type Attempt } from './run-inline.ts'

const killAfterMs = 5_000
const pollMs = 100
const progressMs = 500

function environmentOf(
  drive: Drive,
  { definition }: PlannedStep,
  folder: string,
  attempt: number,
): Record<string, string> {
  return {
    ...definition.env,
    MILLRACE_RUN_ID: drive.runId,
    MILLRACE_STEP: definition.name,
    MILLRACE_ATTEMPT: String(attempt),
    MILLRACE_PARAMS: join(folder, 'input', 'config', 'params.json'),
    MILLRACE_SEED: String(definition.seed ?? 0),
  }
}

async function attemptIn(folder: string): Promise<Attempt> {
  return { result: checkShape(await readOutputs(folder)), metrics: await readMetrics(folder) }
}

/** Passes on what the process says of its progress until it is stopped. */
function watchProgress(drive: Drive, step: string, folder: string): () => void {
  let last = ''
  const look = async (): Promise<void> => {
    const progress = await readProgress(folder)
    const text = JSON.stringify(progress)
    if (progress === undefined || text === last) return
    last = text
    drive.emit({ type: 'progress', runId: drive.runId, step, ...progress, at: drive.options.clock.now() })
  }
  const timer = setInterval(() => void look(), progressMs)
  return () => clearInterval(timer)
}

/** One attempt in a process of its own. `onStart` hears who it is. */
export async function runProcess(
  drive: Drive,
  planned: PlannedStep,
  inputs: Readonly<Record<string, ArtifactRef>>,
  attempt: number,
  key: Digest,
  onStart: (identity: ProcessIdentity) => void,
): Promise<Attempt> {
  const { artifacts, executor, artifactAccess, work } = drive.options
  const { definition } = planned
  if (definition.module === undefined || artifactAccess === undefined)
    throw new StepFailure('contract', 'the engine was not told how a process opens the artifact store')
  drive.signal.throwIfAborted()
  const folder = attemptFolder(drive, definition.name, attempt)
  const paths = await Promise.all(
    Object.entries(inputs).map(async ([role, ref]) => [role, await artifacts.localPath(ref.digest)] as const),
  )
  const file = {
    runId: drive.runId,
    step: definition.name,
    attempt,
    key,
    seed: definition.seed ?? 0,
    parameters: definition.parameters,
    inputs,
    module: definition.module,
    artifacts: artifactAccess,
    moduleCache: join(work, 'modules'),
  }
  await writeFolder(folder, file, Object.fromEntries(paths))
  const handle = await executor.start({
    runId: drive.runId,
    step: definition.name,
    attempt,
    argv: [process.execPath, fileURLToPath(compiledModule('./host.ts', import.meta.url)), folder],
    cwd: folder,
    env: environmentOf(drive, planned, folder, attempt),
    folder,
    ...(definition.timeoutMs === undefined ? {} : { timeoutMs: definition.timeoutMs }),
  })
  onStart(handle.identity)
  let hard: NodeJS.Timeout | undefined
  const stop = (): void => {
    handle.kill('SIGTERM')
    hard = setTimeout(() => handle.kill('SIGKILL'), killAfterMs)
  }
  drive.signal.addEventListener('abort', stop, { once: true })
  const unwatch = watchProgress(drive, definition.name, folder)
  let outcome: StepOutcome
  try {
    outcome = await handle.outcome
  } finally {
    unwatch()
    clearTimeout(hard)
    drive.signal.removeEventListener('abort', stop)
  }
  drive.signal.throwIfAborted()
  if ((outcome.exitCode === 0 || outcome.exitCode === 10) && (await readOutputs(folder)) !== undefined)
    return attemptIn(folder)
  if (outcome.exitCode === 0) throw new StepFailure('contract', 'it ended without writing its outputs')
  throw failureOfOutcome(outcome, await readFailure(folder))
}

/**
 * What became of the attempt that a dead driver had begun: its result, once its process has ended, or undefined when it
 * never started or left none. So a step that was finished, or is still at work, is not begun a second time.
 */
export async function takeUp(
  drive: Drive,
  step: string,
  attempt: number,
  key: Digest,
  onAlive: (identity: ProcessIdentity) => void,
): Promise<Attempt | undefined> {
  const { executor, clock } = drive.options
  const folder = attemptFolder(drive, step, attempt)
  if ((await readStepFile(folder))?.key !== key) return undefined
  const holder = await claimFolder(folder, drive.owner)
  if (sameProcess(holder, drive.owner)) return undefined
  if (executor.alive(holder) === true) onAlive(holder)
  while (executor.alive(holder) === true) {
    if (drive.signal.aborted) {
      executor.kill(holder)
      drive.signal.throwIfAborted()
    }
    await clock.sleep(pollMs)
  }
  if ((await readOutputs(folder)) !== undefined) return attemptIn(folder)
  const reason = await readFailure(folder)
  if (reason !== undefined) throw new StepFailure('error', reason)
  return undefined
}
