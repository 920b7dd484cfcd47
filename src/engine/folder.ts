import { link, mkdir, readFile, symlink, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Json } from '../internal/canonical-json.ts'
import type { Digest } from '../internal/digest.ts'
import { temporaryName, writeNamed } from '../internal/publish.ts'
import type { ProcessIdentity } from '../ports/executor.ts'
import type { ArtifactRef, MetricPoint } from '../ports/metadata-store.ts'
import type { ArtifactAccess } from './options.ts'

/** What a step's process reads first: `input/config/step.json`. */
export interface StepFile {
  readonly runId: string
  readonly step: string
  readonly attempt: number
  readonly key: Digest
  readonly seed: number
  readonly parameters: Json
  readonly inputs: Readonly<Record<string, ArtifactRef>>
  readonly module: { readonly file: string; readonly export: string }
  readonly artifacts: ArtifactAccess
  /** Where compiled project modules are kept between runs. */
  readonly moduleCache: string
}

export const places = {
  config: (folder: string) => join(folder, 'input', 'config'),
  data: (folder: string) => join(folder, 'input', 'data'),
  output: (folder: string) => join(folder, 'output'),
  outputs: (folder: string) => join(folder, 'output', 'outputs.json'),
  failure: (folder: string) => join(folder, 'failure'),
  metrics: (folder: string) => join(folder, 'metrics.ndjson'),
  progress: (folder: string) => join(folder, 'progress.json'),
  claim: (folder: string) => join(folder, 'claim'),
}

/** Lays out the folder of one attempt. `paths` are the inputs' verified local files. */
export async function writeFolder(
  folder: string,
  file: StepFile,
  paths: Readonly<Record<string, string>>,
): Promise<void> {
  const config = places.config(folder)
  await Promise.all([
    mkdir(config, { recursive: true, mode: 0o700 }),
    mkdir(places.data(folder), { recursive: true, mode: 0o700 }),
    mkdir(places.output(folder), { recursive: true, mode: 0o700 }),
  ])
  await Promise.all([
    writeNamed(join(config, 'params.json'), JSON.stringify(file.parameters)),
    writeNamed(join(config, 'inputs.json'), JSON.stringify(file.inputs)),
    writeNamed(join(config, 'step.json'), JSON.stringify(file)),
    ...Object.entries(paths).map(([role, path]) => symlink(path, join(places.data(folder), role))),
  ])
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

export async function readStepFile(folder: string): Promise<StepFile | undefined> {
  const text = await readOptional(join(places.config(folder), 'step.json'))
  return text === undefined ? undefined : (JSON.parse(text) as StepFile)
}

/** What the process wrote last, whole or not at all. */
export async function readOutputs(folder: string): Promise<unknown> {
  const text = await readOptional(places.outputs(folder))
  return text === undefined ? undefined : (JSON.parse(text) as unknown)
}

export async function readFailure(folder: string): Promise<string | undefined> {
  const text = (await readOptional(places.failure(folder)))?.trim()
  return text === undefined || text === '' ? undefined : text.slice(0, 1024)
}

/** What the process says of its progress now; undefined while it says nothing, or is just writing it. */
export async function readProgress(folder: string): Promise<{ fraction: number; message?: string } | undefined> {
  try {
    return JSON.parse((await readOptional(places.progress(folder))) ?? '') as { fraction: number; message?: string }
  } catch {
    return undefined
  }
}

export async function readMetrics(folder: string): Promise<readonly MetricPoint[]> {
  const lines = ((await readOptional(places.metrics(folder))) ?? '').split('\n')
  // A torn last line is what a killed process leaves.
  return lines.flatMap(line => {
    try {
      return line === '' ? [] : [JSON.parse(line) as MetricPoint]
    } catch {
      return []
    }
  })
}

/**
 * An attempt is executed by whoever claims its folder first, a process that starts late included: after a crash the new
 * driver claims what nobody has claimed, and a step's process that finds its folder claimed ends without running.
 * Gives the identity of the holder, ours or another's.
 */
export async function claimFolder(folder: string, identity: ProcessIdentity): Promise<ProcessIdentity> {
  const claim = places.claim(folder)
  const temporary = temporaryName(claim)
  await writeNamed(temporary, JSON.stringify(identity))
  try {
    await link(temporary, claim)
    return identity
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return JSON.parse(await readFile(claim, 'utf8')) as ProcessIdentity
  } finally {
    await unlink(temporary)
  }
}
