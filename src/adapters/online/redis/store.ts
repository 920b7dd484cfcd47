import type { Redis as Client } from 'ioredis'
import { fail, isMillraceError } from '../../../errors/index.ts'
import { commonJs } from '../../../internal/common-js.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type { OnlineAsk, OnlineChange, OnlineRecord, OnlineStore, Revision } from '../../../ports/online-store.ts'
import { checkKeys } from '../keys.ts'
import { dropScript, liveScript, readScript, writeScript } from './scripts.ts'

const { Redis } = commonJs('ioredis') as typeof import('ioredis')

export interface RedisOptions {
  /** Before its keys: projects of one server are kept apart. */
  readonly namespace?: string
  /** How long an answer is waited for before the store counts as gone (default 2,000). */
  readonly timeoutMs?: number
}

/** Keys that are asked for at a time, so that nobody waits long for another's request. */
const maxAsked = 1_000
const maxReconnectMs = 2_000

const commands = {
  millraceRead: readScript,
  millraceWrite: writeScript,
  millraceLive: liveScript,
  millraceDrop: dropScript,
} as const

type Command = keyof typeof commands
type Scripts = Record<
  `${Command}Buffer`,
  (keys: number, ...given: (string | Uint8Array | number)[]) => Promise<unknown>
>

/** Without user and password: the address goes into error messages. */
function addressOf(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url)
    return `${protocol}//${host}${pathname}`
  } catch {
    return 'redis'
  }
}

const slices = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))

/**
 * Feature records in Redis (7) or Valkey, for servers of many machines. Every request is one round trip, whatever the number of
 * keys. While the server is away requests fail at once instead of waiting for it; the connection comes back by itself.
 */
class RedisStore implements OnlineStore {
  readonly #client: Client & Scripts
  readonly #address: string
  readonly #namespace: string
  /** Whether the server can be asked when its disk has what was written. */
  #waitsForDisk = true

  constructor(client: Client, address: string, namespace: string) {
    for (const [name, lua] of Object.entries(commands)) client.defineCommand(name, { lua })
    this.#client = client as Client & Scripts
    this.#address = address
    this.#namespace = namespace
  }

