import { isClassification, type Task } from '../math/task.ts'
import {
  checkBinding,
  type Feed,
  maxWidth,
  type ModelBinding,
  refuseModel,
  type RowInput,
  type ScoreReading,
  sizeProblem,
  takesNumbers,
} from './binding.ts'
import type { GraphClasses } from './graph-classes.ts'
import type { ModelSignature, SignatureInput, SignatureOutput } from './signature.ts'

export interface BindingRequest {
  /** The model's inputs in their order. */
  readonly inputs: readonly RowInput[]
  readonly task: Task
  /** Classes in the order in which scores are wanted; of a binary model the negative and the positive one. */
  readonly classes?: readonly (string | number | boolean)[] | undefined
  /** Inputs of the graph with the names that feed them; what is not named here is bound by itself. */
  readonly feeds?: Readonly<Record<string, string | readonly string[]>> | undefined
  /** The output to read, where several could be meant. */
  readonly output?: string | undefined
  readonly file?: string | undefined
}

/**
 * Binds a model's inputs to those of a graph where only one way is meant: one tensor of all numbers (and one of all texts),
 * or graph inputs of one column by their names with one tensor for the rest. Throws `onnxNotServable`, naming both sides, where that
 * is not so.
 */
export function defaultBinding(signature: ModelSignature, request: BindingRequest): ModelBinding {
  const { inputs, task, file } = request
  const binding: ModelBinding = {
    version: 1,
    task,
    inputs: inputs.map(({ name, type }) => ({ name, type })),
    feeds: feedsOf(signature, request),
    scores: readingOf(signature, request),
  }
  checkBinding(signature, binding, file)
  return binding
}

function feedsOf(signature: ModelSignature, { inputs, feeds = {}, file }: BindingRequest): Feed[] {
  const named = Object.entries(feeds).map(([input, of]) => ({ input, of: typeof of === 'string' ? [of] : [...of] }))
  const used = new Set(named.flatMap(feed => feed.of))
  let rest = signature.inputs.filter(input => !named.some(feed => feed.input === input.name))
  let left = inputs.filter(input => !used.has(input.name))
  const bound: Feed[] = [...named]
  if (!fitsByOrder(rest, left)) {
    for (const input of rest) {
      const same = left.filter(one => sameName(one.name, input.name))
      const exact = left.find(one => one.name === input.name) ?? (same.length === 1 ? same[0] : undefined)
      if (!exact || (input.width ?? 1) !== 1 || isText(input) !== (exact.type === 'text')) continue
      bound.push({ input: input.name, of: [exact.name] })
      left = left.filter(one => one !== exact)
    }
    rest = rest.filter(input => !bound.some(feed => feed.input === input.name))
  }
  if (!fitsByOrder(rest, left)) {
    if (rest.length === 0) {
      refuseModel(
        `nothing in the graph takes ${left.map(one => `"${one.name}"`).join(', ')}: leave it out of the inputs`,
        file,
      )
    }
    const graphSide = rest.map(said).join(', ')
    const modelSide = left.map(one => `${one.name} (${one.type})`).join(', ') || 'nothing more'
    refuseModel(
      `which input feeds which is not clear: the graph takes ${graphSide}, and there is ${modelSide}; name the inputs of the graph with what feeds them`,
      file,
    )
  }
  for (const input of rest) {
    bound.push({
      input: input.name,
      of: left.filter(one => isText(input) === (one.type === 'text')).map(one => one.name),
    })
  }
  // In the graph's order, so that equal bindings are equal data
  const place = new Map(signature.inputs.map((input, at) => [input.name, at]))
  return bound.toSorted((a, b) => (place.get(a.input) ?? 0) - (place.get(b.input) ?? 0))
}

const isText = (input: SignatureInput): boolean => input.type === 'string'

/** Exporters write letters, digits and underscores. */
const sameName = (a: string, b: string): boolean => plainName(a) === plainName(b)
const plainName = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')

const said = ({ name, type, width }: SignatureInput): string =>
  `"${name}" (${width === undefined ? 'any number of' : width} ${type})`

/** At most one tensor of numbers and one of texts, which take exactly what there is. */
function fitsByOrder(graph: readonly SignatureInput[], left: readonly RowInput[]): boolean {
  const texts = left.filter(one => one.type === 'text').length
  const takes = (tensors: readonly SignatureInput[], have: number): boolean => {
    const [first] = tensors
    if (!first) return have === 0
    return tensors.length === 1 && (first.width === undefined ? have > 0 : first.width === have)
  }
  const numeric = graph.filter(input => takesNumbers(input.type))
  const textual = graph.filter(isText)
  return (
    numeric.length + textual.length === graph.length && takes(numeric, left.length - texts) && takes(textual, texts)
  )
}

