import { fail } from '../errors/catalogue.ts'
import type { LinearModel } from '../math/linear/index.ts'
import { float32Scale, isIdentity, type ScalerParameters } from '../math/scaler/index.ts'
import { outputsOf, type TreeEnsemble } from '../math/trees/index.ts'
import { type GraphBuilder, graph } from './graph-builder.ts'
import { treeAttributes } from './tree-attributes.ts'
import { writeModel } from './write-model.ts'

/** One input of a model, in the order of the training matrix's columns. */
export type ModelInput =
  | { readonly name: string; readonly kind: 'number' }
  /** Text is trained on as the index in this list; everything else, the empty text too, as missing. */
  | { readonly name: string; readonly kind: 'text'; readonly categories: readonly string[] }

export type Estimator =
  | { readonly kind: 'trees'; readonly ensemble: TreeEnsemble }
  | { readonly kind: 'linear' | 'logistic'; readonly model: LinearModel }

export interface ExportRequest {
  readonly inputs: readonly ModelInput[]
  /** Over all inputs in their order; one that changes nothing writes no Scaler. Text inputs are best left unscaled. */
  readonly scaler: ScalerParameters
  /** Trained on `scaleFloat32(scaler, columns)`. */
  readonly estimator: Estimator
  /** Binary: scores at or above it are labelled 1 (default 0.5). */
  readonly threshold?: number
  /** Stored in the file; keys are best prefixed `millrace.`. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Version of Millrace, written as the producer's. */
  readonly version?: string
}

/** Index of a text in the list of categories, NaN (missing) for any other text. */
export function categoryEncoder(categories: readonly string[]): (text: string) => number {
  const places = new Map(categories.map((category, at) => [category, at]))
  return text => places.get(text) ?? NaN
}

/**
 * Writes one self-contained graph. Inputs `features` float32 [N, numbers] with NaN for missing and, if there are text
 * inputs, `categories` string [N, texts], both in the order of `inputs`. Output `scores` float32: regression [N, 1];
 * binary [N, 1], the probability of class 1; multiclass [N, classes]. Classifiers also give `label` int64 [N].
 * Equal requests give equal bytes. Throws `modelNotExportable` when the parts do not fit together.
 */
export function exportModel(request: ExportRequest): Uint8Array {
  const { inputs, scaler, estimator } = request
  const width = estimator.kind === 'trees' ? estimator.ensemble.width : estimator.model.coefficients.length
  if (width !== inputs.length || scaler.features.length !== inputs.length) {
    const reason = `it has ${inputs.length} inputs, a scaler for ${scaler.features.length} and an estimator for ${width}`
    throw fail('modelNotExportable', { reason })
  }
  const builder = graph('millrace')
  const order = graphOrder(inputs)
  const raw = writeInputs(builder, inputs, order)
  const scaled = writeScaler(builder, raw, scaler, order)
  writeEstimator(builder, scaled, estimator, order, request.threshold ?? 0.5)
  return writeModel(builder.build(), request.metadata ?? {}, request.version ?? '')
}

/** Places in `inputs` in the order of the graph's feature row: the numbers first and the texts behind them. */
export function graphOrder(inputs: readonly ModelInput[]): number[] {
  return [...positions(inputs, 'number'), ...positions(inputs, 'text')]
}

function positions(inputs: readonly ModelInput[], kind: ModelInput['kind']): number[] {
  return inputs.flatMap((input, at) => (input.kind === kind ? [at] : []))
}

