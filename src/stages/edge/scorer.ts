import { toEvaluator, type Evaluator } from '../../define/expression/row.ts'
import type { EdgeDescription, EdgeFeed } from './description.ts'

// Runs in browsers and wherever else a model is taken to: it imports what computes a row, and nothing of Node.

type Value = null | boolean | number | bigint | string

/** What a caller may give: a time as a Date, as text with a zone, or as microseconds since 1970. */
export type EdgeRow = Readonly<Record<string, Value | Date | undefined>>

/** Of a binary model the probability and whether it is decided so; of several classes each one's; else the number. */
export interface EdgeScore {
  readonly score: number
  readonly label?: string | boolean
  readonly probabilities?: Readonly<Record<string, number>>
}

/** What of ONNX Runtime is used; onnxruntime-web and onnxruntime-node both have it. */
export interface EdgeRuntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options?: object): Promise<EdgeSession>
  }
  readonly Tensor: new (type: never, data: never, dims: readonly number[]) => unknown
}
interface EdgeSession {
  run(feeds: never, outputs: readonly string[]): Promise<Record<string, { readonly data: unknown } | undefined>>
}

export interface EdgeModel {
  readonly description: EdgeDescription
  /** Throws an `Error` that names the row and the column for what cannot be scored. */
  score(rows: readonly EdgeRow[]): Promise<EdgeScore[]>
}

/** Loads an exported model into a runtime. */
export async function edgeModel(
  runtime: EdgeRuntime,
  description: EdgeDescription,
  onnx: Uint8Array,
): Promise<EdgeModel> {
  if (description.kind !== 'edge model' || description.schema !== 1) throw new Error('model.json has an unknown form')
  const session = await runtime.InferenceSession.create(onnx, {
    intraOpNumThreads: 1,
    graphOptimizationLevel: 'extended',
  })
  const encode = encoderOf(description)
  const { output, width } = description.scores
  const run = async (rows: EncodedRow[]): Promise<ArrayLike<number | bigint | string>> => {
    const feeds = Object.fromEntries(
      description.feeds.map(feed => [
        feed.input,
        new runtime.Tensor(feed.type as never, tensorData(feed, rows) as never, [rows.length, ...feed.dims]),
      ]),
    )
    const data = (await session.run(feeds as never, [output]))[output]?.data as ArrayLike<number | bigint | string>
    if (data?.length !== rows.length * width)
      throw new Error(`the model gave ${data?.length} scores for ${rows.length} rows`)
    return data
  }
  return {
    description,
    async score(rows) {
      const encoded = rows.map(encode)
      const size = description.rows ?? encoded.length
      const scores: EdgeScore[] = []
      for (let from = 0; from < encoded.length; from += size) {
        const piece = encoded.slice(from, from + size)
        const count = piece.length
        // A graph of a fixed number of rows gets the last one more than once
        while (piece.length < size) piece.push(piece[count - 1] as EncodedRow)
        const data = await run(piece)
        for (let row = 0; row < count; row++) scores.push(scoreOf(description, data, row * width))
      }
      return scores
    },
  }
}

interface EncodedRow {
  readonly row: number
  readonly numbers: readonly number[]
  readonly texts: readonly string[]
}

function encoderOf({ columns, inputs }: EdgeDescription): (row: EdgeRow, at: number) => EncodedRow {
  const evaluators = (text: boolean): Evaluator[] =>
    inputs.filter(input => (input.type === 'text') === text).map(input => toEvaluator(input.node))
  const numbers = evaluators(false)
  const texts = evaluators(true)
  return (given, at) => {
    const values = new Map<string, Value>()
    for (const column of columns) values.set(column.name, valueOf(given[column.name], column, at))
    const read = (name: string): Value => values.get(name) ?? null
    return {
      row: at,
      // float32, as training saw them
      numbers: numbers.map(evaluate => {
        const value = evaluate(read)
        return value === null ? Number.NaN : Math.fround(Number(value))
      }),
      texts: texts.map(evaluate => (evaluate(read) as string | null) ?? ''),
    }
  }
}

function valueOf(
  given: Value | Date | undefined,
  { name, type, nullable, feature }: EdgeDescription['columns'][number],
  row: number,
): Value {
  const refuse = (reason: string): never => {
    throw new Error(`row ${row + 1}, "${name}": ${reason}`)
  }
  if (given === undefined) return refuse('it is missing')
  if (given === null) return nullable || feature ? null : refuse('it must not be null')
  if (type === 'timestamp')
    return instantOf(given) ?? refuse('it is no time: give a Date, a text with a zone, or microseconds')
  const kind = typeof given
  const right =
    type === 'text' ? kind === 'string' : type === 'bool' ? kind === 'boolean' : kind === 'number' || kind === 'bigint'
  if (!right || given instanceof Date) return refuse(`it must be ${type}`)
  if (type === 'int' && kind === 'number' && !Number.isSafeInteger(given)) return refuse('it must be a whole number')
  return given
}

/** Microseconds since 1970. */
function instantOf(given: Exclude<Value, null> | Date): number | undefined {
  if (typeof given === 'number') return Number.isFinite(given) ? Math.trunc(given) : undefined
  if (typeof given === 'bigint') return Number(given)
  if (given instanceof Date) return Number.isNaN(given.getTime()) ? undefined : given.getTime() * 1000
  if (typeof given !== 'string') return undefined
  const match = /^(.*?)(?:\.(\d{1,6})\d*)?(Z|[+-]\d\d:?\d\d)$/.exec(given.trim())
  if (!match) return undefined
  const seconds = Date.parse(`${match[1]}${match[3]}`)
  return Number.isNaN(seconds) ? undefined : seconds * 1000 + Number((match[2] ?? '').padEnd(6, '0'))
}

function tensorData({ type, of }: EdgeFeed, rows: readonly EncodedRow[]): unknown {
  if (type === 'string') return rows.flatMap(({ texts }) => of.map(place => texts[place] ?? ''))
  const values = rows.flatMap(({ numbers }) => of.map(place => numbers[place] ?? Number.NaN))
  if (type === 'float32') return Float32Array.from(values)
  if (type === 'float64') return Float64Array.from(values)
  const bad = values.findIndex(value => !Number.isInteger(value))
  if (bad >= 0) {
    const { row } = rows[Math.floor(bad / of.length)] as EncodedRow
    throw new Error(
      `row ${row + 1}: the model takes whole numbers, one is ${Number.isNaN(values[bad]) ? 'missing' : values[bad]}`,
    )
  }
  if (type === 'int64') return BigInt64Array.from(values.map(BigInt))
  return type === 'int32' ? Int32Array.from(values) : Uint8Array.from(values)
}

function scoreOf(
  { task, classes, threshold, scores: { label, columns } }: EdgeDescription,
  data: ArrayLike<number | bigint | string>,
  from: number,
): EdgeScore {
  const values = columns.map(column =>
    label ? Number(String(data[from]) === column) : Math.fround(Number(data[from + Number(column)])),
  )
  const [score = Number.NaN] = values
  if (task === 'binary') return { score, label: score >= threshold }
  if (task !== 'multiclass') return { score }
  const best = values.indexOf(Math.max(...values))
  return {
    score: values[best] ?? Number.NaN,
    label: classes[best] ?? String(best),
    probabilities: Object.fromEntries(values.map((value, at) => [classes[at] ?? String(at), value])),
  }
}
