import { mkdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import type { DuckDBConnection, DuckDBDataChunk, DuckDBInstance, DuckDBType } from '@duckdb/node-api'
import duckdb from '@duckdb/node-api'
import { fail, isMillraceError } from '../../../errors/index.ts'
import { ownedName, sweepFolder } from '../../../internal/leftovers.ts'
import { ulid } from '../../../internal/ids.ts'
import { inSeconds } from '../../../internal/time.ts'
import { named, syncFolder, temporaryName } from '../../../internal/publish.ts'
import { whyUnreadable } from '../../../internal/why-unreadable.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type {
  Column,
  ColumnType,
  CsvOptions,
  DataEngine,
  DescribedColumn,
  Footer,
  Relation,
  Row,
  SourceSpec,
} from '../../../ports/data-engine.ts'
import { rowsOf } from '../rows.ts'
import { ColumnsReader } from './columns.ts'
import { duckdbDialect } from './dialect.ts'
import { readFooter } from './footer.ts'
import { scanRelation } from './scan.ts'
import { csvColumns } from './csv-header.ts'
import { sniff } from './sniff-csv.ts'
import { refusalOf } from './user-query.ts'
import { columnsOfParts } from '../parts.ts'
import { describedColumn } from './stored-of.ts'
import { PlainCopies } from './plain-copies.ts'
import type { PlainText } from './plain-text.ts'
import { damagedParquet, tellsOfDamage } from './damaged-parquet.ts'
import { otherThanParquet, printable, unreadableSource } from './unreadable-source.ts'

export interface DuckdbOptions {
  readonly threads?: number
  /** Bytes that the engine may hold before it spills (default 1.2 GB). */
  readonly memory?: number
  /** Where it spills. */
  readonly scratch?: string
}

const chunkTypes: Record<ColumnType, DuckDBType> = {
  int: duckdb.BIGINT,
  float: duckdb.DOUBLE,
  text: duckdb.VARCHAR,
  bool: duckdb.BOOLEAN,
  timestamp: duckdb.TIMESTAMP,
  vector: duckdb.VARCHAR,
}

/** Timers beyond this fire at once. */
const longestTimer = 2 ** 31 - 1

const tookLonger = (limit: number): string => `it took longer than its timeout of ${inSeconds(limit)}`

/** What the engine says: it may hold a whole line of a file, of a hundred megabytes. */
const saying = (error: unknown): string => messageOf(error).slice(0, 4000)

function firstLine(error: unknown): string {
  return printable(saying(error).split('\n')[0] as string)
}

/** A whole result. */
async function collect(connection: DuckDBConnection, sql: string): Promise<Map<string, Column>> {
  const result = await connection.run(sql)
  const reader = new ColumnsReader(result)
  // it is all there: asking for each 2,048 rows anew would wait for another thread each time
  for (let i = 0; i < result.chunkCount; i++) reader.add(result.getChunk(i))
  return reader.done()
}

/** DuckDB in this process. Queries take a connection each from a small pool; a stream keeps its own to its end. */
class DuckdbEngine implements DataEngine {
  readonly dialect = duckdbDialect
  readonly #instance: DuckDBInstance
  readonly #idle: DuckDBConnection[] = []
  #closed = false
  #folder: Promise<string> | undefined
  readonly #copies = new PlainCopies()
  /** Files by their paths, as the project knows them. */
  readonly #names = new Map<string, string>()

  constructor(instance: DuckDBInstance) {
    this.#instance = instance
  }

  async #connection(): Promise<DuckDBConnection> {
    if (this.#closed) throw fail('engineClosed')
    return this.#idle.pop() ?? (await this.#instance.connect())
  }

  #release(connection: DuckDBConnection): void {
    if (this.#closed || this.#idle.length >= 4) connection.closeSync()
    else this.#idle.push(connection)
  }

