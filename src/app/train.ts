import { runEnvironment, stepEnvironment } from '../config/environment.ts'
import type { Workspace } from '../config/workspace.ts'
import type { EngineListener, RunHandle } from '../engine/index.ts'
import type { Parameters } from '../math/search/index.ts'
import { modelOf, startTraining } from '../stages/pipeline/run.ts'
import { winnerOf } from '../stages/pipeline/winner.ts'
import { updateLock } from './project-lock.ts'
import type { Listener } from './use-case.ts'

export const triggers = ['manual', 'schedule', 'data', 'drift', 'performance'] as const

export interface TrainInput {
  /** Default: the only one. */
  readonly model?: string | undefined
  /** Why (default `manual`). */
  readonly trigger?: (typeof triggers)[number] | undefined
  /** Id of the decision that started it. */
  readonly because?: string | undefined
}

export interface TrainAnswer {
  readonly model: string
  readonly run: string
  readonly status: string
  readonly steps: readonly { readonly step: string; readonly status: string; readonly reason: string | null }[]
  /** Null where a gate said no, or a step failed: `error` has the reason. */
  readonly version: number | null
  readonly metrics: Readonly<Record<string, number>> | null
  /** What a search chose of the trainer's options, after how many trials; null where nothing was searched. */
  readonly chosen: { readonly parameters: Parameters; readonly trials: number } | null
  readonly error: { readonly reason?: string; readonly exit?: number } | null
  /** Files without a commit that it was made of, and whether they are kept with the version. */
  readonly uncommitted: { readonly files: readonly string[]; readonly kept: boolean } | null
}

/** What a run says while it goes, as chapters and progress. */
export function engineListener(listener: Listener): EngineListener {
  return event => {
    if (event.type === 'progress')
      listener.say(`${event.step}: ${event.message ?? `${Math.round((event.fraction ?? 0) * 100)} %`}`)
    else if (event.type === 'step' && event.status === 'running') listener.chapter(event.step)
  }
}

function uncommittedOf(made: unknown): TrainAnswer['uncommitted'] {
  const {
    dirty,
    changes,
    changedFiles = [],
  } = made as {
    readonly dirty?: unknown
    readonly changes?: unknown
    readonly changedFiles?: readonly string[]
  }
  return dirty === true && changedFiles.length > 0 ? { files: changedFiles, kept: changes !== null } : null
}

/** Runs the pipeline of a model up to its registration, and brings the lock file up to date. */
export async function train(workspace: Workspace, input: TrainInput, listener: Listener): Promise<TrainAnswer> {
  const model = modelOf(workspace, input.model)
  const engine = await workspace.engineOf(engineListener(listener))
  const made = await runEnvironment(workspace)
  const run = await startTraining(workspace, engine, {
    model,
    trigger: input.trigger ?? 'manual',
    stepEnvironment: await stepEnvironment(workspace.root),
    runEnvironment: made,
    ...(input.because === undefined ? {} : { because: input.because }),
  })
  return answerOf(workspace, model.name, run, made, listener)
}

/** What a run that makes a version came to. */
export async function answerOf(
  workspace: Workspace,
  model: string,
  run: RunHandle,
  made: unknown,
  listener: Listener,
): Promise<TrainAnswer> {
  const result = await run.done
  const version = (await workspace.store.listModelVersions(model)).find(one => one.runId === run.runId)
  if (version) await updateLock(workspace, listener)
  const winner = version && (await winnerOf(workspace, version))
  return {
    model,
    run: run.runId,
    status: result.status,
    steps: result.steps.map(step => ({ step: step.step, status: step.status, reason: step.reason ?? null })),
    version: version?.version ?? null,
    metrics: version?.metrics ?? null,
    chosen: winner ? { parameters: winner.parameters, trials: winner.trials } : null,
    error: (result.error as TrainAnswer['error'] | undefined) ?? null,
    uncommitted: version ? uncommittedOf(made) : null,
  }
}
