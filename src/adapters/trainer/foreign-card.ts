import { defaultBinding, type ModelBinding, readModel, signatureOf } from '../../onnx/index.ts'
import type { ModelCard, TrainingRequest } from '../../ports/trainer.ts'

/** Largest ONNX file that is taken, 2 GiB: no longer one can be read by what reads ONNX. */
export const maxOnnxBytes = 2 ** 31

/** How a file that Millrace did not write is fed and read. Throws `onnxNotServable`. */
function bindingFor(
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

type Foreign = Pick<ModelCard, 'trainer' | 'reproducible' | 'importance'> & {
  readonly onnx: Uint8Array
  /** What errors call it. */
  readonly file: string
  readonly feeds?: Readonly<Record<string, string | readonly string[]>>
  readonly output?: string
}

/** What is known of a file that Millrace did not write. Throws `onnxNotServable`. */
export function foreignCard(request: TrainingRequest, foreign: Foreign): ModelCard {
  const { task, classes, inputs } = request
  const { onnx, file, feeds, output, trainer, reproducible, importance } = foreign
  return {
    kind: 'model card',
    schema: 1,
    task,
    classes,
    inputs: inputs.map(({ name, type }) => ({ name, kind: type === 'text' ? 'text' : 'number' })),
    binding: bindingFor(request, onnx, file, {
      ...(feeds ? { feeds } : {}),
      ...(output === undefined ? {} : { output }),
    }),
    trainer,
    reproducible,
    importance,
  }
}
