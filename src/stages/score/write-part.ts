import { join } from 'node:path'
import { isClassification } from '../../math/task.ts'
import { digestFile } from '../../internal/digest.ts'
import { ulid } from '../../internal/ids.ts'
import type { Column, DataEngine } from '../../ports/data-engine.ts'
import type { ServedVersion } from '../serve/served-version.ts'
import type { Block } from './blocks.ts'
import { partName, type ScorePart } from './manifest.ts'

/** Rows after which a part is written: what an interruption loses at most, and what the engine holds. */
const maxPartRows = 500_000

type Version = Pick<ServedVersion, 'model' | 'card' | 'record'>

/** Names of the columns that scores have, after those that are kept. */
export function scoreColumns({ model, card }: Version): readonly string[] {
  return [
    'score',
    ...(isClassification(model.task) ? ['label'] : []),
    ...(model.task === 'multiclass' ? card.classes.map(name => `score_${name}`) : []),
  ]
}

/** Collects scored rows of one input and writes them as parts of the result. */
export class PartWriter {
  readonly #engine: DataEngine
  readonly #version: Version
  readonly #input: { readonly index: number; readonly shown: string }
  readonly #keep: readonly string[]
  #table = `scores_${ulid()}`
  #rows = 0
  #from = 0
  #last = 0

  constructor(
    engine: DataEngine,
    version: Version,
    input: { readonly index: number; readonly shown: string },
    keep: readonly string[],
  ) {
    this.#engine = engine
    this.#version = version
    this.#input = input
    this.#keep = keep
  }

  /** Whether it is time for a part. */
  get full(): boolean {
    return this.#rows >= maxPartRows
  }

  get empty(): boolean {
    return this.#rows === 0
  }

  /** Scores are rows × outputs. */
  async add({ rows, numbers, columns }: Block, scores: Float32Array): Promise<void> {
    if (this.#rows === 0) this.#from = numbers[0] as number
    this.#last = numbers[rows - 1] as number
    this.#rows += rows
    const outputs = scores.length / rows
    const scored = Array.from({ length: outputs }, (_, at): Column => {
      const values = new Float64Array(rows)
      for (let row = 0; row < rows; row++) values[row] = scores[row * outputs + at] as number
      return { name: `s${at}`, type: 'float', values }
    })
    const kept = this.#keep.map((_, i) => columns.get(`k${i}`) as Column)
    await this.#engine.load(this.#table, [{ name: 'n', type: 'float', values: numbers }, ...kept, ...scored], true)
  }

  /** SQL of what is told of a row's scores, as `said` tells it of a request's. */
  #told(): string[] {
    const { dialect } = this.#engine
    const { model, card } = this.#version
    if (model.task === 'binary') return ['s0 AS score', `s0 >= ${dialect.literal(model.threshold, 'float')} AS label`]
    if (model.task !== 'multiclass') return ['s0 AS score']
    const all = card.classes.map((_, at) => `s${at}`)
    const top = `greatest(${all.join(', ')})`
    // of equal ones the first, as of a request
    const cases = card.classes.map((name, at) => `WHEN s${at} = ${top} THEN ${dialect.literal(name, 'text')}`)
    return [
      `${top} AS score`,
      `CASE ${cases.join(' ')} END AS label`,
      ...card.classes.map((name, at) => `s${at} AS ${dialect.identifier(`score_${name}`)}`),
    ]
  }

  /** Writes what was collected as the part with that number, whole or not at all. */
  async write(folder: string, number: number): Promise<ScorePart> {
    const { dialect } = this.#engine
    const name = partName(number)
    const path = join(folder, name)
    const selected = [
      `${dialect.literal(this.#input.shown, 'text')} AS file`,
      'CAST(n AS BIGINT) AS row',
      ...this.#keep.map((column, i) => `k${i} AS ${dialect.identifier(column)}`),
      ...this.#told(),
      `${this.#version.record.version} AS version`,
    ]
    // Of the table: what is kept may be called n too
    const sql = `SELECT ${selected.join(', ')} FROM ${this.#table} ORDER BY ${this.#table}.n`
    const rows = await this.#engine.writeParquet(sql, path)
    await this.drop()
    const part = { name, input: this.#input.index, from: this.#from, until: this.#last + 1, rows }
    this.#rows = 0
    return { ...part, ...(await digestFile(path)) }
  }

  async drop(): Promise<void> {
    await this.#engine.execute(`DROP TABLE IF EXISTS ${this.#table}`)
  }
}
