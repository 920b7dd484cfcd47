import { isClassification } from '../../../math/task.ts'
import type { Prediction, ServedDeployment } from '../../../stages/serve/types.ts'
import { writeBinary } from './datatypes.ts'
import { known, parametersOf, refuse } from './inputs.ts'

export interface Output {
  readonly name: string
  readonly datatype: string
  /** Values of a row, where it is more than one. */
  readonly width?: number
  readonly values: (predictions: readonly Prediction[]) => readonly unknown[]
}

/** An output that was asked for, and whether as a binary tensor. */
export interface WantedOutput extends Output {
  readonly binary: boolean
}

/** Every prediction has an id, under which its label comes back. */
export function outputsOf({ task, classes }: ServedDeployment): readonly Output[] {
  const label: Output =
    task === 'multiclass'
      ? { name: 'label', datatype: 'BYTES', values: all => all.map(one => one.label ?? '') }
      : { name: 'label', datatype: 'BOOL', values: all => all.map(one => one.label ?? false) }
  const probabilities: Output = {
    name: 'probabilities',
    datatype: 'FP64',
    width: classes.length,
    values: all => all.flatMap(one => classes.map(name => one.scores?.[name] ?? 0)),
  }
  return [
    { name: 'score', datatype: 'FP64', values: all => all.map(one => one.score) },
    ...(isClassification(task) ? [label] : []),
    ...(task === 'multiclass' ? [probabilities] : []),
    { name: 'prediction_id', datatype: 'BYTES', values: all => all.map(one => one.id) },
    { name: 'arm', datatype: 'BYTES', values: all => all.map(one => one.arm) },
    { name: 'version', datatype: 'INT32', values: all => all.map(one => one.version) },
  ]
}

function flagOf(value: unknown, place: string): boolean | undefined {
  return value === undefined || typeof value === 'boolean' ? value : refuse(place, 'expected true or false')
}

/** The outputs that a request names, or all; binary as the output says, or else the request. */
export function wantedOutputs(
  requested: unknown,
  parameters: Readonly<Record<string, unknown>>,
  all: readonly Output[],
): readonly WantedOutput[] {
  const byDefault = flagOf(parameters.binary_data_output, 'body.parameters.binary_data_output') ?? false
  if (requested === undefined || requested === null) return all.map(one => ({ ...one, binary: byDefault }))
  if (!Array.isArray(requested)) return refuse('body.outputs', 'expected a list')
  return requested.map((one: unknown, i) => {
    const place = `body.outputs[${i}]`
    if (typeof one !== 'object' || one === null) return refuse(place, 'expected an object with a name')
    known(one as Record<string, unknown>, ['name', 'parameters'], place)
    const { name, parameters: own } = one as { readonly name?: unknown; readonly parameters?: unknown }
    const output = all.find(candidate => candidate.name === name)
    if (!output)
      return refuse(place, `'${String(name)}' is no output; there are ${all.map(found => found.name).join(', ')}`)
    const { binary_data: binary } = parametersOf(own, `${place}.parameters`)
    return { ...output, binary: flagOf(binary, `${place}.parameters.binary_data`) ?? byDefault }
  })
}

/** An output with its values, whatever they are written as. */
export interface AnswerTensor extends Pick<WantedOutput, 'name' | 'datatype' | 'binary'> {
  readonly shape: readonly number[]
  readonly data: readonly unknown[]
}

export const tensorsOf = (
  wanted: readonly WantedOutput[],
  predictions: readonly Prediction[],
): readonly AnswerTensor[] =>
  wanted.map(({ name, datatype, width, values, binary }) => ({
    name,
    datatype,
    binary,
    shape: width === undefined ? [predictions.length] : [predictions.length, width],
    data: values(predictions),
  }))

/** An answer: JSON alone, or JSON and the binary tensors behind it, with the length of the JSON. */
export function answerBody(
  head: Readonly<Record<string, unknown>>,
  tensors: readonly AnswerTensor[],
): { readonly json: string; readonly binary: Buffer | undefined } {
  const parts: Buffer[] = []
  const outputs = tensors.map(({ name, datatype, shape, data, binary }) => {
    if (!binary) return { name, shape, datatype, data }
    const bytes = writeBinary(datatype, data)
    parts.push(bytes)
    return { name, shape, datatype, parameters: { binary_data_size: bytes.length } }
  })
  const json = JSON.stringify({ ...head, outputs })
  return { json, binary: tensors.some(one => one.binary) ? Buffer.concat(parts) : undefined }
}
