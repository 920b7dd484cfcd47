import { defaultBinding, type ModelBinding, readModel, signatureOf } from '../../onnx/index.ts'
import type { TrainingRequest } from '../../ports/trainer.ts'

/** How a file that Millrace did not write is fed and read. Throws `onnxNotServable`. */
export function bindingFor(
  { task, classes, inputs }: Pick<TrainingRequest, 'task' | 'classes' | 'inputs'>,
  onnx: Uint8Array,
  file: string,
  more: { readonly feeds?: Readonly<Record<string, string | readonly string[]>>; readonly output?: string } = {},
): ModelBinding {
  return defaultBinding(signatureOf(readModel(onnx)), {
    // a model takes no timestamps
    inputs: inputs as Parameters<typeof defaultBinding>[1]['inputs'],
    task,
    ...(classes.length > 0 ? { classes } : {}),
    ...more,
    file,
  })
}
