import { readFile, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { runEnvironment, stepEnvironment } from '../config/environment.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import type { Workspace } from '../config/workspace.ts'
import { checkFeeds } from '../define/script-trainer.ts'
import { fail } from '../errors/index.ts'
import type { Digest } from '../internal/digest.ts'
import { messageOf } from '../internal/message-of.ts'
import { verdictOf, verifyModel } from '../onnx/index.ts'
import type { OnnxTrainer } from '../ports/trainer.ts'
import { modelOf, startTraining } from '../stages/pipeline/run.ts'
import { answerOf, engineListener, type TrainAnswer } from './train.ts'
import type { Listener } from './use-case.ts'

export interface ImportInput {
  /** The ONNX file; an absolute path. */
  readonly file: string
  /** How it is called (default: by its path). */
  readonly name?: string | undefined
  /** Which declared model it is a version of (default: the only one). */
  readonly model?: string | undefined
  /** The model's inputs by the inputs of the graph, where their names do not say it. */
  readonly inputs?: Readonly<Record<string, string | readonly string[]>> | undefined
  /** Which output has the scores. */
  readonly output?: string | undefined
  /** Rows with the answers that the file is to give: a file, or what `keepExpected` gave for one. */
  readonly expected?: string | KeptRows | undefined
}

/** Rows in the artifact store. */
export interface KeptRows {
  readonly digest: Digest
  /** How the file is called: its end says what it is. */
  readonly name: string
}

/** Keeps a file of expected rows for an import that comes after it. */
export async function keepExpected(
  { artifacts }: { readonly artifacts: Pick<ArtifactStore, 'put'> },
  path: string,
  name: string,
): Promise<KeptRows> {
  return { digest: (await artifacts.put(await bytesOf(path))).digest, name: basename(name) }
}

/** Throws `sourceUnreadable` where nothing was kept under the digest. */
async function keptRows(workspace: Workspace, expected: string | KeptRows): Promise<KeptRows> {
  if (typeof expected === 'string') return keepExpected(workspace, resolve(expected), expected)
  if (await workspace.artifacts.has(expected.digest)) return expected
  throw fail('sourceUnreadable', { source: expected.name, reason: `no rows are kept as ${expected.digest}` })
}

/** Largest file that is taken, 2 GiB, as a runtime takes. */
const maxBytes = 2 ** 31

/** What is in a file. Throws `sourceUnreadable`. */
async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path)
    if (size > maxBytes) throw new Error(`it has ${size} bytes, more than 2 GiB`)
    return await readFile(path)
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw fail(
      'sourceUnreadable',
      { source: basename(path), reason: missing ? 'it does not exist' : messageOf(error) },
      error,
    )
  }
}

/** The bytes of an ONNX file that somebody else wrote. Throws `onnxMalformed` for what is none, before anything runs it. */
async function validModel(path: string): Promise<Uint8Array> {
  const bytes = await bytesOf(path)
  const checks = verifyModel(bytes)
  if (!verdictOf(checks).valid) {
    const reason = checks.find(check => check.severity === 'critical' && check.status === 'fail')?.message ?? ''
    throw fail('onnxMalformed', { file: basename(path), reason })
  }
  return bytes
}

/**
 * Takes an ONNX file that was made elsewhere as the next version of a declared model: verified, held to the answers that are
 * expected of it, tested on the held-out rows, compared with the champion and registered as one that was trained.
 */
export async function importModel(
  workspace: Workspace,
  { file, name = basename(file), inputs, output, expected, ...input }: ImportInput,
  listener: Listener,
): Promise<TrainAnswer> {
  const model = modelOf(workspace, input.model)
  const rows = expected === undefined ? undefined : await keptRows(workspace, expected)
  const imported: OnnxTrainer = {
    kind: 'onnx',
    // A name: what counts is kept
    file: name,
    ...(inputs ? { inputs } : {}),
    ...(output === undefined ? {} : { output }),
    ...(rows ? { expected: rows.name } : {}),
    kept: {
      // In the store: what is imported does not depend on where it lay
      file: (await workspace.artifacts.put(await validModel(resolve(file)))).digest,
      ...(rows ? { expected: rows.digest } : {}),
    },
  }
  checkFeeds(
    model.name,
    imported,
    model.inputs.map(one => one.name),
  )
  const engine = await workspace.engineOf(engineListener(listener))
  const made = await runEnvironment(workspace)
  const run = await startTraining(workspace, engine, {
    model,
    imported,
    trigger: 'import',
    stepEnvironment: await stepEnvironment(workspace.root),
    runEnvironment: made,
  })
  return answerOf(workspace, model.name, run, made, listener)
}
