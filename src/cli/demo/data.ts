import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fail } from '../../errors/index.ts'
import type { DataEngine } from '../../ports/data-engine.ts'

/** The real flights, from the vega-datasets package wherever it is installed above the folder or above Millrace. */
export function flightsFile(from: string): string {
  for (const start of [from, fileURLToPath(new URL('.', import.meta.url))]) {
    for (let at = start; ; at = dirname(at)) {
      const file = join(at, 'node_modules/vega-datasets/data/flights-3m.parquet')
      if (existsSync(file)) return file
      if (dirname(at) === at) break
    }
  }
  throw fail('demoDataMissing')
}

export const months = ['2001-01', '2001-02', '2001-03', '2001-04', '2001-05', '2001-06'] as const

/** Every n-th flight, chosen by content, so that a smaller demo has the same mixture. */
export function thinning(total: number, rows: number | undefined): string {
  if (rows === undefined || rows >= total) return 'true'
  return `hash(date, delay, distance, origin, destination) % 1000000 < ${Math.round((1_000_000 * rows) / total)}`
}

/** Writes one month of flights as a file of the demo project; the last month takes the few rows beyond it. */
export async function writeMonth(
  engine: DataEngine,
  source: string,
  month: string,
  where: string,
  path: string,
): Promise<number> {
  const [year, number] = month.split('-').map(Number) as [number, number]
  const upper = month === months.at(-1) ? '' : ` AND date < DATE '${year}-${String(number + 1).padStart(2, '0')}-01'`
  await mkdir(dirname(path), { recursive: true })
  return engine.writeParquet(
    `SELECT * FROM read_parquet(${engine.dialect.literal(source, 'text')}) WHERE date >= DATE '${month}-01'${upper} AND ${where}`,
    path,
  )
}

/** Ways of damaging a flight; each breaks exactly the expectations that watch for it. */
const faults = [
  ['delay', '9999'],
  ['delay', '-5000'],
  ['distance', '0'],
  ['distance', '-1 * distance'],
  ['distance', '99999'],
  ['origin', 'lower(origin)'],
  ['origin', "''"],
  ['origin', 'NULL'],
  ['destination', 'origin'],
  ['destination', "'1' || substr(destination, 2)"],
] as const

/**
 * Our own sabotage: the last week of March with every fifth row damaged in one of ten ways. Gives the number of damaged
 * rows; `damaged` marks them for the count of what was caught.
 */
export async function writeDamagedBatch(
  engine: DataEngine,
  source: string,
  where: string,
  path: string,
): Promise<number> {
  const kind = `CASE WHEN hash(date, origin, destination, delay) % 5 = 0 AND origin <> destination THEN CAST(hash(destination, distance, date, delay) % ${faults.length} AS INTEGER) ELSE -1 END`
  const column = (name: string): string => {
    const own = faults.flatMap(([target, value], i) => (target === name ? [`WHEN fault = ${i} THEN ${value}`] : []))
    return own.length === 0 ? name : `CASE ${own.join(' ')} ELSE ${name} END AS ${name}`
  }
  const rows = `SELECT *, ${kind} AS fault FROM read_parquet(${engine.dialect.literal(source, 'text')}) WHERE date >= DATE '2001-03-25' AND date < DATE '2001-04-01' AND ${where}`
  await engine.writeParquet(
    `SELECT date, ${['delay', 'distance', 'origin', 'destination'].map(column).join(', ')}, fault >= 0 AS damaged FROM (${rows})`,
    path,
  )
  const [count] = await engine.rows(
    `SELECT count(*) AS n FROM read_parquet(${engine.dialect.literal(path, 'text')}) WHERE damaged`,
  )
  return Number(count?.n)
}
