import type { Findings } from './check.ts'
import { attributeTypes, mlDomain, type OnnxGraph, type OnnxModel, type OnnxNode } from './proto.ts'
import { attributeOf } from './type-text.ts'
import { nodeName } from './verify-nodes.ts'
import { allNodes } from './verify-structure.ts'

const links = ['NONE', 'SOFTMAX', 'LOGISTIC', 'SOFTMAX_ZERO', 'PROBIT']

/** Attributes of ai.onnx.ml that choose by a word, and the words that there are. */
const words: Readonly<Record<string, readonly string[]>> = {
  post_transform: links,
  aggregate_function: ['AVERAGE', 'SUM', 'MIN', 'MAX'],
  kernel_type: ['LINEAR', 'POLY', 'RBF', 'SIGMOID'],
  norm: ['MAX', 'L1', 'L2'],
  cast_to: ['TO_FLOAT', 'TO_STRING', 'TO_INT64'],
}

/** Attributes of ai.onnx.ml that fit together in ways that no schema says. */
export function mlAttributes(_: OnnxModel, graph: OnnxGraph): Findings {
  const problems: string[] = []
  const all = allNodes(graph)
  all.forEach((node, at) => {
    if (node.domain !== mlDomain) return
    const who = nodeName(node, at)
    for (const { name, type, string = '' } of node.attributes) {
      const known = words[name]
      if (known && type === attributeTypes.string && !known.includes(string)) {
        problems.push(`${name} of ${who} is "${string}": ${known.join(', ')} there are`)
      }
    }
    if (node.op === 'LabelEncoder') problems.push(...tableProblems(node).map(problem => `${who} ${problem}`))
    if (node.op === 'ZipMap' && size(node, 'classlabels_strings') > 0 === size(node, 'classlabels_int64s') > 0) {
      problems.push(`${who} has no list of classes, or two`)
    }
    if (node.op === 'LinearClassifier') {
      const classes = Math.max(size(node, 'classlabels_ints'), size(node, 'classlabels_strings'))
      const rows = size(node, 'intercepts')
      if (rows > classes) problems.push(`${who} has ${rows} intercepts for ${classes} classes`)
    }
  })
  return { evaluated: all.length, problems }
}

function size(node: OnnxNode, name: string): number {
  const found = attributeOf(node, name)
  return found?.strings?.length ?? found?.ints?.length ?? found?.floats?.length ?? 0
}

/** One list of keys and one of values, of one length. Its first version had one list for both ways. */
function tableProblems(node: OnnxNode): string[] {
  if (size(node, 'classes_strings') > 0) return []
  return ['keys', 'values'].flatMap(side => {
    const lists = ['strings', 'int64s', 'floats', 'tensor'].filter(kind => attributeOf(node, `${side}_${kind}`))
    return lists.length === 1 ? [] : [`has ${side} in ${lists.length} lists: ${lists.join(', ')}`]
  })
}
