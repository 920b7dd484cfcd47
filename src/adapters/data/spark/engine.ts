import { dirname } from 'node:path'
import { mkdir } from 'node:fs/promises'
import { fail, isMillraceError } from '../../../errors/index.ts'
import { ulid } from '../../../internal/ids.ts'
import type { Column, DataEngine, DescribedColumn, Relation, Row, SourceSpec } from '../../../ports/data-engine.ts'
import { arrowLibrary, type Arrow } from '../../source/arrow/library.ts'
import { columnsOfParts } from '../parts.ts'
import { rowsOf } from '../rows.ts'
import { decode, described, encode, isTextList, joined } from './arrow.ts'
import { SparkClient, type Plan } from './client.ts'
import { parseConnection } from './connection.ts'
import { identifier, sparkDialect, sparkTypes } from './dialect.ts'
import { scanParquet } from './scan.ts'

export interface SparkOptions {
  /** Connection string, `sc://host:port/;name=value`. */
  readonly url: string
  /** Bearer token, where the string has none. */
  readonly token?: string | undefined
  /** Longest time that a statement may take (default an hour). */
  readonly maxStatementMicros?: number | undefined
  /** Writes files on this machine; closed with this engine. */
  readonly local: () => Promise<DataEngine>
}

/** Cells that go to the server in one message; servers take four megabytes at least. */
const maxSentCells = 100_000

const hourMicros = 3_600_000_000

const query = (sql: string): Plan => ({ root: { sql: { query: sql } } })
const command = (sql: string): Plan => ({ command: { sql_command: { sql, input: { sql: { query: sql } } } } })

/**
 * A Spark Connect server: Apache Spark 4, Databricks, Sail. What stages keep between statements stands in tables of a database
 * of this session's own, which goes with it. Times of the session are UTC; sums that do not fit are errors, never other numbers.
 */
class SparkEngine implements DataEngine {
  readonly dialect = sparkDialect
  readonly remote = true
  readonly #client: SparkClient
  readonly #local: () => Promise<DataEngine>
  readonly #database = `millrace_${ulid().toLowerCase()}`
  readonly #later = new Map<string, readonly string[]>()
  readonly #made = new Map<string, Promise<void>>()
  #opened: Promise<Arrow> | undefined
  #closed = false
  #writer: DataEngine | undefined
  #placed: Promise<boolean> | undefined

  constructor({ url, token, maxStatementMicros = hourMicros, local }: SparkOptions) {
    this.#client = new SparkClient(parseConnection(url, token), maxStatementMicros)
    this.#local = local
  }

  async #open(): Promise<Arrow> {
    if (this.#closed) throw fail('engineClosed')
    this.#opened ??= this.#prepare()
    // who asks later may find a server that was started meanwhile
    this.#opened.catch(() => (this.#opened = undefined))
    return this.#opened
  }

