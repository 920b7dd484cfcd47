import { isMillraceError } from '../errors/index.ts'
import type { ScalerParameters } from '../math/scaler/index.ts'
import { checkOf, type Findings, type OnnxCheck } from './check.ts'
import type { OnnxGraph, OnnxModel } from './proto.ts'
import { readModel } from './read-model.ts'
import {
  featureWidths,
  scalerFinite,
  scalerLengths,
  scalerMatches,
  scalerNotZero,
  scalerWithin,
} from './verify-scaler.ts'
import {
  externalData,
  irVersion,
  metadataKeys,
  names,
  opsets,
  shapes,
  tensorOutputs,
  tensors,
  topology,
  unusedInputs,
} from './verify-structure.ts'
import { treeArrays, treeFeatures, treeNumbers, treeShape, treeTargets } from './verify-trees.ts'

/** What a model can be held against besides itself. */
export interface VerifyOptions {
  /** The scaler it was trained with, its features in the order of the graph (see `graphOrder`). */
  readonly scaler?: ScalerParameters
  /** Range of each feature in the training data, in the same order. */
  readonly profile?: readonly { readonly min: number; readonly max: number }[]
}

type Rule = (model: OnnxModel, graph: OnnxGraph, options: VerifyOptions) => Findings | undefined

/** In order of reading. A rule gives undefined when there is nothing for it to look at. */
const rules: readonly [id: string, threshold: string, severity: OnnxCheck['severity'], rule: Rule][] = [
  ['ir-version', 'IR version from 3 to 13', 'critical', irVersion],
  ['opset-import', 'every operator set is imported once, in a version that runtimes know', 'critical', opsets],
  ['metadata-props-duplicate-key', 'metadata keys are distinct', 'critical', metadataKeys],
  ['required-field-empty', 'graph, nodes and values have names', 'critical', names],
  ['external-data', 'all weights are inside the file', 'critical', externalData],
  ['tensor', 'constants hold as many values as their shape says', 'critical', tensors],
  ['topology', 'every value is made once, before it is used', 'critical', topology],
  ['shape', 'inputs and outputs are typed, the batch dimension is free', 'critical', shapes],
  ['output-tensor', 'all outputs are tensors', 'critical', tensorOutputs],
  ['input-used', 'every input is used', 'warning', unusedInputs],
  ['width', 'parts agree on the number of features', 'critical', featureWidths],
  ['scaler-length', 'a scaler has one offset and one factor a feature', 'critical', scalerLengths],
  ['scaler-finite', 'offsets and factors are finite', 'critical', scalerFinite],
  ['scaler-zero', 'no factor is 0', 'critical', scalerNotZero],
  ['scaler-parity', 'offsets and factors are those of training', 'critical', scalerMatches],
  ['scaler-range', 'offsets lie within the training range', 'critical', scalerWithin],
  ['tree-arrays', 'the lists that describe trees have equal lengths and known modes', 'critical', treeArrays],
  ['tree-shape', 'tree nodes are unique, children exist, every node is reached once', 'critical', treeShape],
  ['tree-feature', 'trees ask for features that exist', 'critical', treeFeatures],
  ['tree-finite', 'thresholds and leaf weights are finite', 'critical', treeNumbers],
  ['tree-target', 'leaves add to outputs that exist, others add nothing', 'critical', treeTargets],
]

/**
 * Verifies an ONNX file without running it: what the ONNX checker asks, and what runtimes overlook until a request
 * fails. Safe for hostile bytes: never throws for them, never follows a path, linear in their size.
 */
export function verifyModel(bytes: Uint8Array, options: VerifyOptions = {}): OnnxCheck[] {
  let model: OnnxModel
  try {
    model = readModel(bytes)
  } catch (error) {
    if (!isMillraceError(error)) throw error
    return [checkOf('structure', 'the file is an ONNX model', 'critical', { evaluated: 1, problems: [error.message] })]
  }
  return verifyParsed(model, options)
}

export function verifyParsed(model: OnnxModel, options: VerifyOptions = {}): OnnxCheck[] {
  const { graph } = model
  const problems = graph ? [] : ['the file has no graph (required-field-missing)']
  const structure = checkOf('structure', 'the file is an ONNX model', 'critical', { evaluated: 1, problems })
  if (!graph) return [structure]
  const checks = rules.flatMap(([id, threshold, severity, rule]) => {
    const found = rule(model, graph, options)
    return found ? [checkOf(id, threshold, severity, found)] : []
  })
  return [structure, ...checks]
}
