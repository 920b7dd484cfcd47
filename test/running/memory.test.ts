import { readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openSqlite } from '../../src/adapters/metadata/sqlite/open.ts'
import { millrace } from '../support/command.ts'
import { label, orders, post, predict, runningProject, startUp, until } from '../support/running.ts'

const hour = 3_600_000

it('a monitor keeps its window and the predictions that wait for labels through kill -9 and SIGTERM', async () => {
  const root = await runningProject('')
  for (const words of [['train'], ['deploy']]) expect(await millrace(root, words)).toMatchObject({ code: 0 })
  const window = Math.floor(Date.now() / hour) * hour - 4 * hour
  const parts = [orders(250, 11), orders(120, 12), orders(130, 13)] as const

  let server = await startUp(root)
  await predict(server.url, orders(100, 10), window - hour + 1, 'before')
  await predict(server.url, parts[0], window + 1, 'a')
  // what was answered a second ago survives anything
  await new Promise(done => setTimeout(done, 1000))
  expect(await server.end('SIGKILL')).toBe('SIGKILL')

  server = await startUp(root)
  await predict(server.url, parts[1], window + 2, 'b')
  expect(await label(server.url, parts[0], 'a')).toBe(250)
  // what was answered just now survives an end that was asked for
  expect(await server.end('SIGTERM')).toBe(0)

  server = await startUp(root)
  await predict(server.url, parts[2], window + 3, 'c')
  expect(await label(server.url, parts[1], 'b')).toBe(120)
  // labels are joined once: those of the first part came before the last restart
  expect(await label(server.url, parts[0], 'a')).toBe(0)
  await predict(server.url, orders(1, 14), window + hour + 1, 'after')

  const store = await openSqlite(join(root, '.millrace', 'millrace.db'))
  const report = await until('the report of the window', async () => (await store.listReports({ kind: 'drift' }))[0])
  expect(report.evidence).toMatchObject({ rows: 500, from: window * 1000 })
  expect(await store.listReports({ kind: 'drift' })).toHaveLength(1)
  expect(await server.end('SIGTERM')).toBe(0)
  await store.close()
})

it('predictions that lie on disk are found by late labels, through kill -9 as well, and leave no files', async () => {
  const root = await runningProject('')
  for (const words of [['train'], ['deploy']]) expect(await millrace(root, words)).toMatchObject({ code: 0 })
  const list = orders(10_000, 21)
  const idsOf = (part: number): string[] => list.map((_, i) => `late-${part}-${i}`)
  const rows = list.map(({ weight, distance }) => ({ weight, distance }))
  const parts = 15
  let server = await startUp(root)
  const ask = async (path: string, body: unknown) => {
    const answer = await post(`${server.url}/v1/deployments/orders-api/${path}`, body)
    expect(answer.status).toBe(200)
    return answer.body as { readonly found?: number }
  }
  /** Files that are open and have no name any more. */
  const onDisk = async (): Promise<number> => {
    const folder = `/proc/${server.child.pid}/fd`
    const open = await Promise.all((await readdir(folder)).map(fd => readlink(join(folder, fd)).catch(() => '')))
    return open.filter(path => /orders-api\/waiting-.*deleted/.test(path)).length
  }
  const found = (part: number, from: number, count: number) =>
    ask('feedback', {
      labels: idsOf(part)
        .slice(from, from + count)
        .map(id => ({ id, label: 1 })),
    })

  for (let part = 0; part < parts; part++) await ask('predict', { rows, ids: idsOf(part) })
  await until('they are written', async () => (await onDisk()) > 0)
  expect(await found(0, 0, 500)).toEqual({ found: 500, sent: 500 })
  expect(await found(0, 0, 500)).toEqual({ found: 0, sent: 500 })
  await new Promise(done => setTimeout(done, 1_500))
  expect(await server.end('SIGKILL')).toBe('SIGKILL')

  server = await startUp(root)
  await until('they are written', async () => (await onDisk()) > 0)
  // joined once, before the end or after it, from the oldest to the newest
  expect(await found(0, 0, 1_000)).toEqual({ found: 500, sent: 1_000 })
  expect(await found(parts - 1, 0, 1_000)).toEqual({ found: 1_000, sent: 1_000 })
  expect(await server.end('SIGTERM')).toBe(0)
  const left = await readdir(join(root, '.millrace', 'serving', 'orders-api'))
  expect(left.filter(name => name.startsWith('waiting'))).toEqual([])
})
