// The floor, written by hand against DuckDB: exact value counts of the four columns with few values, one look at the rest,
// and the search for duplicate rows. It judges nothing.
import { DuckDBInstance } from '@duckdb/node-api'

const file = process.argv[2]
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
connection.closeSync()
