import type { Findings } from './check.ts'
import { sizeProblem, takesNumbers } from './binding.ts'
import { mlDomain, type OnnxGraph, type OnnxModel } from './proto.ts'
import { signatureOf } from './signature.ts'
import { allTensors } from './verify-structure.ts'

/** Newest versions that the runtimes of this package load (ONNX Runtime 1.30). */
const newest = { ir: 13, opset: 26, mlOpset: 5 } as const

/** Why a runtime of ours would not load it. */
export function loadable({ irVersion, opsets }: OnnxModel, graph: OnnxGraph): Findings {
  const problems: string[] = []
  if (irVersion > newest.ir) problems.push(`IR version ${irVersion} is newer than the runtime's ${newest.ir}`)
  for (const { domain, version } of opsets) {
    const limit = domain === '' ? newest.opset : domain === mlDomain ? newest.mlOpset : Infinity
    if (version > limit) problems.push(`${domain || 'ai.onnx'} ${version} is newer than the runtime's ${limit}`)
  }
  for (const { external, name } of allTensors(graph)) {
    if (external) problems.push(`"${name}" lies in another file: write the model as one file`)
  }
  return { evaluated: opsets.length + 1, problems }
}

/** Why it is nothing that takes rows of numbers and texts and gives a score for each. */
export function overRows(model: OnnxModel): Findings {
  const { inputs, outputs } = signatureOf(model)
  const problems: string[] = []
  if (inputs.length === 0) problems.push('it takes nothing')
  for (const input of inputs) {
    const { name, kind, type, shape } = input
    const large = sizeProblem(input)
    if (large) problems.push(large)
    if (kind !== 'tensor') problems.push(`its input "${name}" is no tensor but ${kind}`)
    else if (type !== 'string' && !takesNumbers(type))
      problems.push(`its input "${name}" takes ${type}, which no column is`)
    else if (shape?.length === 0) problems.push(`its input "${name}" is one value, not one a row`)
  }
  const fixed = new Set(inputs.map(input => input.rows))
  if (fixed.size > 1)
    problems.push(`its inputs do not take the same number of rows: ${[...fixed].map(one => one ?? 'any').join(', ')}`)
  const readable = outputs.some(({ form, type, label }) => form !== 'other' && (label || scoreTypes.includes(type)))
  if (!readable) problems.push('none of its outputs is a score or a class')
  return { evaluated: inputs.length + outputs.length, problems }
}

const scoreTypes: readonly string[] = ['float32', 'float64', 'int64', 'int32']
