import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { processorTime } from '../internal/processor-time.ts'
import { ownIdentity, sameProcess } from '../internal/process-identity.ts'
import { publishFile } from '../internal/publish.ts'
import { typescriptModules } from '../internal/typescript-modules.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import { makeContext } from './context.ts'
import { failureOfError, StepFailure } from './failure.ts'
import { claimFolder, places, readStepFile, type StepFile } from './folder.ts'
import { checkShape } from './result.ts'
import { refusalOf, type StepFunction } from './step.ts'

const exitCodes = { gate: 10, contract: 64, temporary: 75, infrastructure: 75 } as const

async function importModule(file: string, cache: string): Promise<Record<string, unknown>> {
  if (/\.m?js$/.test(file)) return (await import(pathToFileURL(file).href)) as Record<string, unknown>
  return typescriptModules(import.meta.url, cache).import<Record<string, unknown>>(file)
}

async function stepFunction({ module, moduleCache }: StepFile): Promise<StepFunction> {
  const exported = (await importModule(module.file, moduleCache))[module.export]
  if (typeof exported === 'function') return exported as StepFunction
  const run = typeof exported === 'object' && exported !== null ? (exported as { run?: unknown }).run : undefined
  if (typeof run === 'function') return run.bind(exported) as StepFunction
  throw new StepFailure('contract', `${module.file} has no function ${module.export}`)
}

async function openStore({ artifacts }: StepFile): Promise<ArtifactStore> {
  const module = (await import(artifacts.module)) as Record<string, unknown>
  const open = module[artifacts.export] as (argument: string) => Promise<ArtifactStore>
  return open(artifacts.argument)
}

async function run(folder: string): Promise<number> {
  const file = await readStepFile(folder)
  if (file === undefined) throw new StepFailure('contract', `${folder} holds no step`)
  const self = ownIdentity()
  if (!sameProcess(await claimFolder(folder, self), self)) return 75
  const artifacts = await openStore(file)
  const step = await stepFunction(file)
  const result = checkShape(
    await step(
      makeContext({
        ...file,
        artifacts,
        clock: {
          now: () => Date.now() * 1000,
          elapsed: () => performance.now(),
          processorTime,
          sleep: milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds)),
        },
        signal: new AbortController().signal,
        folder: join(folder, 'scratch'),
        onProgress: (fraction, message) =>
          writeFileSync(places.progress(folder), JSON.stringify({ fraction, message })),
        onMetric: (key, value, step) =>
          appendFileSync(places.metrics(folder), `${JSON.stringify({ key, value, step, timestamp: Date.now() })}\n`),
      }),
    ),
  )
  await publishFile(places.outputs(folder), JSON.stringify(result))
  return refusalOf(result) === undefined ? 0 : exitCodes.gate
}

/**
 * What a step's own process does: reads the folder's contract, imports the project's module, runs its step, and leaves
 * `output/outputs.json` or `failure`. Gives the exit code: see `src/ports/executor.ts`.
 */
export async function executeStep(folder: string): Promise<number> {
  try {
    return await run(folder)
  } catch (error) {
    const failure = failureOfError(error)
    console.error(error)
    writeFileSync(places.failure(folder), failure.message)
    const { failure: kind } = failure
    return kind in exitCodes ? exitCodes[kind as keyof typeof exitCodes] : 1
  }
}
