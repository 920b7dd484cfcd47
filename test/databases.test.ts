import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../src/adapters/data/duckdb/engine.ts'
import { openPostgresTable } from '../src/adapters/source/postgres/open.ts'
import { openSqliteTable } from '../src/adapters/source/sqlite/open.ts'

let root: string
let file: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-databases-'))
  file = join(root, 'shop.sqlite')
  const database = new DatabaseSync(file)
  database.exec('CREATE TABLE orders (id INTEGER); INSERT INTO orders VALUES (1)')
  database.close()
})
afterAll(() => rm(root, { recursive: true }))

describe('SQLite', () => {
  const named = { dataset: 'sales', shown: 'shop.sqlite' }

  it.each([
    ['a table that is not there', 'none', 'shop.sqlite', 'MR2032', 'Table none of SQLite file shop.sqlite, the source'],
    ['a file that is not there', 'orders', 'no.sqlite', 'MR2031', 'of dataset sales, cannot be opened: it does not'],
    ['a file of another kind', 'orders', 'text.sqlite', 'MR2031', 'file is not a database'],
  ])('%s is named with the dataset and the file', async (_, table, name, code, words) => {
    await writeFile(join(root, 'text.sqlite'), 'id\n1\n'.repeat(400))
    const run = openSqliteTable(table, join(root, name), named)
    await expect(run).rejects.toMatchObject({ code, message: expect.stringContaining(words) as unknown })
  })

  it('held by another for longer than is waited is locked', async () => {
    const other = new DatabaseSync(file)
    try {
      other.exec('BEGIN EXCLUSIVE')
      const run = openSqliteTable('orders', file, { ...named, waitMs: 100 })
      await expect(run).rejects.toMatchObject({
        code: 'MR2033',
        message:
          'Table orders of SQLite file shop.sqlite, the source of dataset sales, is held by another process, longer than the 0.1 s that were waited.',
      })
    } finally {
      other.close()
    }
  })

  it('held by another for a moment is waited for', async () => {
    const script = `const { DatabaseSync } = require('@photostructure/sqlite')
      const database = new DatabaseSync(process.argv[1])
      database.exec('BEGIN EXCLUSIVE')
      console.log('held')
      setTimeout(() => database.close(), 1000)`
    const holder = spawn(process.execPath, ['-e', script, file], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = new Promise(resolve => holder.once('exit', resolve))
    await new Promise(resolve => holder.stdout.once('data', resolve))
    const opened = await openSqliteTable('orders', file)
    expect(await opened.counts?.rows()).toBe(1)
    await opened.close()
    await ended
  })
})

describe('PostgreSQL', () => {
  /** A server that takes connections and does with them what is said. */
  async function serving(take: (socket: Socket) => void, use: (port: number) => Promise<void>): Promise<void> {
    const sockets: Socket[] = []
    const server: Server = createServer(socket => {
      sockets.push(socket)
      socket.on('error', () => undefined)
      take(socket)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    try {
      await use((server.address() as AddressInfo).port)
    } finally {
      for (const socket of sockets) socket.destroy()
      server.close()
    }
  }

  const options = { dataset: 'sales', urlFrom: 'SHOP_URL', connectMs: 300 }
  const opening = (url: string) => openPostgresTable('orders', url, options)
  const refused = async (url: string): Promise<{ code: string; message: string; hint: string }> =>
    opening(url).then(
      () => Promise.reject(new Error('it was opened')),
      (error: unknown) => error as { code: string; message: string; hint: string },
    )

  it('that takes a connection and never answers is given up', async () => {
    await serving(
      () => undefined,
      async port => {
        const { code, message } = await refused(`postgres://me:secret@127.0.0.1:${port}/shop`)
        expect([code, message]).toEqual([
          'MR2031',
          `PostgreSQL database shop at 127.0.0.1:${port} (URL of SHOP_URL), the source of dataset sales, cannot be opened: it did not answer within 0.3 s.`,
        ])
      },
    )
  })

  it('that ends the connection, or is not there, is named without the password', async () => {
    let closed = 0
    await serving(
      socket => socket.end(),
      async port => {
        closed = port
        const { code, message } = await refused(`postgres://me:secret@127.0.0.1:${port}/shop`)
        expect([code, message]).toEqual(['MR2031', expect.not.stringContaining('secret')])
      },
    )
    const { code, message } = await refused(`postgres://me:secret@127.0.0.1:${closed}/shop`)
    expect(code).toBe('MR2031')
    expect(message).toContain('ECONNREFUSED')
    expect(message).not.toContain('secret')
  })

  it.each(['me:secret@db/shop', 'mysql://me:secret@db/shop', 'postgres://me:se#cret@db:x/shop'])(
    'is not looked for under what is no URL of it',
    async url => {
      const { code, message } = await refused(url)
      expect(code).toBe('MR2031')
      expect(message).toContain('what SHOP_URL holds is no URL such as postgres://')
      expect(message).not.toMatch(/secret|se#cret/)
    },
  )
})

it('DuckDB files are named with the table, or by themselves', async () => {
  const engine = await openDuckdb()
  try {
    await writeFile(join(root, 'text.duckdb'), 'id\n1\n'.repeat(4000))
    const missing = engine.scan({ kind: 'duckdb', path: 'orders', file: 'no.duckdb' }, root)
    await expect(missing).rejects.toMatchObject({ code: 'MR2031' })
    const other = engine.scan({ kind: 'duckdb', path: 'orders', file: 'text.duckdb' }, root)
    await expect(other).rejects.toMatchObject({ code: 'MR2031' })
    await engine.execute(
      `ATTACH '${join(root, 'shop.duckdb')}' AS shop; CREATE TABLE shop.orders (id INT); DETACH shop`,
    )
    const none = engine.scan({ kind: 'duckdb', path: 'none', file: 'shop.duckdb' }, root)
    await expect(none).rejects.toMatchObject({
      code: 'MR2032',
      message: expect.stringContaining('Table none of DuckDB file shop.duckdb cannot be read') as unknown,
    })
  } finally {
    await engine.close()
  }
})
