import type { CategoryEffects, LinearModel } from '../math/linear/index.ts'
import type { GraphBuilder } from './graph-builder.ts'
import { dataTypes, type OnnxGraph, type OnnxNode } from './proto.ts'
import { listOf } from './tree-attributes.ts'

/**
 * Writes a linear model over the graph's feature row: missing numbers filled, numbers × coefficients + intercepts, and for
 * each categorical feature the row of its effects that the code names. In float64 up to the margins, so that the answer does
 * not depend on the order in which a runtime adds up, nor on how large the label is.
 */
export function writeLinear(
  builder: GraphBuilder,
  from: string,
  model: LinearModel,
  order: readonly number[],
  to: string,
): void {
  const outputs = model.intercepts.length
  const filled = builder.node('ml.Imputer', [from], 'filled', {
    imputed_value_floats: { floats: order.map(at => model.replacements[at] as number) },
    replaced_value_float: { float: NaN },
  })
  const wide = builder.node('Cast', [filled], 'wide', { to: { int: dataTypes.double } })
  const coefficients = builder.constant(
    'coefficients',
    'double',
    [order.length, outputs],
    order.flatMap(at => model.coefficients.map(own => own[at] as number)),
  )
  const product = builder.node('MatMul', [wide, coefficients], 'product')
  const intercepts = builder.constant('intercepts', 'double', [outputs], model.intercepts)
  let sum = builder.node('Add', [product, intercepts], 'sum')
  model.effects.forEach(({ feature, values }, at) => {
    const place = builder.constant(`effect_${at}_place`, 'int64', [], [order.indexOf(feature)])
    const column = builder.node('Gather', [filled, place], `effect_${at}_column`, { axis: { int: 1 } })
    const code = builder.node('Cast', [column], `effect_${at}_code`, { to: { int: dataTypes.int64 } })
    const table = builder.constant(`effect_${at}_table`, 'double', [values.length, outputs], values.flat())
    const effect = builder.node('Gather', [table, code], `effect_${at}`, { axis: { int: 0 } })
    sum = builder.node('Add', [sum, effect], `sum_${at}`)
  })
  builder.node('Cast', [sum], to, { to: { int: dataTypes.float } })
}

/**
 * Reads back what `writeLinear` wrote, without its task, from the nodes before which an Imputer stood; takes them off the
 * list. Undefined when they have another form.
 */
export function readLinear(
  graph: OnnxGraph,
  imputer: OnnxNode,
  rest: OnnxNode[],
  width: number,
): Omit<LinearModel, 'task'> | undefined {
  const doubles = (name: string | undefined): readonly number[] | undefined => {
    const tensor = graph.initializers.find(one => one.name === name && one.dataType === dataTypes.double)
    return tensor?.values?.map(Number)
  }
  const take = (op: string): OnnxNode | undefined => (rest[0]?.op === op ? rest.shift() : undefined)
  if (!take('Cast')) return undefined
  const matrix = doubles(take('MatMul')?.inputs[1])
  const intercepts = doubles(take('Add')?.inputs[1])
  const replacements = listOf(imputer, 'imputed_value_floats', 'floats')
  if (!matrix || !intercepts || intercepts.length === 0) return undefined
  const outputs = intercepts.length
  if (matrix.length !== width * outputs || replacements.length !== width) return undefined
  const effects: CategoryEffects[] = []
  while (rest[0]?.op === 'Gather') {
    const place = graph.initializers.find(one => one.name === rest[0]?.inputs[1])?.values?.[0]
    rest.shift()
    const table = take('Cast') && doubles(take('Gather')?.inputs[0])
    const feature = Number(place)
    if (!table || !take('Add') || table.length % outputs !== 0 || !(feature >= 0 && feature < width)) return undefined
    effects.push({
      feature,
      values: Array.from({ length: table.length / outputs }, (_, code) =>
        table.slice(code * outputs, (code + 1) * outputs),
      ),
    })
  }
  if (!take('Cast')) return undefined
  return {
    coefficients: Array.from({ length: outputs }, (_, k) =>
      Array.from({ length: width }, (__, at) => matrix[at * outputs + k] as number),
    ),
    intercepts,
    replacements,
    effects,
  }
}
