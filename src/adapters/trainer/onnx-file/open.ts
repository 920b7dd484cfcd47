import { readFile, stat } from 'node:fs/promises'
import { fail } from '../../../errors/index.ts'
import { pathInside } from '../../../internal/inside.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type { ModelTrainer, OnnxTrainer, Trained, TrainingRequest } from '../../../ports/trainer.ts'
import { bindingFor } from '../binding-for.ts'

const maxBytes = 2 ** 31

async function bytesOf(project: string, file: string): Promise<Uint8Array> {
  try {
    const path = await pathInside(project, file)
    if (path === undefined) throw new Error('it leads out of the project')
    const { size } = await stat(path)
    if (size > maxBytes) throw new Error(`it has ${size} bytes, more than 2 GiB`)
    return await readFile(path)
  } catch (error) {
    throw fail('trainerFileMissing', { trainer: 'onnx', file, reason: messageOf(error) }, error)
  }
}

async function take(request: TrainingRequest, project: string): Promise<Trained> {
  const { file, inputs: feeds, output } = request.trainer as OnnxTrainer
  const onnx = await bytesOf(project, file)
  const { task, classes, inputs } = request
  const more = { ...(feeds ? { feeds } : {}), ...(output === undefined ? {} : { output }) }
  return {
    onnx,
    card: {
      kind: 'model card',
      schema: 1,
      task,
      classes,
      inputs: inputs.map(({ name, type }) => ({ name, kind: type === 'text' ? 'text' : 'number' })),
      binding: bindingFor(request, onnx, file, more),
      trainer: 'onnx',
      reproducible: 'bitwise',
      importance: [],
    },
  }
}

/** Takes a model that was made elsewhere as it is: the frame is what it is tested on. */
export function openOnnxFile(project: string): ModelTrainer {
  return { train: request => take(request, project) }
}
