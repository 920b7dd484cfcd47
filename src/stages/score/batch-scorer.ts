import { toSql, columnsOf, type Node } from '../../define/expression/index.ts'
import type { Model } from '../../define/model.ts'
import type { Column, Dialect } from '../../ports/data-engine.ts'
import type { InferenceBatch } from '../../ports/inference-runtime.ts'
import type { ServedVersion } from '../serve/served-version.ts'

/** Rows of a run: what a core's cache holds of them and the trees, and enough that nobody waits for messages. */
const rowsAtOnce = 8_192

/** Greatest number that a float32 holds; what is beyond it would be scored as another. */
const maxFloat32 = 3.4028235677973366e38

/** SELECT expressions of a model's inputs, `i0`, `i1`, …: numbers as double, as the served route has them before it rounds. */
export function inputsSql(model: Model, dialect: Dialect, reach?: (name: string) => string): string[] {
  return model.inputs.map(({ node, type }, i) => {
    const sql = toSql(node, dialect, reach)
    if (type === 'text') return `${sql} AS i${i}`
    return `${dialect.cast(node.type === 'bool' ? dialect.cast(sql, 'int') : sql, 'float')} AS i${i}`
  })
}

/** Why a row of a block has no score. */
export interface Unscorable {
  /** Place in the block. */
  readonly at: number
  readonly column: string
  readonly reason: string
}

const readBy = (node: Node): string => columnsOf(node).join(', ')

/** Scores blocks of rows as the served route scores each of them: the same inputs in float32, the same runtime. */
export class BatchScorer {
  readonly #version: ServedVersion
  readonly #numbers: readonly number[] = []
  readonly #texts: readonly number[] = []

  constructor(version: ServedVersion) {
    this.#version = version
    const places = (isText: boolean): number[] =>
      version.model.inputs.flatMap((input, i) => ((input.type === 'text') === isText ? [i] : []))
    this.#numbers = places(false)
    this.#texts = places(true)
  }

  /** Scores of a row. */
  get outputs(): number {
    return this.#version.loaded.outputs
  }

  /** `columns` are those of `inputsSql`. rows × outputs, or the first row that has no score. */
  async score(columns: ReadonlyMap<string, Column>, rows: number): Promise<Float32Array | Unscorable> {
    const { outputs } = this
    const scores = new Float32Array(rows * outputs)
    const runs: Promise<Unscorable | undefined>[] = []
    for (let from = 0; from < rows; from += rowsAtOnce) {
      const batch = this.#batch(columns, from, Math.min(rowsAtOnce, rows - from))
      if ('reason' in batch) {
        runs.push(Promise.resolve(batch))
        break
      }
      runs.push(this.#run(batch, from, scores))
    }
    return (await Promise.all(runs)).find(one => one !== undefined) ?? scores
  }

  async #run(batch: InferenceBatch, from: number, scores: Float32Array): Promise<Unscorable | undefined> {
    const { outputs } = this
    const found = (await this.#version.loaded.run(batch)).scores
    const without = found.findIndex(score => !Number.isFinite(score))
    if (without >= 0) {
      const reason = 'the model has no finite score for these values'
      return { at: from + Math.floor(without / outputs), column: '*', reason }
    }
    scores.set(found, from * outputs)
    return undefined
  }

  #batch(columns: ReadonlyMap<string, Column>, from: number, rows: number): InferenceBatch | Unscorable {
    const width = this.#numbers.length
    const features = new Float32Array(rows * width)
    for (const [c, input] of this.#numbers.entries()) {
      const values = columns.get(`i${input}`)?.values as Float64Array
      for (let r = 0, to = c; r < rows; r++, to += width) {
        const value = values[from + r] as number
        if (value > maxFloat32 || value < -maxFloat32) return this.#tooLarge(input, from + r)
        features[to] = value
      }
    }
    if (this.#texts.length === 0) return { rows, features }
    const texts = this.#texts.map(input => columns.get(`i${input}`)?.values as readonly string[])
    const categories: string[] = []
    for (let r = 0; r < rows; r++) for (const text of texts) categories.push(text[from + r] as string)
    return { rows, features, categories }
  }

  #tooLarge(input: number, at: number): Unscorable {
    const { name, node } = this.#version.model.inputs[input] as Model['inputs'][number]
    return { at, column: readBy(node), reason: `makes the input ${name} larger than the model can take (±3.4e38)` }
  }
}