  async #prepare(): Promise<Arrow> {
    const arrow = await arrowLibrary()
    await this.#client.configure({ 'spark.sql.session.timeZone': 'UTC', 'spark.sql.ansi.enabled': 'true' })
    await this.#run(command(`CREATE DATABASE IF NOT EXISTS ${this.#database}`))
    await this.#run(command(`USE DATABASE ${this.#database}`))
    return arrow
  }

  async #run(plan: Plan, limit?: { readonly timeoutMicros: number }): Promise<void> {
    for await (const bytes of this.#client.execute(plan, limit)) void bytes
  }

  /** Makes what a statement names and nobody made yet. */
  async #make(sql: string): Promise<void> {
    for (const [table, statements] of this.#later) {
      if (!sql.includes(table)) continue
      let made = this.#made.get(table)
      if (!made) {
        made = (async () => {
          for (const statement of statements) await this.#run(command(statement))
        })()
        this.#made.set(table, made)
      }
      await made
    }
  }

  async *#batches(sql: string) {
    const arrow = await this.#open()
    await this.#make(sql)
    for await (const bytes of this.#client.execute(query(sql))) yield decode(arrow, bytes)
  }

  scan(source: SourceSpec, root: string, files?: readonly string[]): Promise<Relation> {
    return scanParquet(source, root, files, {
      describe: sql => this.#describe(sql),
      placed: file => (this.#placed ??= this.#tellsPlaces(file)),
      later: (table, statements) => this.#later.set(table, statements),
    })
  }

  /** A server that has no such column says so before it reads a row. */
  async #tellsPlaces(file: string): Promise<boolean> {
    try {
      await this.columns(`SELECT _metadata.row_index FROM parquet.${identifier(file)} LIMIT 0`)
      return true
    } catch (error) {
      if (isMillraceError(error) && error.code === 'MR2003') return false
      throw error
    }
  }

  async #describe(sql: string): Promise<readonly DescribedColumn[]> {
    const arrow = await this.#open()
    for await (const { fields } of this.#batches(`SELECT * FROM (${sql}) LIMIT 0`))
      return fields.map(field => described(arrow, field))
    return []
  }

  async describe(relation: Relation): Promise<readonly DescribedColumn[]> {
    return relation.parts ? columnsOfParts(relation.parts) : this.#describe(`SELECT * FROM ${relation.sql}`)
  }

  async columnsOfFile(source: SourceSpec, file: string): Promise<readonly string[]> {
    return (await this.describe(await this.scan(source, '/', [file]))).map(column => column.name)
  }

  async rows(sql: string): Promise<Row[]> {
    return rowsOf(await this.columns(sql))
  }

  async columns(sql: string): Promise<Map<string, Column>> {
    const batches: Column[][] = []
    for await (const { columns } of this.#batches(sql)) batches.push(columns)
    const filled = batches.filter(([first]) => (first?.values.length ?? 0) > 0)
    return joined(filled.length > 0 ? filled : batches.slice(0, 1))
  }

  async *stream(sql: string): AsyncIterable<ReadonlyMap<string, Column>> {
    for await (const { columns } of this.#batches(sql))
      if ((columns[0]?.values.length ?? 0) > 0) yield joined([columns])
  }

  async execute(sql: string, limit?: { readonly timeoutMicros: number }): Promise<void> {
    await this.#open()
    await this.#make(sql)
    await this.#run(command(sql), limit)
  }

  async refusal(): Promise<string> {
    return sparkDialect.cannot?.get('query') as string
  }

  /** The rows come here and are written by the engine of this machine: a server writes to places of its own. */
  async writeParquet(sql: string, path: string): Promise<number> {
    const arrow = await this.#open()
    const writer = (this.#writer ??= await this.#local())
    await mkdir(dirname(path), { recursive: true })
    const lists = new Set<string>()
    let names: readonly string[] = []
    for await (const { fields } of this.#batches(`SELECT * FROM (${sql}) LIMIT 0`)) {
      names = fields.map(field => field.name)
      for (const field of fields) if (isTextList(arrow, field)) lists.add(field.name)
      break
    }
    const sent = names.map(name =>
      lists.has(name) ? `to_json(${identifier(name)}) AS ${identifier(name)}` : identifier(name),
    )
    const table = `from_spark_${ulid()}`
    const { dialect } = writer
    try {
      for await (const { columns } of this.#batches(`SELECT ${sent.join(', ')} FROM (${sql})`))
        await writer.load(table, columns, true)
      const read = names.map(name => {
        const named = dialect.identifier(name)
        return lists.has(name) ? `${dialect.readList(named)} AS ${named}` : named
      })
      return await writer.writeParquet(`SELECT ${read.join(', ')} FROM ${dialect.identifier(table)}`, path)
    } finally {
      await writer.execute(`DROP TABLE IF EXISTS ${dialect.identifier(table)}`)
    }
  }

  async load(table: string, columns: readonly Column[], append = false): Promise<Relation> {
    const arrow = await this.#open()
    const name = identifier(table)
    const declared = columns.map(column => `${identifier(column.name)} ${sparkTypes[column.type]}`)
    if (!append) await this.#run(command(`DROP TABLE IF EXISTS ${name}`))
    await this.#run(command(`CREATE TABLE ${append ? 'IF NOT EXISTS ' : ''}${name} (${declared.join(', ')})`))
    const length = columns[0]?.values.length ?? 0
    const rows = Math.max(1, Math.floor(maxSentCells / Math.max(1, columns.length)))
    for (let from = 0; from < length; from += rows) {
      const data = encode(arrow, columns, from, Math.min(length, from + rows))
      const view = `sent_${ulid()}`
      const input = { local_relation: { data } }
      await this.#run({ command: { create_dataframe_view: { input, name: view, replace: true } } })
      await this.#run(command(`INSERT INTO ${name} SELECT * FROM ${view}`))
      await this.#run(command(`DROP VIEW ${view}`))
    }
    return { sql: name, label: table }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    // what is left at a server that does not answer goes when its session ends
    if (this.#opened)
      await this.#run(command(`DROP DATABASE IF EXISTS ${this.#database} CASCADE`)).catch(() => undefined)
    await this.#client.close()
    await this.#writer?.close()
  }
}

/** Opens a server when the first question is asked. Throws `sparkAddressInvalid`. */
export const openSpark = async (options: SparkOptions): Promise<DataEngine> => new SparkEngine(options)
