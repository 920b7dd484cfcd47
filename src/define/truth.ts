import { isClassification, type Task } from '../math/task.ts'
import { columnsOf, type Node, type ScalarType } from './expression/node.ts'
import type { Form } from './forms.ts'
import { refuse } from './named.ts'

/** What rows of a class count in training: by class, or so that all classes count the same. */
export type ClassWeights = 'balanced' | Readonly<Record<string, number>>

/** The expression that a callback gave; anything else, such as a number, would be a constant that nobody meant. */
export function nodeOf(model: string, what: string, made: unknown): Node {
  const node = (made as { readonly node?: Node } | null | undefined)?.node
  if (typeof node?.op !== 'string') refuse('model', model, `${what} is no expression over columns, such as c.distance`)
  return node
}

/** Classes in proportions that somebody meant: numbers above 0, by class. */
export const classWeightsForm: Form = {
  words: "'balanced', or a number above 0 for each class, such as { rare: 5 }",
  holds: value =>
    value === 'balanced' ||
    (typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.keys(value).length > 0 &&
      Object.values(value).every(one => typeof one === 'number' && Number.isFinite(one) && one > 0)),
}

/** What a label of a task may be. */
const labelTypes: Readonly<Record<Task, readonly ScalarType[]>> = {
  binary: ['bool'],
  multiclass: ['text', 'int', 'bool'],
  regression: ['int', 'float'],
  quantile: ['int', 'float'],
  count: ['int', 'float'],
}

/** Refuses what does not fit the task. */
export function checkTask(
  name: string,
  {
    task,
    quantile,
    classWeights,
  }: { readonly task: Task; readonly quantile?: number; readonly classWeights?: ClassWeights },
  label: Node,
): void {
  if (!labelTypes[task].includes(label.type))
    refuse('model', name, `a ${task} label cannot be ${label.type}: ${labelTypes[task].join(', ')}`)
  if (task === 'quantile' && quantile === undefined)
    refuse('model', name, 'needs quantile: the share of the truths that is to stay below the prediction, such as 0.9')
  if (task !== 'quantile' && quantile !== undefined)
    refuse('model', name, `quantile has no effect: it is of quantile models, this one is ${task}`)
  if (classWeights !== undefined && !isClassification(task))
    refuse('model', name, `classWeights has no effect: a ${task} label has no classes`)
  const strange = classWeights !== undefined && classWeights !== 'balanced' && task === 'binary'
  const unknown = strange ? Object.keys(classWeights).find(one => one !== 'true' && one !== 'false') : undefined
  if (unknown !== undefined) refuse('model', name, `classWeights names '${unknown}': the classes are true and false`)
}

export function weightOf(name: string, made: unknown): Node {
  const node = nodeOf(name, 'weight', made)
  if (node.type !== 'int' && node.type !== 'float') refuse('model', name, `weight cannot be ${node.type}`)
  const feature = columnsOf(node).find(column => column.includes('.'))
  if (feature !== undefined) refuse('model', name, `weight reads the feature ${feature}: it is made of columns`)
  return node
}
