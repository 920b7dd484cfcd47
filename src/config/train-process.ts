/**
 * The training step, trials of a search and learning curves, in a process of their own, here or in a container: a module that the engine's host imports. It knows
 * no project; parameters and input are all there is.
 */
import { StepFailure, type StepContext, type StepResult } from '../engine/index.ts'
import { ownCode } from '../stages/pipeline/code.ts'
import { codeVariable, train as trainHere } from '../stages/pipeline/train-step.ts'
import { adapters } from './resolve.ts'
import { curve as measureHere } from '../stages/pipeline/curve-step.ts'
import { trial as tryHere } from '../stages/pipeline/trial-step.ts'
import type { DataEngine } from '../ports/data-engine.ts'
import { openRuntime } from './runtime.ts'
import { openOwnTrainer } from './trainers.ts'

async function withEngine<T>(context: StepContext, work: (engine: DataEngine) => Promise<T>): Promise<T> {
  const expected = process.env[codeVariable]
  if (expected !== undefined && expected !== ownCode())
    throw new StepFailure(
      'contract',
      'the image holds another version of Millrace than the one that started the run: build and load it anew',
    )
  const engine = await (await adapters.data.duckdb()).openDuckdb({ scratch: await context.folder() })
  try {
    return await work(engine)
  } finally {
    await engine.close()
  }
}

export function train(context: StepContext): Promise<StepResult> {
  return withEngine(context, engine =>
    trainHere(context, { engine: () => Promise.resolve(engine), trainer: () => openOwnTrainer() }),
  )
}

/** One trial of a search. Others run beside it, so that it takes one thread. */
export function trial(context: StepContext): Promise<StepResult> {
  return withEngine(context, engine =>
    tryHere(context, { engine: () => Promise.resolve(engine), trainer: () => openOwnTrainer(1), runtime: openRuntime }),
  )
}

/** A learning curve. The training runs beside it, so that it takes one thread. */
export function curve(context: StepContext): Promise<StepResult> {
  return withEngine(context, engine =>
    measureHere(context, {
      engine: () => Promise.resolve(engine),
      trainer: () => openOwnTrainer(1),
      runtime: openRuntime,
    }),
  )
}
