import pg from 'pg'
import { fail, isMillraceError } from '../../../errors/index.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type { OnlineAsk, OnlineChange, OnlineRecord, OnlineStore, Revision } from '../../../ports/online-store.ts'
import { checkKeys, isTooLong } from '../keys.ts'

export interface PostgresOnlineOptions {
  /** Projects of one database are kept apart by it. */
  readonly namespace?: string
  /** How long an answer is waited for before the store counts as gone (default 2,000). */
  readonly timeoutMs?: number
}

/** Any number will do, as long as every millrace takes the same: one process makes the table. */
const tableLock = 0x6d696c6d
/** Keys that are read at a time. */
const pageKeys = 1_000
/** So often in a row a transaction may be the one that the server ends to free two that wait for each other. */
const maxAttempts = 10

const table = `
create table if not exists millrace_online (
  namespace text not null,
  view text not null,
  key bytea not null,
  bytes bytea not null,
  revision bigint not null,
  until timestamptz,
  primary key (namespace, view, key)
);
create sequence if not exists millrace_online_revision;
`

const readSql = `
select asked.place::int as place, there.revision::text as revision,
  case when there.revision = asked.have then null else there.bytes end as bytes
from unnest($3::bytea[], $4::bigint[]) with ordinality as asked(key, have, place)
join millrace_online there on there.namespace = $1 and there.view = $2 and there.key = asked.key
where there.until is null or there.until > now()
`

const changes = `unnest($3::bytea[], $4::bytea[], $5::bigint[], $6::float8[]) as change(key, bytes, after, keep)`
const until = `now() + change.keep * interval '1 millisecond'`
const isThere = `there.namespace = $1 and there.view = $2 and there.key = change.key and there.revision = change.after and (there.until is null or there.until > now())`

const insertSql = `
insert into millrace_online as there (namespace, view, key, bytes, revision, until)
select $1, $2, change.key, change.bytes, nextval('millrace_online_revision'), ${until} from ${changes} order by change.key
on conflict (namespace, view, key) do update set bytes = excluded.bytes, revision = excluded.revision, until = excluded.until
where there.until <= now()
returning key, revision::text as revision
`
const updateSql = `
update millrace_online there set bytes = change.bytes, revision = nextval('millrace_online_revision'), until = ${until}
from ${changes} where ${isThere} returning there.key, there.revision::text as revision
`
const deleteSql = `
delete from millrace_online there using unnest($3::bytea[], $4::bigint[]) as change(key, after) where ${isThere} returning there.key
`

/** Without user and password: the address goes into error messages. */
function addressOf(url: string): string {
  try {
    const { host, pathname } = new URL(url)
    return `postgres://${host}${pathname}`
  } catch {
    return 'postgres'
  }
}

const hex = (key: Buffer): string => key.toString('hex')
const keyOf = (key: string): Buffer => Buffer.from(key, 'utf8')

/** Feature records in a table of a PostgreSQL database, for servers of many machines: a query for each request, whatever the number of keys. */
class PostgresOnlineStore implements OnlineStore {
  readonly #pool: pg.Pool
  readonly #address: string
  readonly #namespace: string

  constructor(pool: pg.Pool, address: string, namespace: string) {
    this.#pool = pool
    this.#address = address
    this.#namespace = namespace
  }

  #failed(error: unknown, view: string): unknown {
    if (isMillraceError(error)) return error
    const { code } = error as { code?: unknown }
    const reason = messageOf(error)
    // The disk is full, it may only be read, others hold what is to be changed
    if (typeof code === 'string' && /^(53100|25006|42501|55P03|40P01|40001)$/.test(code))
      return fail('onlineUnwritable', { view, reason }, error)
    return fail('onlineUnreachable', { store: this.#address, reason }, error)
  }

  async getMany(
    view: string,
    asks: readonly OnlineAsk[],
  ): Promise<readonly (OnlineRecord | 'unchanged' | undefined)[]> {
    if (asks.length === 0) return []
    try {
      const keys = asks.map(({ key }) => (isTooLong(key) ? undefined : keyOf(key)))
      const have = asks.map(one => one.have ?? 0)
      const { rows } = await this.#pool.query<{ place: number; revision: string; bytes: Buffer | null }>({
        name: 'millrace online read',
        text: readSql,
        values: [this.#namespace, view, keys, have],
      })
      const found = asks.map((): OnlineRecord | 'unchanged' | undefined => undefined)
      for (const { place, revision, bytes } of rows)
        found[place - 1] = bytes === null ? 'unchanged' : { revision: Number(revision), bytes: new Uint8Array(bytes) }
      return found
    } catch (error) {
      throw this.#failed(error, view)
    }
  }

