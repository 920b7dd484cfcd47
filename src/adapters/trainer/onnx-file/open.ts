import { readFile, stat } from 'node:fs/promises'
import { fail } from '../../../errors/index.ts'
import type { Digest } from '../../../internal/digest.ts'
import { pathInside } from '../../../internal/inside.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type { ArtifactStore } from '../../../ports/artifact-store.ts'
import type { ModelTrainer, OnnxTrainer, TrainingResult, TrainingRequest } from '../../../ports/trainer.ts'
import { foreignCard, maxOnnxBytes } from '../foreign-card.ts'
import { expectedRows } from './expected-rows.ts'

/** Where a file lies: below the project, or in the artifact store where it was imported. Throws `trainerFileMissing`. */
async function placeOf({ project, artifacts }: OnnxFiles, file: string, kept: Digest | undefined): Promise<string> {
  try {
    const path = kept === undefined ? await pathInside(project, file) : await artifacts.localPath(kept)
    if (path === undefined) throw new Error('it leads out of the project')
    const { size } = await stat(path)
    if (size > maxOnnxBytes) throw new Error(`it has ${size} bytes, more than 2 GiB`)
    return path
  } catch (error) {
    throw fail('trainerFileMissing', { trainer: 'onnx', file, reason: messageOf(error) }, error)
  }
}

async function take(request: TrainingRequest, files: OnnxFiles): Promise<TrainingResult> {
  request.signal.throwIfAborted()
  const { file, inputs: feeds, output, expected, kept } = request.trainer as OnnxTrainer
  const onnx = await readFile(await placeOf(files, file, kept?.file))
  const card = foreignCard(request, {
    onnx,
    file,
    ...(feeds ? { feeds } : {}),
    ...(output === undefined ? {} : { output }),
    trainer: 'onnx',
    reproducible: 'bitwise',
    importance: [],
  })
  if (expected === undefined) return { onnx, card }
  const reference = await expectedRows(request, expected, await placeOf(files, expected, kept?.expected))
  return { onnx, card, reference }
}

export interface OnnxFiles {
  /** Folder of the project file. */
  readonly project: string
  readonly artifacts: Pick<ArtifactStore, 'localPath'>
}

/** Takes a model that was made elsewhere as it is: the frame is what it is tested on. */
export function openOnnxFile(files: OnnxFiles): ModelTrainer {
  return { train: request => take(request, files) }
}