function writeInputs(builder: GraphBuilder, inputs: readonly ModelInput[], order: readonly number[]): string {
  const numbers = inputs.filter(input => input.kind === 'number').length
  const texts = inputs.flatMap(input => (input.kind === 'text' ? [input] : []))
  const parts: string[] = []
  if (numbers > 0 || texts.length === 0) parts.push(builder.input('features', 'float', ['N', numbers]))
  if (texts.length === 0) return 'features'
  // Both inputs are always there, so that callers need not care; a model of texts alone takes features of width 0.
  if (numbers === 0) builder.input('features', 'float', ['N', 0])
  builder.input('categories', 'string', ['N', texts.length])
  texts.forEach((text, at) => {
    if (text.categories.length === 0 || new Set(text.categories).size !== text.categories.length) {
      const reason = `the categories of "${text.name}" are ${text.categories.length === 0 ? 'empty' : 'not distinct'}`
      throw fail('modelNotExportable', { reason })
    }
    const index = builder.constant(`category_${at}_index`, 'int64', [1], [at])
    const column = builder.node('Gather', ['categories', index], `category_${at}_text`, { axis: { int: 1 } })
    const encoded = builder.node('ml.LabelEncoder', [column], `category_${at}`, {
      keys_strings: { strings: text.categories },
      values_floats: { floats: text.categories.map((_, place) => place) },
      default_float: { float: NaN },
    })
    parts.push(encoded)
  })
  return parts.length === 1 && order.length === 1
    ? (parts[0] as string)
    : builder.node('Concat', parts, 'raw', { axis: { int: 1 } })
}

function writeScaler(builder: GraphBuilder, raw: string, scaler: ScalerParameters, order: readonly number[]): string {
  if (isIdentity(scaler)) return raw
  const { offset, factor } = float32Scale(scaler)
  return builder.node('ml.Scaler', [raw], 'scaled', {
    offset: { floats: order.map(at => offset[at] as number) },
    scale: { floats: order.map(at => factor[at] as number) },
  })
}

function writeEstimator(
  builder: GraphBuilder,
  scaled: string,
  estimator: Estimator,
  order: readonly number[],
  threshold: number,
): void {
  if (estimator.kind === 'trees') {
    const { ensemble } = estimator
    const { task } = ensemble
    const last = task === 'regression' ? 'scores' : 'margins'
    builder.node('ml.TreeEnsembleRegressor', [scaled], last, treeAttributes(ensemble, order))
    return writeAnswer(builder, task, outputsOf(ensemble), threshold)
  }
  const { model, kind } = estimator
  if ((kind === 'logistic') !== (model.task === 'binary')) {
    throw fail('modelNotExportable', { reason: `a ${kind} estimator cannot hold a ${model.task} model` })
  }
  const filled = builder.node('ml.Imputer', [scaled], 'filled', {
    imputed_value_floats: { floats: order.map(at => model.replacements[at] as number) },
    replaced_value_float: { float: NaN },
  })
  builder.node('ml.LinearRegressor', [filled], kind === 'linear' ? 'scores' : 'margins', {
    coefficients: { floats: order.map(at => model.coefficients[at] as number) },
    intercepts: { floats: [model.intercept] },
    targets: { int: 1 },
  })
  writeAnswer(builder, model.task, 1, threshold)
}

/** The least float32 that is no less: what is at or above it is at or above the threshold, to the last bit. */
function float32From(threshold: number): number {
  const nearest = Math.fround(threshold)
  if (nearest >= threshold) return nearest
  // Thresholds are within 0 and 1, where the next larger float32 has the next larger bits
  const bits = new DataView(new ArrayBuffer(4))
  bits.setFloat32(0, nearest)
  bits.setUint32(0, bits.getUint32(0) + 1)
  return bits.getFloat32(0)
}

/** From margins to `scores` and `label`. */
function writeAnswer(builder: GraphBuilder, task: TreeEnsemble['task'], outputs: number, threshold: number): void {
  if (task === 'binary') {
    builder.node('Sigmoid', ['margins'], 'scores')
    const limit = builder.constant('threshold', 'float', [1], [float32From(threshold)])
    const above = builder.node('GreaterOrEqual', ['scores', limit], 'above')
    const cast = builder.node('Cast', [above], 'label_column', { to: { int: 7 } })
    const axis = builder.constant('label_axis', 'int64', [1], [1])
    builder.node('Squeeze', [cast, axis], 'label')
  } else if (task === 'multiclass') {
    builder.node('Softmax', ['margins'], 'scores', { axis: { int: 1 } })
    builder.node('ArgMax', ['scores'], 'label', { axis: { int: 1 }, keepdims: { int: 0 } })
  }
  builder.output('scores', 'float', ['N', outputs])
  if (task !== 'regression') builder.output('label', 'int64', ['N'])
}