  async #using<T>(sql: string, work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await this.#connection()
    try {
      const result = await work(connection)
      this.#release(connection)
      return result
    } catch (error) {
      connection.closeSync()
      throw await this.#explained(error, sql)
    }
  }

  async #explained(error: unknown, sql: string): Promise<Error> {
    const known = explain(error, sql)
    if (known === error || !isMillraceError(known)) return known
    if (!['MR2002', 'MR2003'].includes(known.code) || farTime.test(messageOf(error))) return known
    const connection = await this.#instance.connect()
    try {
      return (
        (await damagedParquet(
          sql,
          one => connection.run(one),
          path => this.#nameOf(path),
        )) ?? known
      )
    } finally {
      connection.closeSync()
    }
  }

  #nameOf(path: string): string {
    return this.#names.get(path) ?? basename(path)
  }

  #name(source: SourceSpec, files: readonly string[], root: string): void {
    const many = files.length > 1 || /[*?[]/.test(source.path)
    // an artifact, and a file that is looked at alone of a project that is not told, are named by their last part
    if (isAbsolute(source.path) || (many && root === '/')) return
    for (const file of files) this.#names.set(file, many ? relative(root, file) : source.path)
  }

  async scan(source: SourceSpec, root: string, files?: readonly string[]): Promise<Relation> {
    const place = source.kind === 'duckdb' ? source.file : source.path
    const path = isAbsolute(place) ? place : resolve(root, place)
    // DuckDB names the file that a pattern stumbles over, but says little of a folder, and takes an empty file for a table
    const unreadable = files !== undefined || /[*?[]/.test(path) ? undefined : await whyUnreadable(path)
    if (unreadable !== undefined) throw unreadableSource(source, unreadable)
    try {
      const found = files ?? (await this.#filesOf(source, path))
      if (source.kind === 'parquet') this.#name(source, found, root)
      return await this.#using(source.path, async connection =>
        scanRelation(source, found, root, async sql => rowsOf(await collect(connection, sql)), {
          scratch: async (extension, of) => {
            const copy = await this.#scratch(extension)
            if (of !== undefined) this.#names.set(copy, this.#nameOf(of))
            return copy
          },
          plain: file => this.#plain(file, source),
        }),
      )
    } catch (error) {
      if (isMillraceError(error) && tellsOfDamage(error)) throw error
      // only our own statements look at the source here: what is refused, it is the cause of
      if (isMillraceError(error) && (error.code === 'MR2002' || error.code === 'MR2003'))
        throw unreadableSource(source, otherThanParquet(source, files ?? [path]) ?? String(error.details.reason), error)
      throw error
    }
  }

  /** The files that a pattern takes, by name. */
  async #filesOf(source: SourceSpec, path: string): Promise<readonly string[]> {
    if (source.kind === 'duckdb' || !/[*?[]/.test(path)) return [path]
    const found = await this.rows(`SELECT file FROM glob(${duckdbDialect.literal(path, 'text')}) ORDER BY file`)
    if (found.length === 0) throw fail('sourceUnreadable', { source: source.path, reason: 'no file matches' })
    return found.map(row => String(row.file))
  }

  async footer(files: readonly string[]): Promise<Footer | undefined> {
    const session = async (sql: string) => this.rows(sql)
    return readFooter(files, session)
  }

  async sniffCsv(file: string, given?: CsvOptions): Promise<CsvOptions> {
    const plain = await this.#plain(file, { kind: 'csv', path: basename(file), ...given })
    return sniff(plain.path, async sql => this.rows(sql), given)
  }

  async columnsOfFile(source: SourceSpec, file: string): Promise<readonly string[] | undefined> {
    if (source.kind === 'csv')
      return (await csvColumns((await this.#plain(file, source)).path, source.path, source)).names
    if (source.kind !== 'parquet') return undefined
    return (await this.describe(await this.scan(source, '/', [file]))).map(column => column.name)
  }

  async describe(relation: Relation): Promise<readonly DescribedColumn[]> {
    if (relation.parts) return columnsOfParts(relation.parts)
    const rows = await this.rows(`DESCRIBE SELECT * FROM ${relation.sql}`)
    return rows.map(row => describedColumn(String(row.column_name), String(row.column_type)))
  }

  async rows(sql: string): Promise<Row[]> {
    return rowsOf(await this.columns(sql))
  }

  columns(sql: string): Promise<Map<string, Column>> {
    return this.#using(sql, connection => collect(connection, sql))
  }

  async *stream(sql: string): AsyncIterable<ReadonlyMap<string, Column>> {
    if (this.#closed) throw fail('engineClosed')
    // A second query on the same connection would end the stream without an error, so nobody else gets this one
    const connection = await this.#instance.connect()
    try {
      const result = await connection.stream(sql)
      for (;;) {
        const reader = new ColumnsReader(result, 65_536)
        let rows = 0
        while (rows < 60_000) {
          const chunk = await result.fetchChunk()
          if (!chunk || chunk.rowCount === 0) break
          reader.add(chunk)
          rows += chunk.rowCount
        }
        if (rows === 0) return
        yield reader.done()
      }
    } catch (error) {
      throw await this.#explained(error, sql)
    } finally {
      connection.closeSync()
    }
  }

  async execute(sql: string, limit?: { readonly timeoutMicros: number }): Promise<void> {
    await this.#using(sql, async connection => {
      let late = false
      const timer = limit && setInterval(interrupt, Math.max(1, Math.min(limit.timeoutMicros / 1000, longestTimer)))
      // again and again: a statement that is not yet running cannot be interrupted
      function interrupt() {
        late = true
        connection.interrupt()
      }
      try {
        await connection.run(sql)
      } catch (error) {
        throw late && limit ? fail('queryFailed', { reason: tookLonger(limit.timeoutMicros) }, error) : error
      } finally {
        clearInterval(timer)
      }
    })
  }

  refusal(query: string, relation: string): Promise<string | undefined> {
    return this.#using('', connection =>
      refusalOf(query, relation, async sql => rowsOf(await collect(connection, sql))),
    )
  }

  async writeParquet(sql: string, path: string): Promise<number> {
    await mkdir(dirname(path), { recursive: true })
    const temporary = temporaryName(path)
    try {
      const rows = await this.#using(sql, async connection => {
        const result = await connection.run(
          `COPY (${sql}) TO ${duckdbDialect.literal(temporary, 'text')} (FORMAT parquet, COMPRESSION zstd)`,
        )
        return result.rowsChanged
      })
      await rename(temporary, path)
      await syncFolder(dirname(path))
      return rows
    } catch (error) {
      await rm(temporary, { force: true })
      throw named(error, path)
    }
  }

  async load(table: string, columns: readonly Column[], append = false): Promise<Relation> {
    const name = duckdbDialect.identifier(table)
    const declared = columns.map(
      column => `${duckdbDialect.identifier(column.name)} ${chunkTypes[column.type].toString()}`,
    )
    await this.#using(table, async connection => {
      await connection.run(
        `CREATE ${append ? 'TABLE IF NOT EXISTS' : 'OR REPLACE TABLE'} ${name} (${declared.join(', ')})`,
      )
      const appender = await connection.createAppender(table)
      const length = columns[0]?.values.length ?? 0
      for (let from = 0; from < length; from += 2048) {
        const rows = Math.min(2048, length - from)
        const chunk = duckdb.DuckDBDataChunk.create(
          columns.map(column => chunkTypes[column.type]),
          rows,
        )
        columns.forEach((column, i) => fill(chunk, i, column, from, rows))
        appender.appendDataChunk(chunk)
      }
      appender.closeSync()
    })
    return { sql: name, label: table }
  }

  /** Path of a new file in a folder of this engine's own. */
  async #scratch(extension: string): Promise<string> {
    this.#folder ??= ownFolder()
    return join(await this.#folder, `${ulid()}.${extension}`)
  }

  #plain(file: string, source: SourceSpec): Promise<PlainText> {
    return this.#copies.of(file, source, extension => this.#scratch(extension))
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#folder) await rm(await this.#folder, { recursive: true, force: true })
    for (const connection of this.#idle.splice(0)) connection.closeSync()
    this.#instance.closeSync()
  }
}