const scoreTypes: readonly string[] = ['float32', 'float64', 'int64', 'int32']

/** The output with the scores: the one that was named, the one that can be meant, or a refusal that lists them. */
function readingOf(signature: ModelSignature, request: BindingRequest): ScoreReading {
  const { task, output: wanted, file } = request
  const { outputs } = signature
  const listed = outputs.map(one => `"${one.name}"`).join(', ') || 'none'
  const readable = outputs.filter(one => one.form !== 'other' && (one.label || scoreTypes.includes(one.type)))
  if (wanted !== undefined) {
    const found = readable.find(one => one.name === wanted)
    return found
      ? reading(found, signature, request)
      : refuseModel(`its outputs are ${listed}: "${wanted}" is none that can be read`, file)
  }
  const unlabelled = readable.filter(one => !one.label)
  // Beside decimals, whole numbers are what a classifier decided
  const decimal = unlabelled.filter(one => one.type.startsWith('float'))
  const scores = isClassification(task) && decimal.length > 0 ? decimal : unlabelled
  const likely =
    scores.length > 1 && isClassification(task) ? scores.filter(one => /prob|score/i.test(one.name)) : scores
  const [first] = likely.length === 1 ? likely : scores
  if (first && (scores.length === 1 || likely.length === 1)) return reading(first, signature, request)
  if (scores.length > 1) refuseModel(`its outputs are ${listed}: say which one holds the scores`, file)
  const [label] = readable
  if (label && readable.length === 1) return reading(label, signature, request)
  return refuseModel(`none of its outputs can be read as a score: ${listed}`, file)
}

function reading(output: SignatureOutput, signature: ModelSignature, request: BindingRequest): ScoreReading {
  const { task, file } = request
  const form = output.form === 'other' ? refuseModel(`its output "${output.name}" cannot be read`, file) : output.form
  if ((output.width ?? 1) > maxWidth)
    refuseModel(`its output "${output.name}" gives ${output.width} values a row`, file)
  if (!isClassification(task)) {
    if (form !== 'tensor' || (output.width ?? 1) !== 1 || output.type === 'string') {
      refuseModel(`its output "${output.name}" gives ${sizeOf(output)}, a ${task} model gives one number a row`, file)
    }
    return { output: output.name, form, width: 1, columns: [0] }
  }
  if (output.margin !== undefined) {
    refuseModel(`its output "${output.name}" holds margins, no probabilities: ${output.margin}`, file)
  }
  const classes = output.classes ?? classesBeside(signature, output)
  if (output.label) return labelReading(output, classes, request)
  // Where nothing tells, the number of columns is assumed here and found wrong when the graph runs for the first time
  const width = output.width ?? classes?.length ?? (task === 'binary' ? 1 : (request.classes?.length ?? 0))
  const columns =
    task === 'binary' ? [positiveColumn(output, width, classes, request)] : ordered(output, width, classes, request)
  return { output: output.name, form, width, columns }
}

const sizeOf = ({ form, width, type }: SignatureOutput): string =>
  form === 'tensor' ? `${width ?? 'any number of'} ${type} a row` : `a list a row`

/** What the label of the same graph may be. */
function classesBeside({ outputs }: ModelSignature, { width }: SignatureOutput): GraphClasses | undefined {
  const lists = outputs.flatMap(one => (one.label && one.classes ? [one.classes] : []))
  const fitting = lists.filter(list => width === undefined || width === 1 || list.length === width)
  return fitting.length === 1 ? fitting[0] : undefined
}

/** A class as text. Truth values are 0 and 1 in a graph. */
function classText(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (value === 'true' || value === 'True') return '1'
  if (value === 'false' || value === 'False') return '0'
  return String(value)
}

function placeOf(classes: GraphClasses, wanted: string | number | boolean): number {
  return classes.findIndex(one => classText(one) === classText(wanted))
}

