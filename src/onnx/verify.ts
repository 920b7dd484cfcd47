import { isMillraceError } from '../errors/index.ts'
import type { ScalerParameters } from '../math/scaler/index.ts'
import { checkOf, type Findings, type OnnxCheck } from './check.ts'
import type { OnnxGraph, OnnxModel } from './proto.ts'
import { readModel } from './read-model.ts'
import { verifyNodes } from './verify-nodes.ts'
import {
  featureWidths,
  scalerFinite,
  scalerLengths,
  scalerMatches,
  scalerNotZero,
  scalerWithin,
} from './verify-scaler.ts'
import { verifyShapes } from './verify-shapes.ts'
import { loadable, overRows } from './verify-servable.ts'
import {
  declared,
  externalData,
  irVersion,
  metadataKeys,
  names,
  opsets,
  tensors,
  topology,
  unusedInputs,
} from './verify-structure.ts'
import { mlAttributes } from './verify-ml.ts'
import {
  treeArrays,
  treeEndless,
  treeFeatures,
  treeMissing,
  treeNumbers,
  treeOutputs,
  treeRoots,
  treeShape,
  treeTargets,
} from './verify-trees.ts'
import { WireError } from './wire-reader.ts'

/** What a model can be held against besides itself. */
export interface VerifyOptions {
  /** The scaler it was trained with, its features in the order of the graph (see `graphOrder`). */
  readonly scaler?: ScalerParameters
  /** Range of each feature in the training data, in the same order. */
  readonly profile?: readonly { readonly min: number; readonly max: number }[]
}

type Rule = (model: OnnxModel, graph: OnnxGraph, options: VerifyOptions) => Findings | undefined

type Rules = readonly (readonly [id: string, threshold: string, rule: Rule])[]

/** What the format asks: a file that breaks one of these is no ONNX model. In order of reading; a rule gives undefined when there is nothing for it to look at. */
const validity: Rules = [
  ['ir-version', 'IR version from 1 to 14', irVersion],
  ['opset-import', 'every operator set is imported in one version that there is', opsets],
  ['metadata-props-duplicate-key', 'metadata keys are distinct', metadataKeys],
  ['required-field-empty', 'graph, nodes, values and attributes have names and one value each', names],
  ['external-data', 'no weights lie outside the folder of the model', externalData],
  ['tensor', 'constants hold as many values as their shape says', tensors],
  ['topology', 'every value is made once, before it is used', topology],
  ['declared-type', 'inputs and outputs say their types', declared],
  [
    'operator',
    'every operator exists and has the inputs and outputs that it takes',
    (model, graph) => nodes(model, graph).operators,
  ],
  [
    'attribute',
    'every attribute exists, is of its type, and none is missing',
    (model, graph) => nodes(model, graph).attributes,
  ],
  ['type', 'values are of the types that operators take and give', (model, graph) => nodes(model, graph).types],
  ['shape', 'sizes fit, and are what is declared', verifyShapes],
  ['tree-arrays', 'the lists that describe trees have equal lengths and known modes', treeArrays],
  ['tree-shape', 'tree nodes are unique, children exist', treeShape],
  ['tree-outputs', 'trees have outputs, and a base for each or none', treeOutputs],
  ['ml-attribute', 'lists and choices of the attributes of ai.onnx.ml fit together', mlAttributes],
]

/** What a valid model must be besides, to give a right score for every row. */
const soundness: Rules = [
  ['width', 'parts agree on the number of features', featureWidths],
  ['scaler-length', 'a scaler has one offset and one factor a feature', scalerLengths],
  ['scaler-finite', 'offsets and factors are finite', scalerFinite],
  ['scaler-zero', 'no factor is 0', scalerNotZero],
  ['scaler-parity', 'offsets and factors are those of training', scalerMatches],
  ['scaler-range', 'offsets lie within the training range', scalerWithin],
  ['tree-feature', 'trees ask for features that exist', treeFeatures],
  ['tree-finite', 'thresholds and leaf weights are finite', treeNumbers],
  ['tree-endless', 'every way through a tree ends', treeEndless],
  ['tree-roots', 'every tree has one root, from which all its nodes are reached', treeRoots],
  ['tree-missing', 'every node says where missing values go, or none does', treeMissing],
  ['tree-target', 'leaves add to outputs that exist, others add nothing', treeTargets],
]

/** What a valid model is that can be served. */
const servability: Rules = [
  ['servable-runtime', 'the runtime here knows its versions, and the file is whole', loadable],
  ['servable-rows', 'it takes rows of numbers and texts and gives scores or classes', overRows],
]

const nodes = (model: OnnxModel, graph: OnnxGraph): ReturnType<typeof verifyNodes> => {
  const known = lookedAt.get(graph) ?? verifyNodes(model, graph)
  lookedAt.set(graph, known)
  return known
}
const lookedAt = new WeakMap<OnnxGraph, ReturnType<typeof verifyNodes>>()

/** Whether a file is an ONNX model, as the format's own checker asks; and whether it is one that can be served, else why not. */
export interface OnnxVerdict {
  readonly valid: boolean
  readonly servable: boolean
  readonly reasons: readonly string[]
}

export function verdictOf(checks: readonly OnnxCheck[]): OnnxVerdict {
  const bad = checks.filter(check => check.bad > 0)
  const invalid = bad.filter(({ id }) => id === 'onnx.structure' || validity.some(([rule]) => id === `onnx.${rule}`))
  const other = bad.filter(({ id }) => [...soundness, ...servability].some(([rule]) => id === `onnx.${rule}`))
  return {
    valid: invalid.length === 0,
    servable: invalid.length + other.length === 0,
    reasons: [...invalid, ...other].map(check => check.message),
  }
}

/**
 * Verifies an ONNX file without running it: what the ONNX checker asks, and what runtimes overlook until a request
 * fails; `verdictOf` sums the checks up. Safe for hostile bytes: never throws for them, never follows a path, linear in their size.
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
  // What Millrace wrote, or knows the training of, is meant to be served
  const own = model.producerName === 'millrace' || options.scaler !== undefined || options.profile !== undefined
  const run = (rules: Rules, severity: OnnxCheck['severity']): OnnxCheck[] =>
    rules.flatMap(([id, threshold, rule]) => {
      try {
        const found = rule(model, graph, options)
        return found ? [checkOf(id, threshold, severity, found)] : []
      } catch (error) {
        // The values of a tensor are read when somebody asks for them
        if (!(error instanceof WireError)) throw error
        const unread = [`a tensor cannot be read: ${error.message}`]
        return [checkOf(id, threshold, 'critical', { evaluated: 1, problems: unread })]
      }
    })
  return [
    structure,
    ...run(validity, 'critical'),
    ...run([['input-used', 'every input is used', unusedInputs]], 'warning'),
    ...run(soundness, own ? 'critical' : 'warning'),
    ...run(servability, own ? 'critical' : 'warning'),
  ]
}
