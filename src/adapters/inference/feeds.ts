import { fail } from '../../errors/catalogue.ts'
import type { ModelBinding, ModelSignature, SignatureInput } from '../../onnx/index.ts'
import type { InferenceBatch } from '../../ports/inference-runtime.ts'

/** Content of a tensor, in the array that ONNX Runtime wants for its type. */
export type TensorData = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array | string[]

/** What one input of a graph is given. */
export interface Feeder {
  readonly input: string
  readonly type: string
  /** Dimensions of the tensor for so many rows. */
  readonly dims: (rows: number) => readonly number[]
  readonly data: (batch: InferenceBatch) => TensorData
}

/** Numbers and texts a row of the binding, and one feeder for each input of the graph. */
export interface Feeders {
  readonly width: number
  readonly categoryWidth: number
  readonly wide: boolean
  readonly feeders: readonly Feeder[]
}

/** Made once for a model; the binding was checked. */
export function feedersOf(signature: ModelSignature, binding: ModelBinding): Feeders {
  const numbers = binding.inputs.filter(input => input.type !== 'text').map(input => input.name)
  const texts = binding.inputs.filter(input => input.type === 'text').map(input => input.name)
  const types = new Map(signature.inputs.map(input => [input.name, input]))
  const feeders = binding.feeds.map(({ input, of }) => {
    const of_ = types.get(input) as SignatureInput
    const text = of_.type === 'string'
    const row = text ? texts : numbers
    const places = of.map(name => row.indexOf(name))
    const whole = places.length === row.length && places.every((place, at) => place === at)
    return {
      input,
      type: of_.type,
      dims: dimsOf(of_, of.length),
      data: text ? textsOf(row.length, whole ? undefined : places) : numbersOf(of_, of, row.length, places, whole),
    }
  })
  return {
    width: numbers.length,
    categoryWidth: texts.length,
    wide: feeders.some(({ type }) => type === 'float64' || type === 'int64' || type === 'int32'),
    feeders,
  }
}

/** A row's values in the graph's own dimensions; a matrix where it says none, a single one may stay alone. */
function dimsOf({ shape }: SignatureInput, width: number): Feeder['dims'] {
  if (shape?.length === 1) return rows => [rows]
  const inner = shape?.slice(1)
  if (!inner?.every(dimension => typeof dimension === 'number')) return matrix(inner?.length ?? 1, width)
  return rows => [rows, ...(inner as readonly number[])]
}

/** Where dimensions are open, the last of them holds the row. */
function matrix(rank: number, width: number): Feeder['dims'] {
  const ones = Array.from({ length: rank - 1 }, () => 1)
  return rows => [rows, ...ones, width]
}

function textsOf(width: number, places: readonly number[] | undefined): Feeder['data'] {
  if (!places) return ({ categories }) => [...(categories ?? [])]
  return ({ rows, categories = [] }) => {
    const out: string[] = []
    for (let row = 0; row < rows; row++) for (const place of places) out.push(categories[row * width + place] ?? '')
    return out
  }
}

function numbersOf(
  { type }: SignatureInput,
  names: readonly string[],
  width: number,
  places: readonly number[],
  whole: boolean,
): Feeder['data'] {
  if (type === 'float32') {
    // The usual graph takes the row as it is
    if (whole) return ({ features }) => (features instanceof Float32Array ? features : Float32Array.from(features))
    return batch => picked(batch, width, places, new Float32Array(batch.rows * places.length))
  }
  if (type === 'float64') return batch => picked(batch, width, places, new Float64Array(batch.rows * places.length))
  const limit = limits[type as keyof typeof limits]
  return batch => {
    const values = picked(batch, width, places, new Float64Array(batch.rows * places.length))
    checkWhole(values, names, limit)
    return limit.make(values)
  }
}

function picked<A extends Float32Array | Float64Array>(
  { rows, features }: InferenceBatch,
  width: number,
  places: readonly number[],
  out: A,
): A {
  let to = 0
  for (let row = 0; row < rows; row++) {
    for (const place of places) out[to++] = features[row * width + place] as number
  }
  return out
}

interface Limit {
  readonly said: string
  readonly min: number
  readonly max: number
  readonly make: (values: Float64Array) => TensorData
}

/** Beyond 2^53 a number no longer names one integer. */
const limits: Readonly<Record<'int64' | 'int32' | 'bool', Limit>> = {
  int64: {
    said: 'a whole number',
    min: Number.MIN_SAFE_INTEGER,
    max: Number.MAX_SAFE_INTEGER,
    make: values => BigInt64Array.from(values as never, BigInt as never),
  },
  int32: {
    said: 'a whole number of 32 bits',
    min: -(2 ** 31),
    max: 2 ** 31 - 1,
    make: values => Int32Array.from(values),
  },
  bool: { said: 'true or false', min: 0, max: 1, make: values => Uint8Array.from(values) },
}

/** Throws `inferenceValueUnfit` for the first value that is none of the integers within the limits. */
function checkWhole(values: Float64Array, names: readonly string[], { said, min, max }: Limit): void {
  const bad = values.findIndex(value => !(Number.isInteger(value) && value >= min && value <= max))
  if (bad < 0) return
  const value = values[bad] as number
  throw fail('inferenceValueUnfit', {
    input: names[bad % names.length] ?? '',
    actual: Number.isNaN(value) ? 'missing' : String(value),
    row: String(Math.floor(bad / names.length) + 1),
    expected: said,
  })
}
