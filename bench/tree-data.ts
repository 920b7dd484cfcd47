import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

/** Train and test rows of one data set, column-major; both sides of the benchmark read the same file. */
export interface BenchData {
  readonly name: string
  /** By column: how many codes a categorical one has, 0 for a number. */
  readonly codes?: readonly number[]
  readonly train: BenchPart
  readonly test: BenchPart
}

export interface BenchPart {
  readonly rows: number
  readonly columns: readonly Float32Array[]
  readonly labels: Float32Array
}

function split(name: string, columns: readonly Float32Array[], labels: Float32Array, trainRows: number): BenchData {
  const part = (from: number, to: number): BenchPart => ({
    rows: to - from,
    columns: columns.map(column => column.slice(from, to)),
    labels: labels.slice(from, to),
  })
  return { name, train: part(0, trainRows), test: part(trainRows, labels.length) }
}

/** A million flights to learn from and 200,000 others: is the flight more than 15 minutes late? */
export async function flights(): Promise<BenchData> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const reader = await connection.runAndReadAll(`
    with numbered as (
      select *, row_number() over () as n from 'node_modules/vega-datasets/data/flights-3m.parquet'
    ), places as (
      select origin as name, row_number() over (order by origin) as code from (select distinct origin from numbered
      union select distinct destination from numbered)
    )
    select month(date), dayofweek(date), hour(date), minute(date), distance, a.code, b.code, (delay > 15)::int
    from numbered join places a on a.name = origin join places b on b.name = destination
    where n % 5 < 2 order by hash(n) limit 1200000`)
  const data = reader.getColumns().map(column => Float32Array.from(column, Number))
  connection.closeSync()
  return split('flights 1M x 7', data.slice(0, 7), data[7] as Float32Array, 1_000_000)
}

/** The same flights with origin and destination as texts. */
export function airports(data: BenchData): BenchData {
  const codes = [0, 0, 0, 0, 0, 400, 400]
  return { ...data, name: 'flights, airports as texts', codes }
}

function uniform(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** Normal features and a label with linear, squared and product terms, 2 % of the labels turned around. */
export function generated(rows: number, width: number, seed: number): BenchData {
  const random = uniform(seed)
  const all = Math.round(rows * 1.25)
  const columns = Array.from({ length: width }, () => new Float32Array(all))
  const labels = new Float32Array(all)
  for (let row = 0; row < all; row++) {
    for (const column of columns) {
      column[row] = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    }
    const x = (at: number): number => columns[at]?.[row] ?? 0
    const score =
      2 * x(0) - x(1) + 1.5 * x(2) * x(3) + x(4) ** 2 - 1 + 1.2 * Math.sin(3 * x(5)) + x(6) * (x(7) > 0 ? 1 : -1)
    labels[row] = score > 0 !== random() < 0.02 ? 1 : 0
  }
  return split(`${rows / 1000}k x ${width}`, columns, labels, rows)
}

/** One text of 300 values whose effects are in no order, alone and with a number, beside four numbers. */
export function categorical(rows: number, seed: number, codes = 300): BenchData {
  const random = uniform(seed)
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const all = Math.round(rows * 1.25)
  const columns = Array.from({ length: 5 }, () => new Float32Array(all))
  const labels = new Float32Array(all)
  const effects = Array.from({ length: codes }, () => [normal(), normal()] as const)
  for (let row = 0; row < all; row++) {
    // Some are much more frequent than others
    const code = Math.floor(random() ** 2 * codes)
    columns.forEach((column, at) => {
      column[row] = at === 0 ? code : normal()
    })
    const x = (at: number): number => columns[at]?.[row] ?? 0
    const [effect, slope] = effects[code] ?? [0, 0]
    const margin = effect + 0.6 * slope * x(1) + 0.8 * x(2) - 0.5 * x(3) * x(4)
    labels[row] = random() < 1 / (1 + Math.exp(-margin)) ? 1 : 0
  }
  const data = split(`${rows / 1000}k, ${codes} categories`, columns, labels, rows)
  return { ...data, codes: [codes, 0, 0, 0, 0] }
}

/** Writes what `bench/peers/trees.py` reads: four int32 of shape, then columns and labels of both parts. */
export function share(data: BenchData, directory: string): string {
  mkdirSync(directory, { recursive: true })
  const path = join(directory, `${data.name.replaceAll(' ', '-')}.bin`)
  if (existsSync(path)) return path
  const { train, test } = data
  const mask = (data.codes ?? []).reduce((bits, codes, at) => bits | (codes > 0 ? 1 << at : 0), 0)
  const chunks = [new Int32Array([train.rows, test.rows, train.columns.length, mask])]
  const parts = [train, test].flatMap(part => [...part.columns, part.labels])
  writeFileSync(
    path,
    Buffer.concat([...chunks, ...parts].map(view => Buffer.from(view.buffer, view.byteOffset, view.byteLength))),
  )
  return path
}
