import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dataset } from '../../define/dataset.ts'
import { digestJson, shortDigest } from '../../internal/digest.ts'
import { ulid } from '../../internal/ids.ts'
import { isThere } from '../../internal/is-there.ts'
import type { Column, DataEngine } from '../../ports/data-engine.ts'
import { columnOfValues } from './column.ts'
import { logColumns } from './dataset-rows.ts'
import { segmentName, versionsOf, type LoggedVersion } from './segments.ts'

const batchRows = 50_000

function columnsOf(dataset: Dataset, versions: readonly LoggedVersion[]): Column[] {
  return [
    ...Object.entries(dataset.columns).map(([name, { type }]) =>
      columnOfValues(
        name,
        type,
        versions.map(({ row }) => row[name] ?? null),
      ),
    ),
    columnOfValues(
      logColumns.place,
      'int',
      versions.map(one => one.seq),
    ),
    columnOfValues(
      logColumns.at,
      'float',
      versions.map(one => one.at),
    ),
    columnOfValues(
      logColumns.known,
      'float',
      versions.map(one => one.known ?? null),
    ),
    columnOfValues(
      logColumns.gone,
      'bool',
      versions.map(one => one.gone),
    ),
  ]
}

/** The columns of a log's table, in the order in which every part of it has them. */
export function columnNames({ dialect }: DataEngine, dataset: Dataset): string {
  const names = [...Object.keys(dataset.columns), ...Object.values(logColumns)]
  return names.map(dialect.identifier).join(', ')
}

/** Versions of segments in a table of the engine, a batch at a time. */
export class LoadedVersions {
  readonly #engine: DataEngine
  readonly #dataset: Dataset
  readonly #name = `log_${ulid()}`
  #sql: string | undefined
  #isWhole = true

  constructor(engine: DataEngine, dataset: Dataset) {
    this.#engine = engine
    this.#dataset = dataset
  }

  /** What stands after FROM; undefined where nothing was loaded. */
  get sql(): string | undefined {
    return this.#sql
  }

  /** Whether every line was as it was written. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  async add(folder: string, number: number): Promise<void> {
    let batch: LoggedVersion[] = []
    for await (const version of versionsOf(folder, number, this.#dataset.columns, () => (this.#isWhole = false))) {
      batch.push(version)
      if (batch.length < batchRows) continue
      await this.#load(batch)
      batch = []
    }
    if (batch.length > 0) await this.#load(batch)
  }

  async #load(versions: readonly LoggedVersion[]): Promise<void> {
    const columns = columnsOf(this.#dataset, versions)
    this.#sql = (await this.#engine.load(this.#name, columns, this.#sql !== undefined)).sql
  }

  /** A table without versions. */
  async none(): Promise<string> {
    await this.#load([])
    return this.#sql as string
  }

  async drop(): Promise<void> {
    await this.#engine.execute(`DROP TABLE IF EXISTS ${this.#engine.dialect.identifier(this.#name)}`)
  }
}

/**
 * A complete segment as a Parquet file beside it: what stands after FROM. It is made by whoever first reads it, anew where the columns of
 * the dataset or the length of the segment are others, and whole or not at all; the segment itself stays what counts. Undefined of a
 * segment with damaged lines, which may yet be put right.
 */
export async function packedSegment(
  engine: DataEngine,
  folder: string,
  number: number,
  dataset: Dataset,
): Promise<string | undefined> {
  const { size } = await stat(join(folder, segmentName(number)))
  const form = digestJson([size, ...Object.entries(dataset.columns).map(([name, { type }]) => [name, type])])
  const path = join(folder, segmentName(number).replace(/jsonl$/, `${shortDigest(form)}.parquet`))
  if (!(await isThere(path))) {
    const loaded = new LoadedVersions(engine, dataset)
    try {
      await loaded.add(folder, number)
      if (!loaded.isWhole) return undefined
      // A segment of which nothing is whole has no versions
      const rows = loaded.sql ?? (await loaded.none())
      await engine.writeParquet(
        `SELECT ${columnNames(engine, dataset)} FROM ${rows} ORDER BY ${logColumns.place}`,
        path,
      )
    } finally {
      await loaded.drop()
    }
  }
  return (await engine.scan({ kind: 'parquet', path }, '/', [path])).sql
}