  #key(kind: 'record' | 'keys', view: string, key = ''): string {
    return `${this.#namespace}:${kind}:${view.length}:${view}:${key}`
  }

  #failed(error: unknown, view: string): unknown {
    if (isMillraceError(error)) return error
    const reason = messageOf(error)
    if (/^(OOM|READONLY|MISCONF|NOREPLICAS|NOPERM)/.test(reason))
      return fail('onlineUnwritable', { view, reason }, error)
    return fail('onlineUnreachable', { store: this.#address, reason }, error)
  }

  async getMany(
    view: string,
    asks: readonly OnlineAsk[],
  ): Promise<readonly (OnlineRecord | 'unchanged' | undefined)[]> {
    try {
      const parts = await Promise.all(
        slices(asks, maxAsked).map(part =>
          this.#client.millraceReadBuffer(
            part.length,
            ...part.map(({ key }) => this.#key('record', view, key)),
            ...part.map(({ have }) => (have === undefined ? '' : String(have))),
          ),
        ),
      )
      return (parts as (readonly [Buffer, Buffer?] | null)[][]).flat().map(found => {
        if (found === null) return undefined
        const [revision, bytes] = found
        return bytes === undefined ? 'unchanged' : { revision: Number(String(revision)), bytes: new Uint8Array(bytes) }
      })
    } catch (error) {
      throw this.#failed(error, view)
    }
  }

  async writeMany(view: string, changes: readonly OnlineChange[]): Promise<readonly (Revision | undefined)[]> {
    checkKeys(view, changes)
    if (changes.length === 0) return []
    try {
      const written = await this.#client.millraceWriteBuffer(
        changes.length + 2,
        `${this.#namespace}:revision`,
        this.#key('keys', view),
        ...changes.map(({ key }) => this.#key('record', view, key)),
        ...changes.flatMap(({ key, after, keepMs, bytes }) => [
          key,
          String(after),
          keepMs === undefined ? '' : String(Math.max(1, Math.ceil(keepMs))),
          bytes === undefined ? '0' : '1',
          // Its memory may be the caller's again before it is sent
          bytes === undefined ? '' : Buffer.from(bytes),
        ]),
      )
      return (written as (Buffer | null)[]).map(revision => (revision === null ? undefined : Number(String(revision))))
    } catch (error) {
      throw this.#failed(error, view)
    }
  }

  /** Waits for the disk where the server can be asked to (7.2 and later, with its append-only file); else it writes as it is set up. */
  async flush(): Promise<void> {
    if (!this.#waitsForDisk) return
    try {
      await this.#client.call('WAITAOF', '1', '0', '2000')
    } catch (error) {
      if (!/unknown command|appendonly|WAITAOF cannot be used/i.test(messageOf(error))) throw this.#failed(error, '')
      this.#waitsForDisk = false
    }
  }

  /** Of each page of a view's keys what a script gives for it. */
  async *#pages(view: string, script: 'millraceLiveBuffer' | 'millraceDropBuffer'): AsyncGenerator<unknown> {
    const index = this.#key('keys', view)
    let cursor = '0'
    do {
      const [next, page] = await this.#client.sscan(index, cursor, 'COUNT', maxAsked)
      cursor = next
      const records = page.map(key => this.#key('record', view, key))
      if (page.length > 0) yield await this.#client[script](page.length + 1, index, ...records, ...page)
    } while (cursor !== '0')
  }

  async *keys(view: string): AsyncIterable<string> {
    // While a set grows or shrinks a member may be told twice
    const told = new Set<string>()
    try {
      for await (const live of this.#pages(view, 'millraceLiveBuffer'))
        for (const one of live as Buffer[]) {
          const key = one.toString('utf8')
          if (told.has(key)) continue
          told.add(key)
          yield key
        }
    } catch (error) {
      throw this.#failed(error, view)
    }
  }

  async dropView(view: string): Promise<void> {
    try {
      for await (const _ of this.#pages(view, 'millraceDropBuffer'));
    } catch (error) {
      throw this.#failed(error, view)
    }
  }

  async close(): Promise<void> {
    this.#client.disconnect()
  }
}

/** Opens the online store in a Redis server: `redis://`, `rediss://` for TLS. Throws `onlineUnreachable`. */
export async function openRedis(url: string, options: RedisOptions = {}): Promise<OnlineStore> {
  const address = addressOf(url)
  if (!/^rediss?:\/\//.test(url))
    throw fail('onlineUnreachable', { store: address, reason: 'its address does not begin with redis:// or rediss://' })
  const { namespace = 'millrace', timeoutMs = 2_000 } = options
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    // Nobody waits for a server that is away
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: tries => Math.min(50 * 2 ** Math.min(tries, 10), maxReconnectMs),
  })
  // Without a listener each lost connection would be printed
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch (error) {
    client.disconnect()
    throw fail('onlineUnreachable', { store: address, reason: messageOf(error) }, error)
  }
  return new RedisStore(client, address, namespace)
}

/** What is to be known of a server before one relies on it; undefined where nothing speaks against it. */
export async function redisConcern(url: string): Promise<string | undefined> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 5_000,
    commandTimeout: 5_000,
    retryStrategy: () => null,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const [memory, disk] = [await client.info('memory'), await client.info('persistence')]
    if (/maxmemory:[1-9]/.test(memory) && !/maxmemory_policy:noeviction/.test(memory))
      return 'it throws records away when its memory is full: set maxmemory-policy noeviction'
    if (!/aof_enabled:1/.test(disk))
      return 'it keeps no append-only file: what was pushed since its last snapshot is gone after a crash, until the next "millrace features materialise"'
    return undefined
  } catch (error) {
    throw fail('onlineUnreachable', { store: addressOf(url), reason: messageOf(error) }, error)
  } finally {
    client.disconnect()
  }
}
