import { fail } from '../errors/catalogue.ts'
import { dataTypes, type OnnxModel, type OnnxValue } from './proto.ts'

/** How to feed a model and which of its outputs to ask for. */
export interface ModelSignature {
  /** Name and width of the float32 input; undefined when there is none. */
  readonly features: string | undefined
  readonly width: number
  /** Name and width of the text input; undefined when there is none. */
  readonly categories: string | undefined
  readonly categoryWidth: number
  readonly scores: string
  /** The output holds both classes' probabilities, of which only the second is wanted. */
  readonly secondOfTwo: boolean
}

/**
 * Our own graphs: inputs `features` and `categories`, output `scores`. Others: one float32 matrix in, the last
 * float32 matrix out; two columns beside an integer or text output are the classes' probabilities.
 * Throws `onnxNotEvaluable` for anything else.
 */
export function signatureOf(model: OnnxModel, file = 'the model'): ModelSignature {
  const constants = new Set(model.graph?.initializers.map(tensor => tensor.name))
  const inputs = (model.graph?.inputs ?? []).filter(input => !constants.has(input.name))
  const outputs = (model.graph?.outputs ?? []).filter(output => output.kind === 'tensor')
  const numbers = inputs.filter(input => input.elementType === dataTypes.float)
  const texts = inputs.filter(input => input.elementType === dataTypes.string)
  const refuse = (reason: string): never => {
    throw fail('onnxNotEvaluable', { file, reason })
  }
  if (
    numbers.length > 1 ||
    texts.length > 1 ||
    numbers.length + texts.length !== inputs.length ||
    inputs.length === 0
  ) {
    return refuse('it must take one float32 matrix, one text matrix, or both')
  }
  const scores =
    outputs.find(output => output.name === 'scores') ??
    outputs.findLast(output => output.elementType === dataTypes.float) ??
    refuse('it has no float32 output')
  const classifies = outputs.some(output => output !== scores)
  return {
    features: numbers[0]?.name,
    width: numbers[0] ? (widthOf(numbers[0]) ?? refuse(`the width of "${numbers[0].name}" is not fixed`)) : 0,
    categories: texts[0]?.name,
    categoryWidth: texts[0] ? (widthOf(texts[0]) ?? refuse(`the width of "${texts[0].name}" is not fixed`)) : 0,
    scores: scores.name,
    secondOfTwo: scores.name !== 'scores' && classifies && widthOf(scores) === 2,
  }
}

function widthOf({ shape }: OnnxValue): number | undefined {
  const width = shape?.[1]
  return typeof width === 'number' && width >= 0 ? width : undefined
}
