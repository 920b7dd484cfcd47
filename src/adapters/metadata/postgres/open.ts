import pg from 'pg'
import { fail } from '../../../errors/catalogue.ts'
import { isMillraceError } from '../../../errors/millrace-error.ts'
import type { MetadataStore } from '../../../ports/metadata-store.ts'
import { Kysely, PostgresDialect, sql } from '../sql/kysely.ts'
import { migrationTable, migrationsOf, pendingMigrations, type AppliedMigration } from '../sql/migrate.ts'
import type { Schema } from '../sql/schema.ts'
import { sqlStore } from '../sql/store.ts'

/** Any number will do, as long as every millrace takes the same: one process migrates at a time. */
const migrationLock = 0x6d696c6c
const int8 = 20

/** Without the password: the address goes into error messages. */
function address(url: string): string {
  try {
    const { hostname, port, pathname } = new URL(url)
    return `postgres://${hostname}${port ? `:${port}` : ''}${pathname}`
  } catch {
    return 'postgres'
  }
}

/** SQLSTATE classes as catalogued errors. */
function postgresError(path: string, error: unknown): unknown {
  if (isMillraceError(error) || !(error instanceof Error)) return error
  const code = (error as { code?: unknown }).code
  if (typeof code !== 'string') return error
  const reason = error.message
  if (code === '53100') return fail('diskFull', { path, needed: 'some thousand' }, error)
  if (code === '25006' || code === '42501') return fail('storeReadOnly', { path, reason }, error)
  if (code === '55P03' || code === '40P01' || code === '40001') return fail('storeLocked', { path, seconds: 5 }, error)
  if (code === 'XX001' || code === 'XX002' || code === '42P01' || code === '42703')
    return fail('storeCorrupt', { path, reason }, error)
  if (/^(08|28|3D|57P|53)|^E[A-Z]+$/.test(code)) return fail('storeUnreachable', { path, reason }, error)
  return fail('storeFault', { path, reason }, error)
}

async function migrate(pool: pg.Pool, path: string): Promise<void> {
  const known = migrationsOf('postgres')
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query('select pg_advisory_xact_lock($1)', [migrationLock])
    await client.query(migrationTable)
    const { rows } = await client.query<AppliedMigration>('select version, checksum from millrace_migrations')
    for (const migration of pendingMigrations(known, rows, path)) {
      await client.query(migration.sql)
      await client.query('insert into millrace_migrations (version, checksum) values ($1, $2)', [
        migration.version,
        migration.checksum,
      ])
    }
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

/** Opens the metadata store in a PostgreSQL database, `postgres://user:password@host:port/database`. */
export async function openPostgres(url: string, note?: (text: string) => void): Promise<MetadataStore> {
  const path = address(url)
  const pool = new pg.Pool({
    connectionString: url,
    max: 8,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 30_000,
    // The server's own limit does not reach us over a network that drops what it sends
    query_timeout: 31_000,
    keepAlive: true,
    types: {
      // Micros and counters fit a double exactly; everything else keeps the driver's own reading.
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === int8 ? Number : (pg.types.getTypeParser(oid, format as 'text') as (value: string) => unknown),
    } as pg.CustomTypesConfig,
  })
  // An idle connection that breaks is replaced by the pool; without a listener the process would end.
  pool.on('error', () => undefined)
  // One that breaks between two queries of a transaction tells nobody but this; the next query fails
  pool.on('connect', client => client.on('error', () => undefined))
  try {
    await migrate(pool, path)
  } catch (error) {
    await pool.end()
    throw postgresError(path, error)
  }
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) })
  return sqlStore({
    name: 'postgres',
    db,
    ...(note ? { note } : {}),
    translate: error => postgresError(path, error),
    relaxed: work =>
      db.transaction().execute(async one => {
        await sql`set local synchronous_commit to off`.execute(one)
        return work(one)
      }),
    async close() {
      await db.destroy()
      if (!pool.ended) await pool.end()
    },
  })
}
