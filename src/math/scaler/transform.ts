import type { ScalerParameters } from './parameters.ts'

/** (x − offset) / scale in float64, column by column; missing stays missing. */
export function transform(
  { features }: ScalerParameters,
  columns: readonly (Float32Array | Float64Array)[],
): Float64Array[] {
  return columns.map((column, at) => {
    const { offset, scale } = featureAt(features, at)
    return Float64Array.from(column, value => (value - offset) / scale)
  })
}

/** x × scale + offset in float64: undoes `transform`. */
export function inverseTransform({ features }: ScalerParameters, columns: readonly Float64Array[]): Float64Array[] {
  return columns.map((column, at) => {
    const { offset, scale } = featureAt(features, at)
    return column.map(value => value * scale + offset)
  })
}

/** The float32 numbers that an ONNX Scaler node holds: offset, and the reciprocal of the scale. */
export interface Float32Scale {
  readonly offset: Float32Array
  readonly factor: Float32Array
}

export function float32Scale({ features }: ScalerParameters): Float32Scale {
  return {
    offset: Float32Array.from(features, feature => feature.offset),
    factor: Float32Array.from(features, feature => 1 / feature.scale),
  }
}

/**
 * What the exported graph computes, bit by bit: float32(float32(x − offset) × factor). Training must see these values,
 * because a tree's threshold compares them.
 */
export function scaleFloat32(parameters: ScalerParameters, columns: readonly Float32Array[]): Float32Array[] {
  const { offset, factor } = float32Scale(parameters)
  return columns.map((column, at) => {
    featureAt(parameters.features, at)
    const minus = offset[at] as number
    const times = factor[at] as number
    return column.map(value => Math.fround(value - minus) * times)
  })
}

/** The same for row-major rows, in place of `out` (which may be `features` itself). */
export function scaleRowsFloat32(scale: Float32Scale, features: Float32Array, rows: number, out: Float32Array): void {
  const width = scale.offset.length
  for (let row = 0; row < rows; row++) {
    for (let at = 0; at < width; at++) {
      const place = row * width + at
      out[place] =
        Math.fround((features[place] as number) - (scale.offset[at] as number)) * (scale.factor[at] as number)
    }
  }
}

function featureAt<T>(features: readonly T[], at: number): T {
  const feature = features[at]
  if (feature === undefined) throw new RangeError(`the scaler knows ${features.length} features, not number ${at}`)
  return feature
}
