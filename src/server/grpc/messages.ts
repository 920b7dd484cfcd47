import { refuse } from '../inference/oip/inputs.ts'
import { writeBinary } from '../inference/oip/datatypes.ts'
import type { InferAnswer } from '../inference/oip/model.ts'

// Messages of the protocol as the loader gives them: 64-bit numbers as text, bytes as Buffer.

interface Parameter {
  readonly parameter_choice?: string
  readonly [kind: string]: unknown
}
type Parameters = Readonly<Record<string, Parameter>>

interface Contents {
  readonly bool_contents: readonly boolean[]
  readonly int_contents: readonly number[]
  readonly int64_contents: readonly string[]
  readonly uint_contents: readonly number[]
  readonly uint64_contents: readonly string[]
  readonly fp32_contents: readonly number[]
  readonly fp64_contents: readonly number[]
  readonly bytes_contents: readonly Buffer[]
}
type ContentsName = keyof Contents

interface InputTensor {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly string[]
  readonly parameters: Parameters
  readonly contents: Contents | null
}

export interface InferRequest {
  readonly model_name: string
  readonly model_version: string
  readonly id: string
  readonly parameters: Parameters
  readonly inputs: readonly InputTensor[]
  readonly outputs: readonly { readonly name: string; readonly parameters: Parameters }[]
  readonly raw_input_contents: readonly Buffer[]
}

/** Where the values of a datatype stand that are not raw. */
const contentsOf: Readonly<Record<string, ContentsName>> = {
  BOOL: 'bool_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
  BYTES: 'bytes_contents',
}

/** A 64-bit number; beyond 2^53 as text, as JSON has it. */
function whole(text: string): number | string {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : text
}

function parametersIn(parameters: Parameters): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, given]) => {
      const value = given.parameter_choice === undefined ? undefined : given[given.parameter_choice]
      const isWhole = given.parameter_choice === 'int64_param' || given.parameter_choice === 'uint64_param'
      return [name, isWhole ? whole(String(value)) : value]
    }),
  )
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Values as JSON has them; a float that is none stands for no value, as in binary tensors. */
function valuesOf({ datatype, contents }: InputTensor, place: string): readonly unknown[] {
  const name = contentsOf[datatype]
  if (name === undefined)
    return refuse(`${place}.datatype`, `${datatype} has no typed contents: send raw_input_contents`)
  const other = Object.entries(contents ?? {}).find(([key, values]) => key !== name && values.length > 0)
  if (other) refuse(`${place}.contents`, `${datatype} stands in ${name}, not in ${other[0]}`)
  const values: readonly unknown[] = contents?.[name] ?? []
  if (name === 'int64_contents' || name === 'uint64_contents') return values.map(value => whole(String(value)))
  if (name === 'fp32_contents' || name === 'fp64_contents')
    return values.map(value => (Number.isNaN(value) ? null : value))
  if (name !== 'bytes_contents') return values
  return values.map((value, i) => {
    try {
      return utf8.decode(value as Buffer)
    } catch {
      return refuse(`${place}.contents`, `value ${i} is no UTF-8 text`)
    }
  })
}

/** A request in the form that it has over HTTP: JSON, and the bytes of its raw tensors. */
export function bodyOf(request: InferRequest): { readonly body: Record<string, unknown>; readonly binary: Uint8Array } {
  const { inputs, outputs, raw_input_contents: raw, parameters, id } = request
  const isRaw = raw.length > 0
  if (isRaw && raw.length !== inputs.length)
    refuse('raw_input_contents', `has ${raw.length} tensors, inputs ${inputs.length}`)
  return {
    body: {
      ...(id === '' ? {} : { id }),
      parameters: parametersIn(parameters),
      inputs: inputs.map((tensor, i) => {
        const place = `inputs[${i}]`
        const { name, datatype, shape } = tensor
        const own = parametersIn(tensor.parameters)
        if ('binary_data_size' in own || 'shared_memory_region' in own)
          refuse(`${place}.parameters`, 'tensors come as contents or raw_input_contents here')
        const given = { name, datatype, shape: shape.map(Number) }
        if (!isRaw) return { ...given, parameters: own, data: valuesOf(tensor, place) }
        if (Object.values(tensor.contents ?? {}).some(values => values.length > 0))
          refuse(`${place}.contents`, 'is there beside raw_input_contents')
        return { ...given, parameters: { ...own, binary_data_size: (raw[i] as Buffer).length } }
      }),
      ...(outputs.length === 0
        ? {}
        : { outputs: outputs.map(one => ({ name: one.name, parameters: parametersIn(one.parameters) })) }),
    },
    binary: isRaw ? Buffer.concat(raw) : Buffer.alloc(0),
  }
}

/** An answer; raw where the request was. */
export function responseOf({ head, tensors }: InferAnswer, isRaw: boolean): object {
  return {
    ...head,
    outputs: tensors.map(({ name, datatype, shape, data }) => ({
      name,
      datatype,
      shape,
      ...(isRaw
        ? {}
        : {
            contents: {
              [contentsOf[datatype] as string]:
                datatype === 'BYTES' ? data.map(value => Buffer.from(String(value), 'utf8')) : data,
            },
          }),
    })),
    ...(isRaw ? { raw_output_contents: tensors.map(({ datatype, data }) => writeBinary(datatype, data)) } : {}),
  }
}
