import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import type { DatabaseConnection, Dialect, Driver, QueryResult } from 'kysely'
import { setTimeout as sleep } from 'node:timers/promises'
import { whileBusy } from './busy.ts'
import { CompiledQuery, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from '../sql/kysely.ts'

const cacheSize = 300

type Parameters = (string | number | bigint | null | Uint8Array)[]

/**
 * The driver binds what is within 2^-52 of a whole number as that whole number: 1e-17 would be stored as 0. As a text it
 * gets into a column of doubles exactly, and only such columns are given fractions.
 */
const bound = (value: Parameters[number]): Parameters[number] =>
  typeof value === 'number' && !Number.isInteger(value) && Math.abs(value - Math.round(value)) <= 2 ** -52
    ? String(value)
    : value

/**
 * The driver reads no row of a list in which one number is beyond what a double holds exactly. Such a number comes as its
 * nearest double, which whoever makes a record of the row refuses: one row, not the list.
 */
function allRows(statement: StatementSyncInstance, parameters: Parameters): unknown[] {
  try {
    return statement.all(...parameters)
  } catch (error) {
    if (!(error instanceof Error && error.message.includes('too large to be represented'))) throw error
    statement.setReadBigInts(true)
    try {
      return (statement.all(...parameters) as Readonly<Record<string, unknown>>[]).map(row =>
        Object.fromEntries(
          Object.entries(row).map(([key, value]) => [key, typeof value === 'bigint' ? Number(value) : value]),
        ),
      )
    } finally {
      statement.setReadBigInts(false)
    }
  }
}

/**
 * One connection whose prepared statements are kept by their text: preparing costs more than most of our statements
 * do (measured 25,000 look-ups a second without, 66,000 with).
 */
class Statements {
  readonly #database: DatabaseSyncInstance
  readonly #statements = new Map<string, { statement: StatementSyncInstance; reads: boolean }>()

  constructor(database: DatabaseSyncInstance) {
    this.#database = database
  }

  #prepare(text: string): { statement: StatementSyncInstance; reads: boolean } {
    const known = this.#statements.get(text)
    if (known !== undefined) return known
    const statement = this.#database.prepare(text)
    const entry = { statement, reads: statement.columns().length > 0 }
    if (this.#statements.size >= cacheSize) {
      const oldest = this.#statements.keys().next().value
      if (oldest !== undefined) this.#statements.delete(oldest)
    }
    this.#statements.set(text, entry)
    return entry
  }

  execute<R>(query: CompiledQuery): QueryResult<R> {
    const { statement, reads } = this.#prepare(query.sql)
    const parameters = (query.parameters as Parameters).map(bound)
    if (reads) return { rows: allRows(statement, parameters) as R[] }
    const { changes, lastInsertRowid } = statement.run(...parameters)
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  }
}

/**
 * The connection as one caller has it. While another process writes, its statement waits without keeping the thread: SQLite's
 * own waiting would keep everything else of this process waiting as well. Until the caller has begun something, others go on
 * with the connection meanwhile: they may read.
 */
class LentConnection implements DatabaseConnection {
  readonly #statements: Statements
  readonly #turn: Turn
  #begun = false

  constructor(statements: Statements, turn: Turn) {
    this.#statements = statements
    this.#turn = turn
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return whileBusy(
      () => {
        const result = this.#statements.execute<R>(query)
        this.#begun = true
        return result
      },
      async ms => {
        if (!this.#begun) this.#turn.release()
        await sleep(ms)
        if (!this.#begun) await this.#turn.take()
      },
    )
  }

  // eslint-disable-next-line require-yield -- nothing here streams: lists are limited
  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query)
  }

  giveBack(): void {
    this.#turn.release()
  }
}

/** One at a time, in the order in which they came. */
class Turn {
  #last: Promise<void> = Promise.resolve()
  #release: () => void = () => undefined

  async take(): Promise<void> {
    const before = this.#last
    let release = (): void => undefined
    this.#last = new Promise(resolve => {
      release = resolve
    })
    await before
    this.#release = release
  }

  release(): void {
    this.#release()
  }
}

class SingleConnectionDriver implements Driver {
  readonly #database: DatabaseSyncInstance
  readonly #statements: Statements
  readonly #turn = new Turn()

  constructor(database: DatabaseSyncInstance) {
    this.#database = database
    this.#statements = new Statements(database)
  }

  async init(): Promise<void> {}

  /** One at a time: a transaction of one caller never mixes with the statements of another. */
  async acquireConnection(): Promise<DatabaseConnection> {
    await this.#turn.take()
    return new LentConnection(this.#statements, this.#turn)
  }

  // Immediate: a transaction that reads first and writes later would otherwise fail instead of waiting.
  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // SQLite has already rolled back by itself after a full disk or an I/O error.
    if (this.#database.isTransaction) await connection.executeQuery(CompiledQuery.raw('rollback'))
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    if (connection instanceof LentConnection) connection.giveBack()
  }

  async destroy(): Promise<void> {
    this.#database.close()
  }
}

/** Kysely's SQLite dialect over the `node:sqlite` interface, with a statement cache. */
export function sqliteDialect(database: DatabaseSyncInstance): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new SingleConnectionDriver(database),
    createIntrospector: db => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}
