import { readFile, stat } from 'node:fs/promises'
import { fail } from '../../../errors/index.ts'
import { pathInside } from '../../../internal/inside.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type { ModelTrainer, OnnxTrainer, Trained, TrainingRequest } from '../../../ports/trainer.ts'
import { foreignCard, maxOnnxBytes } from '../foreign-card.ts'

async function bytesOf(project: string, file: string): Promise<Uint8Array> {
  try {
    const path = await pathInside(project, file)
    if (path === undefined) throw new Error('it leads out of the project')
    const { size } = await stat(path)
    if (size > maxOnnxBytes) throw new Error(`it has ${size} bytes, more than 2 GiB`)
    return await readFile(path)
  } catch (error) {
    throw fail('trainerFileMissing', { trainer: 'onnx', file, reason: messageOf(error) }, error)
  }
}

async function take(request: TrainingRequest, project: string): Promise<Trained> {
  const { file, inputs: feeds, output } = request.trainer as OnnxTrainer
  const onnx = await bytesOf(project, file)
  const card = foreignCard(request, {
    onnx,
    file,
    ...(feeds ? { feeds } : {}),
    ...(output === undefined ? {} : { output }),
    trainer: 'onnx',
    reproducible: 'bitwise',
    importance: [],
  })
  return { onnx, card }
}

/** Takes a model that was made elsewhere as it is: the frame is what it is tested on. */
export function openOnnxFile(project: string): ModelTrainer {
  return { train: request => take(request, project) }
}
