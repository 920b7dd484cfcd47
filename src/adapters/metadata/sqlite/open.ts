import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync, readSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import { fail } from '../../../errors/catalogue.ts'
import { systemError } from '../../../errors/system.ts'
import type { MetadataStore } from '../../../ports/metadata-store.ts'
import { Kysely, sql } from '../sql/kysely.ts'
import { migrationTable, migrationsOf, pendingMigrations, type AppliedMigration } from '../sql/migrate.ts'
import type { Schema } from '../sql/schema.ts'
import { sqlStore } from '../sql/store.ts'
import { sqliteDialect } from './dialect.ts'
import { busyTimeoutMs, whileBusy } from './busy.ts'
import { sqliteError } from './errors.ts'

function migrate(database: DatabaseSyncInstance, path: string): void {
  const known = migrationsOf('sqlite')
  const read = (): readonly AppliedMigration[] =>
    database
      .prepare('select version, checksum from millrace_migrations order by version')
      .all() as unknown as AppliedMigration[]
  const tables = database.prepare("select 1 from sqlite_master where name = 'millrace_migrations'").all()
  if (tables.length > 0 && pendingMigrations(known, read(), path).length === 0) return
  database.exec('begin immediate')
  try {
    database.exec(migrationTable)
    // Read again under the lock: another process may have migrated meanwhile.
    for (const migration of pendingMigrations(known, read(), path)) {
      database.exec(migration.sql)
      database
        .prepare('insert into millrace_migrations (version, checksum) values (?, ?)')
        .run(migration.version, migration.checksum)
    }
    database.exec('commit')
  } catch (error) {
    if (database.isTransaction) database.exec('rollback')
    throw error
  }
}

/** Root may write what its mode forbids, so the mode bits are looked at first: the same answer for everybody. */
function checkWritable(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    accessSync(existsSync(path) ? path : dirname(path), constants.W_OK)
    // Before SQLite makes it readable to every user of the machine; its log gets the mode of the file
    if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
  } catch (error) {
    throw systemError(error, { path }) ?? fail('storeReadOnly', { path, reason: (error as Error).message }, error)
  }
}

/** SQLite would fold the log into whatever file it finds: one that is no database is refused before. */
function checkHead(path: string): void {
  let head: Buffer
  try {
    const file = openSync(path, 'r')
    try {
      head = Buffer.alloc(16)
      head = head.subarray(0, readSync(file, head, 0, 16, 0))
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw systemError(error, { path }) ?? error
  }
  if (head.length > 0 && head.toString('latin1') !== 'SQLite format 3\0')
    throw fail('storeCorrupt', { path, reason: 'it does not begin as a SQLite database does' })
}

/** What SQLite finds wrong with the pages and indexes of a store; nothing is changed. `deep` compares indexes with rows. */
export async function checkSqlite(path: string, deep: boolean): Promise<readonly string[]> {
  let database: DatabaseSyncInstance | undefined
  try {
    database = new DatabaseSync(path, { timeout: busyTimeoutMs })
    const rows = database.prepare(`pragma ${deep ? 'integrity_check' : 'quick_check'}(5)`).all() as unknown as Readonly<
      Record<string, string>
    >[]
    return rows.flatMap(row => Object.values(row)).filter(text => text !== 'ok')
  } catch (error) {
    throw sqliteError(path, error)
  } finally {
    database?.close()
  }
}

/**
 * Opens (or makes) the metadata store in one SQLite file: write-ahead log, every commit synced to disk, writers of
 * other processes waited for up to 5 s. Throws `storeCorrupt`, `storeLocked`, `storeNewer`, `storeReadOnly`,
 * `storeUnreachable`.
 */
export async function openSqlite(path: string, note?: (text: string) => void): Promise<MetadataStore> {
  checkWritable(path)
  checkHead(path)
  let database: DatabaseSyncInstance | undefined
  try {
    // Who waits for another process does so without keeping this one's thread
    const made = (database = new DatabaseSync(path, { timeout: 0 }))
    await whileBusy(() => made.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on'))
    await whileBusy(() => migrate(made, path))
  } catch (error) {
    database?.close()
    throw sqliteError(path, error)
  }
  const opened = database
  const db = new Kysely<Schema>({ dialect: sqliteDialect(opened) })
  return sqlStore({
    name: 'sqlite',
    db,
    ...(note ? { note } : {}),
    translate: error => sqliteError(path, error),
    relaxed: work =>
      db.connection().execute(async one => {
        await sql`pragma synchronous = normal`.execute(one)
        try {
          return await work(one)
        } finally {
          await sql`pragma synchronous = full`.execute(one)
        }
      }),
    async close() {
      try {
        // Kept statements keep the log from being folded in on closing.
        if (opened.isOpen) opened.exec('pragma wal_checkpoint(passive)')
      } catch {
        // A full disk takes no checkpoint: everything is in the log, and the next one folds it in
      }
      await db.destroy()
      if (opened.isOpen) opened.close()
    },
  })
}