function fill(chunk: DuckDBDataChunk, index: number, column: Column, from: number, rows: number): void {
  const vector = chunk.getColumnVector(index) as unknown as {
    items?: Float64Array
    flush(): void
    setItem(i: number, value: unknown): void
  }
  const values = column.values
  if (!column.nulls && vector.items && vector.items.constructor === values.constructor)
    vector.items.set((values as Float64Array).subarray(from, from + rows))
  else {
    const made = Array.from({ length: rows }, (_, i) =>
      column.nulls?.[from + i] ? null : column.type === 'bool' ? values[from + i] === 1 : values[from + i],
    )
    if (column.type === 'timestamp')
      made.forEach((value, i) => vector.setItem(i, value === null ? null : { micros: value as bigint }))
    else made.forEach((value, i) => vector.setItem(i, value))
  }
  vector.flush()
}

/** A time in milliseconds of which there are no microseconds ends the reading of its file, whatever is asked of it. */
const farTime = /could not convert timestamp\(ms\)|date out of range in timestamp/i
const tooFar =
  'a time in milliseconds lies beyond the year 294246, as far as microseconds go: write it as null or as text'

/** A folder of this process below the system's temporary one; what dead processes left there goes. */
async function ownFolder(): Promise<string> {
  const prefix = 'millrace-scratch-'
  await sweepFolder(tmpdir(), name => name.startsWith(prefix))
  const folder = join(tmpdir(), `${prefix}${ownedName()}`)
  await mkdir(folder, { mode: 0o700 })
  return folder
}

