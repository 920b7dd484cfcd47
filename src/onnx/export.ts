import { fail } from '../errors/catalogue.ts'
import type { CalibrationSteps } from '../math/calibration/index.ts'
import { type LinearModel, widthOfLinear } from '../math/linear/index.ts'
import { float32Scale, isIdentity, type ScalerParameters } from '../math/scaler/index.ts'
import { outputsOf, type TreeEnsemble } from '../math/trees/index.ts'
import { type GraphBuilder, graph } from './graph-builder.ts'
import { links, writeLink, writeOutputs } from './answer.ts'
import { writeSteps } from './calibration-nodes.ts'
import { writeLinear } from './linear-nodes.ts'
import { treeAttributes } from './tree-attributes.ts'
import { asksCodes, ensembleAttributes } from './tree-ensemble.ts'
import { writeModel } from './write-model.ts'

/** One input of a model, in the order of the training matrix's columns. */
export type ModelInput = { readonly name: string; readonly kind: 'number' } | TextInput

/** A text, which estimators see as a code: its place in `categories`, one code for any other text, one for a missing text. */
export interface TextInput {
  readonly name: string
  readonly kind: 'text'
  readonly categories: readonly string[]
  /** Texts of the training rows that were too rare for a code of their own, and how many rows had one. */
  readonly rare?: { readonly texts: number; readonly rows: number }
  /** Training rows without a text. */
  readonly missing?: number
}

export type Estimator = (
  | { readonly kind: 'trees'; readonly ensemble: TreeEnsemble }
  | { readonly kind: 'linear'; readonly model: LinearModel }
) & {
  /** Of a binary estimator: what its probabilities become. */
  readonly calibration?: CalibrationSteps
}

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

/** The code of a text: its place in the list, behind them one for every other text and one for the empty one, a missing. */
export function categoryEncoder(categories: readonly string[]): (text: string) => number {
  const codes = new Map(categories.map((category, at) => [category, at]))
  codes.set('', categories.length + 1)
  return text => codes.get(text) ?? categories.length
}

/** How many codes an input has, 0 for a number. */
export const codesOf = (input: ModelInput): number => (input.kind === 'text' ? input.categories.length + 2 : 0)

/**
 * Writes one self-contained graph. Inputs `features` float32 [N, numbers] with NaN for missing and, if there are text
 * inputs, `categories` string [N, texts], both in the order of `inputs`. Output `scores` float32: regression [N, 1];
 * binary [N, 1], the probability of class 1; multiclass [N, classes]. Classifiers also give `label` int64 [N].
 * Equal requests give equal bytes. Throws `modelNotExportable` when the parts do not fit together.
 */
export function exportModel(request: ExportRequest): Uint8Array {
  const { inputs, scaler, estimator } = request
  const width = estimator.kind === 'trees' ? estimator.ensemble.width : widthOfLinear(estimator.model)
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
export function graphOrder(inputs: readonly { readonly kind: 'number' | 'text' }[]): number[] {
  return [...positions(inputs, 'number'), ...positions(inputs, 'text')]
}

function positions(inputs: readonly { readonly kind: 'number' | 'text' }[], kind: 'number' | 'text'): number[] {
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
    if (new Set(['', ...text.categories]).size !== text.categories.length + 1) {
      throw fail('modelNotExportable', { reason: `the categories of "${text.name}" are not distinct` })
    }
    const index = builder.constant(`category_${at}_index`, 'int64', [1], [at])
    const column = builder.node('Gather', ['categories', index], `category_${at}_text`, { axis: { int: 1 } })
    const encoded = builder.node('ml.LabelEncoder', [column], `category_${at}`, {
      keys_strings: { strings: [...text.categories, ''] },
      values_floats: { floats: [...text.categories.map((_, place) => place), text.categories.length + 1] },
      default_float: { float: text.categories.length },
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
  const task = estimator.kind === 'trees' ? estimator.ensemble.task : estimator.model.task
  const outputs = estimator.kind === 'trees' ? outputsOf(estimator.ensemble) : estimator.model.intercepts.length
  writeMargins(builder, scaled, estimator, order, links[task] ? 'margins' : 'scores')
  if (estimator.calibration) {
    if (task !== 'binary') throw fail('modelNotExportable', { reason: `a ${task} estimator cannot be calibrated` })
    writeLink(builder, task, 'uncalibrated')
    writeSteps(builder, 'uncalibrated', estimator.calibration, 'scores')
  } else writeLink(builder, task)
  writeOutputs(builder, task, outputs, threshold)
}

function writeMargins(
  builder: GraphBuilder,
  scaled: string,
  estimator: Estimator,
  order: readonly number[],
  to: string,
): void {
  if (estimator.kind === 'linear') writeLinear(builder, scaled, estimator.model, order, to)
  else if (asksCodes(estimator.ensemble)) {
    const { baseScore } = estimator.ensemble
    builder.node('ml.TreeEnsemble', [scaled], 'trees', ensembleAttributes(estimator.ensemble, order))
    const base = builder.constant('base_scores', 'float', [baseScore.length], baseScore)
    builder.node('Add', ['trees', base], to)
  } else builder.node('ml.TreeEnsembleRegressor', [scaled], to, treeAttributes(estimator.ensemble, order))
}
