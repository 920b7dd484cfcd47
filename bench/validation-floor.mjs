// The floor, written by hand against DuckDB: exact value counts of the four columns with few values, one look at the rest,
// and the search for duplicate rows. It judges nothing. With a second file it also writes there the rows that the failing
// row-level checks of validation-checks.ts find, each with a number that tells which of them it breaks.
import { DuckDBInstance } from '@duckdb/node-api'

const [, , file, failing] = process.argv
const instance = await DuckDBInstance.create(':memory:', { threads: '2' })
const connection = await instance.connect()
for (const column of ['delay', 'distance', 'origin', 'destination'])
  (await connection.runAndReadAll(`SELECT ${column}, count(*) FROM read_parquet('${file}') GROUP BY 1`)).getRows()
await connection.runAndReadAll(
  `SELECT count(*), min(date), max(date), count_if(date > DATE '2001-06-30'), count_if(origin = destination) FROM read_parquet('${file}')`,
)
await connection.runAndReadAll(
  `SELECT count(*) FROM (SELECT 1 FROM (SELECT hash(date, delay, distance, origin, destination) AS h FROM read_parquet('${file}')) GROUP BY h HAVING count(*) > 1)`,
)
if (failing !== undefined) {
  const broken = [
    "date > TIMESTAMP '2001-06-30'",
    'delay NOT BETWEEN -120 AND 1440',
    'delay NOT BETWEEN -60 AND 600',
    'delay NOT BETWEEN -30 AND 60',
    'delay < -15',
    'distance NOT BETWEEN 50 AND 3000',
    'distance NOT BETWEEN 100 AND 2500',
    "origin IN ('ATL', 'DFW')",
    "destination = 'ATL'",
  ]
  const mask = broken.map((one, i) => `CASE WHEN ${one} THEN ${2 ** i} ELSE 0 END`).join(' + ')
  await connection.run(
    `COPY (SELECT * FROM (SELECT *, ${mask} AS broken FROM read_parquet('${file}')) WHERE broken > 0) TO '${failing}' (FORMAT parquet, COMPRESSION zstd)`,
  )
}
connection.closeSync()