/** DuckDB's own words, first line only, under the catalogue's heading. */
function explain(error: unknown, sql: string): Error {
  if (isMillraceError(error)) return error as Error
  const reason = firstLine(error)
  const path = /"([^"]+)"/.exec(reason)?.[1]
  if (/No space left|disk full|failed to offload data block/i.test(reason))
    return fail('noSpaceLeft', { path: path ? dirname(path) : 'the scratch folder', reason }, error)
  if (/^Out of Memory/i.test(reason)) return fail('engineMemory', { reason }, error)
  const far = farTime.test(reason) ? /read_parquet\(\['((?:[^']|'')+)'/.exec(sql)?.[1] : undefined
  if (far !== undefined) return fail('sourceUnreadable', { source: basename(far), reason: tooFar }, error)
  if (
    /^(IO Error|Invalid Input Error|Invalid Error|HTTP Error)|No files found|CSV Error|Parquet|file/i.test(reason) &&
    !/^(Parser|Binder|Catalog)/.test(reason)
  ) {
    // the file that the engine names; the first text of a statement may be a pattern
    const file = reason.startsWith('IO Error') ? path : undefined
    const source = file ?? /'([^']+)'/.exec(sql)?.[1] ?? 'source'
    return fail('sourceUnreadable', { source, reason: describeFailure(error) }, error)
  }
  return fail('queryFailed', { reason }, error)
}

/** The broken line of a CSV stands on a later line of DuckDB's message. */
function describeFailure(error: unknown): string {
  const text = saying(error)
  const line = /CSV Error on Line: (\d+)/.exec(text)
  const original = /Original Line: ?([^\n]*)/.exec(text)
  return line
    ? `line ${line[1]} does not fit the declared columns${original?.[1] ? ` (${printable(original[1].trim().slice(0, 80))})` : ''}`
    : firstLine(error)
}

/** Opens an in-memory engine; relations are read from files in place. */
export async function openDuckdb(options: DuckdbOptions = {}): Promise<DataEngine> {
  const megabytes = Math.round((options.memory ?? 1.2e9) / 1e6)
  const instance = await duckdb.DuckDBInstance.create(':memory:', {
    threads: String(options.threads ?? 2),
    // the operating system keeps what is read again; beside it this would hold every small file a second time
    enable_external_file_cache: 'false',
    memory_limit: `${megabytes}MB`,
    preserve_insertion_order: 'true',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    ...(options.scratch ? { temp_directory: options.scratch } : {}),
  })
  const engine = new DuckdbEngine(instance)
  // of every connection, not of this one alone: else the host's zone would stand in texts of times
  await engine.execute("SET GLOBAL TimeZone = 'UTC'")
  // whole numbers within 2^18 combinations are counted without hashing, which takes two thirds of the time
  await engine.execute('SET GLOBAL perfect_ht_threshold = 18')
  return engine
}