  async writeMany(view: string, list: readonly OnlineChange[]): Promise<readonly (Revision | undefined)[]> {
    checkKeys(view, list)
    if (list.length === 0) return []
    for (let attempt = 1; ; attempt++)
      try {
        return await this.#write(view, list)
      } catch (error) {
        if (attempt === maxAttempts || (error as { code?: unknown }).code !== '40P01') throw this.#failed(error, view)
      }
  }

  async #write(view: string, list: readonly OnlineChange[]): Promise<readonly (Revision | undefined)[]> {
    const client = await this.#pool.connect()
    const written = new Map<string, Revision>()
    const run = async (sql: string, some: readonly OnlineChange[], ...columns: readonly unknown[][]): Promise<void> => {
      if (some.length === 0) return
      const values = [this.#namespace, view, some.map(one => keyOf(one.key)), ...columns]
      const { rows } = await client.query<{ key: Buffer; revision?: string }>({ text: sql, values })
      for (const { key, revision = '0' } of rows) written.set(hex(key), Number(revision))
    }
    const bytesOf = (some: readonly OnlineChange[]) => some.map(one => Buffer.from(one.bytes as Uint8Array))
    const afterOf = (some: readonly OnlineChange[]) => some.map(one => one.after)
    const keepOf = (some: readonly OnlineChange[]) => some.map(one => one.keepMs ?? null)
    const made = list.filter(one => one.bytes !== undefined && one.after === 0)
    const changed = list.filter(one => one.bytes !== undefined && one.after !== 0)
    const gone = list.filter(one => one.bytes === undefined)
    try {
      await client.query('begin')
      await run(insertSql, made, bytesOf(made), afterOf(made), keepOf(made))
      await run(updateSql, changed, bytesOf(changed), afterOf(changed), keepOf(changed))
      await run(deleteSql, gone, afterOf(gone))
      await client.query('commit')
      client.release()
    } catch (error) {
      // A connection of which nobody knows how far it came is not used again
      await client.query('rollback').then(
        () => client.release(),
        () => client.release(true),
      )
      throw error
    }
    return list.map(({ key }) => written.get(hex(keyOf(key))))
  }

  /** A commit waits for the disk, unless the server is set up not to. */
  async flush(): Promise<void> {}

  async *keys(view: string): AsyncIterable<string> {
    let after: Buffer = Buffer.alloc(0)
    let isFirst = true
    try {
      for (;;) {
        const { rows } = await this.#pool.query<{ key: Buffer }>(
          `select key from millrace_online where namespace = $1 and view = $2 and ${isFirst ? '$3::bytea is not null' : 'key > $3'} and (until is null or until > now()) order by key limit ${pageKeys}`,
          [this.#namespace, view, after],
        )
        for (const { key } of rows) yield key.toString('utf8')
        const last = rows.at(-1)
        if (!last || rows.length < pageKeys) return
        after = last.key
        isFirst = false
      }
    } catch (error) {
      throw this.#failed(error, view)
    }
  }

  async dropView(view: string): Promise<void> {
    try {
      await this.#pool.query('delete from millrace_online where namespace = $1 and view = $2', [this.#namespace, view])
    } catch (error) {
      throw this.#failed(error, view)
    }
  }

  async close(): Promise<void> {
    if (!this.#pool.ending) await this.#pool.end()
  }
}

async function prepare(pool: pg.Pool): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query('select pg_advisory_xact_lock($1)', [tableLock])
    await client.query(table)
    await client.query('commit')
  } finally {
    client.release()
  }
}

/** Opens the online store in a PostgreSQL database, `postgres://user:password@host:port/database`. Throws `onlineUnreachable`. */
export async function openPostgresOnline(url: string, options: PostgresOnlineOptions = {}): Promise<OnlineStore> {
  const { namespace = 'millrace', timeoutMs = 2_000 } = options
  const pool = new pg.Pool({
    connectionString: url,
    max: 8,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    statement_timeout: timeoutMs,
  })
  // An idle connection that breaks is replaced by the pool; without a listener the process would end
  pool.on('error', () => undefined)
  const store = new PostgresOnlineStore(pool, addressOf(url), namespace)
  try {
    await prepare(pool)
    return store
  } catch (error) {
    await pool.end()
    throw fail('onlineUnreachable', { store: addressOf(url), reason: messageOf(error) }, error)
  }
}
