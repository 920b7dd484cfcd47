/**
 * The training step in a process of its own, here or in a container: a module that the engine's host imports. It knows
 * no project; its parameters and its input are all there is.
 */
import { StepFailure, type StepContext, type StepResult } from '../engine/index.ts'
import { ownCode } from '../stages/pipeline/code.ts'
import { codeVariable, train as trainHere } from '../stages/pipeline/train-step.ts'
import { adapters } from './resolve.ts'
import { openOwnTrainer } from './trainers.ts'

export async function train(context: StepContext): Promise<StepResult> {
  const expected = process.env[codeVariable]
  if (expected !== undefined && expected !== ownCode())
    throw new StepFailure(
      'contract',
      'the image holds another version of Millrace than the one that started the run: build and load it anew',
    )
  const engine = await (await adapters.data.duckdb()).openDuckdb({ scratch: await context.folder() })
  try {
    return await trainHere(context, {
      engine: async () => engine,
      trainer: openOwnTrainer,
    })
  } finally {
    await engine.close()
  }
}
