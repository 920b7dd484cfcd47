import { columnsOf } from './expression/index.ts'
import { requestKeys } from './features.ts'
import type { Model } from './model.ts'

/** Columns that a request for a prediction carries: what the inputs read, and the keys of the features. */
export function requestColumnNames(model: Pick<Model, 'inputs' | 'views'>): readonly string[] {
  const read = model.inputs.flatMap(input => columnsOf(input.node)).filter(name => !name.includes('.'))
  return [...new Set([...read, ...model.views.flatMap(requestKeys).map(({ column }) => column)])]
}