/** Column of the positive class. */
function positiveColumn(
  output: SignatureOutput,
  width: number,
  classes: GraphClasses | undefined,
  request: BindingRequest,
): number {
  const { file } = request
  const asked = request.classes?.[1]
  if (width === 1) {
    // One column is the probability of the second class, as everywhere
    const positive = classes?.length === 2 && asked !== undefined ? placeOf(classes, asked) : 1
    return positive === 1
      ? 0
      : refuseModel(`its output "${output.name}" is the probability of "${classes?.[1]}", not of "${asked}"`, file)
  }
  if (width !== 2) {
    return refuseModel(`its output "${output.name}" gives ${width} columns, a binary model gives 1 or 2`, file)
  }
  if (!classes) return 1
  if (asked !== undefined) {
    const at = placeOf(classes, asked)
    return at >= 0 ? at : refuseModel(`its classes are ${listOf(classes)}, and "${asked}" is none of them`, file)
  }
  const greater = classes.findIndex(one => classText(one) === '1')
  return greater >= 0
    ? greater
    : refuseModel(`its classes are ${listOf(classes)}: say which of them is the positive one`, file)
}

const listOf = (classes: readonly (string | number | boolean)[]): string => classes.map(one => `"${one}"`).join(', ')

/** Column of each class that is asked for; as they come where nobody asks. */
function ordered(
  output: SignatureOutput,
  width: number,
  classes: GraphClasses | undefined,
  request: BindingRequest,
): number[] {
  const { classes: asked, file } = request
  if (asked && asked.length !== width) {
    refuseModel(
      `its output "${output.name}" gives ${width} columns${classes ? ` (${listOf(classes)})` : ''}, the classes are ${asked.length}: ${listOf(asked)}`,
      file,
    )
  }
  if (!asked || !classes) return Array.from({ length: width }, (_, at) => at)
  return asked.map(one => {
    const at = placeOf(classes, one)
    return at >= 0 ? at : refuseModel(`its classes are ${listOf(classes)}, and "${one}" is none of them`, file)
  })
}

/** A class alone is as good as certain. */
function labelReading(
  output: SignatureOutput,
  classes: GraphClasses | undefined,
  request: BindingRequest,
): ScoreReading {
  const { task, classes: asked, file } = request
  const known = classes ?? asked ?? (task === 'binary' ? [0, 1] : undefined)
  if (!known) return refuseModel(`its output "${output.name}" names classes of which nothing tells the list`, file)
  const wanted =
    task === 'binary'
      ? [asked?.[1] ?? known[positiveColumn(output, 2, known.map(classText), request)] ?? 1]
      : (asked ?? known)
  const missing = classes && wanted.find(one => placeOf(classes, one) < 0)
  if (missing !== undefined) refuseModel(`its classes are ${listOf(known)}, and "${missing}" is none of them`, file)
  return { output: output.name, form: 'label', width: 1, columns: wanted.map(classText) }
}

/**
 * What a graph is taken to mean where nobody says: its inputs in their order are the row, the output `scores` or the last of
 * decimals is the score; two columns beside a label are a binary classifier's. Throws `onnxNotServable`.
 */
export function assumedBinding(signature: ModelSignature, file?: string): ModelBinding {
  const inputs: RowInput[] = []
  const feeds = signature.inputs.map((input): Feed => {
    const { name, type, width } = input
    const large = sizeProblem(input)
    if (large) refuseModel(large, file)
    if (width === undefined) refuseModel(`the width of its input "${name}" is not fixed`, file)
    const of = Array.from({ length: width }, (_, at) => `${name} ${at}`)
    inputs.push(...of.map((one): RowInput => ({ name: one, type: type === 'string' ? 'text' : 'float' })))
    return { input: name, of }
  })
  const scored = signature.outputs.filter(
    one => !one.label && one.form !== 'other' && (one.type === 'float32' || one.type === 'float64'),
  )
  const output = scored.find(one => one.name === 'scores') ?? scored.at(-1)
  if (!output || output.form === 'other') return refuseModel('none of its outputs can be read as a score', file)
  const second = output.name !== 'scores' && output.width === 2 && signature.outputs.some(one => one !== output)
  const width = output.width ?? 1
  if (width > maxWidth) refuseModel(`its output "${output.name}" gives ${width} values a row`, file)
  const columns = second ? [1] : Array.from({ length: width }, (_, at) => at)
  const task = second ? 'binary' : 'regression'
  const binding: ModelBinding = {
    version: 1,
    task,
    inputs,
    feeds,
    scores: { output: output.name, form: output.form, width, columns },
  }
  checkBinding(signature, binding, file)
  return binding
}
