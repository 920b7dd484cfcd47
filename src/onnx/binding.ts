import { fail } from '../errors/catalogue.ts'
import type { Task } from '../math/task.ts'
import type { ModelSignature, SignatureInput } from './signature.ts'

/** An input of a model as Millrace has it: numbers and truth values are float32 (NaN for missing), texts are texts. */
export interface RowInput {
  readonly name: string
  readonly type: 'int' | 'float' | 'bool' | 'text'
}

/** The named inputs that make a row of one graph input, in the order of its columns. */
export interface Feed {
  readonly input: string
  readonly of: readonly string[]
}

/** How the scores of a row are read from what the graph gives. */
export interface ScoreReading {
  readonly output: string
  /**
   * `tensor`, `maps` and `list` give scores in columns. `label` gives a class, which counts as certain: its score is 1 and
   * that of the others 0.
   */
  readonly form: 'tensor' | 'maps' | 'list' | 'label'
  /** Columns that the graph gives a row; 1 for a label. */
  readonly width: number
  /** Column of each score; of a label, the classes that the scores stand for. */
  readonly columns: readonly (number | string)[]
}

/**
 * Which inputs of a model feed which input of its graph, and how its scores are read: plain data, kept with the version,
 * so that what it means does not depend on the names that its framework chose.
 */
export interface ModelBinding {
  readonly version: 1
  readonly task: Task
  /** The row in its order. A runtime is given the numbers of it, and the texts of it. */
  readonly inputs: readonly RowInput[]
  readonly feeds: readonly Feed[]
  readonly scores: ScoreReading
}

const numberTypes: readonly string[] = ['float32', 'float64', 'int64', 'int32', 'bool']
export const takesNumbers = (type: string): boolean => numberTypes.includes(type)

/** Far above any table; a shape may claim anything, and memory is set aside for what it says. */
export const maxWidth = 100_000
const maxFixedValues = 2 ** 24

/** What is too large about what an input says of itself; undefined when nothing is. */
export function sizeProblem({ name, width = 1, rows = 1 }: SignatureInput): string | undefined {
  if (width > maxWidth) return `its input "${name}" takes ${width} values a row, at most ${maxWidth} are served`
  if (rows * width <= maxFixedValues) return undefined
  return `its input "${name}" takes ${rows} rows of ${width} at once, at most ${maxFixedValues} values are served`
}

/** Throws `onnxNotServable`. */
export function refuseModel(reason: string, file = 'the model'): never {
  throw fail('onnxNotServable', { file, reason })
}

/** Throws `onnxNotServable` unless every feed and the score reading fit the graph. */
export function checkBinding(signature: ModelSignature, binding: ModelBinding, file = 'the model'): void {
  if (binding.version !== 1) refuseModel(`its binding has the unknown form ${String(binding.version)}`, file)
  const fed = new Map(binding.feeds.map(feed => [feed.input, feed]))
  if (fed.size < binding.feeds.length) refuseModel('its binding feeds an input twice', file)
  const types = new Map(binding.inputs.map(input => [input.name, input.type]))
  for (const input of signature.inputs) {
    const feed = fed.get(input.name)
    if (!feed) return refuseModel(`its input "${input.name}" is fed by nothing`, file)
    fed.delete(input.name)
    checkFeedable(signature, input, file)
    if (input.width !== undefined && input.width !== feed.of.length) {
      refuseModel(
        `its input "${input.name}" takes ${count(input.width)} a row and is given ${feed.of.length}: ${feed.of.join(', ')}`,
        file,
      )
    }
    for (const name of feed.of) {
      const type = types.get(name)
      if (type === undefined) return refuseModel(`its input "${input.name}" is fed "${name}", which is no input`, file)
      if ((type === 'text') !== (input.type === 'string')) {
        refuseModel(`its input "${input.name}" takes ${input.type}, "${name}" is ${type}`, file)
      }
    }
  }
  const [unknown] = fed.keys()
  if (unknown !== undefined) {
    const known = signature.inputs.map(input => `"${input.name}"`).join(', ') || 'none'
    refuseModel(`it has no input "${unknown}", only ${known}`, file)
  }
  checkReading(signature, binding, file)
}

const count = (width: number): string => `${width} value${width === 1 ? '' : 's'}`

function checkFeedable(signature: ModelSignature, input: SignatureInput, file: string): void {
  const { name, kind, type, shape, rows } = input
  if (kind !== 'tensor') refuseModel(`its input "${name}" is no tensor but ${kind}`, file)
  if (type !== 'string' && !takesNumbers(type))
    refuseModel(`its input "${name}" takes ${type}, which no column is`, file)
  const large = sizeProblem(input)
  if (large) refuseModel(large, file)
  if (shape?.length === 0) refuseModel(`its input "${name}" is one value for all rows, not one a row`, file)
  const other = signature.inputs.find(one => one.rows !== rows)
  if (other) {
    const said = (fixed: number | undefined): string => (fixed === undefined ? 'any number of rows' : `${fixed} rows`)
    refuseModel(`its input "${name}" takes ${said(rows)} and "${other.name}" ${said(other.rows)}`, file)
  }
}

function checkReading({ outputs }: ModelSignature, { scores }: ModelBinding, file: string): void {
  const output = outputs.find(one => one.name === scores.output)
  if (!output) {
    const known = outputs.map(one => `"${one.name}"`).join(', ') || 'none'
    return refuseModel(`it has no output "${scores.output}", only ${known}`, file)
  }
  const form = scores.form === 'label' ? 'tensor' : scores.form
  if (output.form !== form) refuseModel(`its output "${output.name}" is not read as ${scores.form}`, file)
  if (scores.form === 'label') return
  const outside = scores.columns.find(at => typeof at !== 'number' || !(at >= 0 && at < scores.width))
  if (outside !== undefined || scores.columns.length === 0) {
    refuseModel(`column ${String(outside)} of its output "${output.name}" is not one of ${scores.width}`, file)
  }
}
