import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Inbox } from './inbox.ts'

let folder: string
let now: number
let inbox: Inbox
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-inbox-'))
  now = 0
  inbox = new Inbox(folder, 100, () => now)
})
afterEach(() => rm(folder, { recursive: true }))

const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text)
const look = async (after: number): Promise<{ settled: string[]; waiting: boolean }> => {
  now += after
  const { settled, waiting } = await inbox.look()
  return { settled: settled.map(one => one.name), waiting }
}

it('gives a file once nobody has written to it for a while', async () => {
  await write('a.csv', 'x\n1\n')
  expect(await look(0)).toEqual({ settled: [], waiting: true })
  await appendFile(join(folder, 'a.csv'), '2\n')
  expect(await look(99)).toEqual({ settled: [], waiting: true })
  expect(await look(99)).toEqual({ settled: [], waiting: true })
  expect(await look(1)).toEqual({ settled: ['a.csv'], waiting: false })
})

it('begins anew with another file of the same name and size', async () => {
  await write('a.csv', 'x\n1\n')
  await look(0)
  await write('.other', 'x\n2\n')
  await rename(join(folder, '.other'), join(folder, 'a.csv'))
  expect(await look(100)).toEqual({ settled: [], waiting: true })
  expect(await look(100)).toEqual({ settled: ['a.csv'], waiting: false })
})

it('leaves hidden files and folders alone, and gives the others by name', async () => {
  for (const name of ['b.csv', 'a.csv', '.half']) await write(name, name)
  await mkdir(join(folder, 'refused'))
  await look(0)
  expect(await look(100)).toEqual({ settled: ['a.csv', 'b.csv'], waiting: false })
})

it('takes away what was taken in, keeps what was refused, and leaves what was written to meanwhile', async () => {
  for (const name of ['in.csv', 'refused.csv', 'late.csv', 'gone.csv']) await write(name, 'x\n1\n')
  await look(0)
  now += 100
  const { settled } = await inbox.look()
  const [gone, taken, late, refused] = settled
  if (!gone || !taken || !late || !refused) throw new Error('four files were expected')
  await rm(gone.path)
  await appendFile(late.path, '2\n')
  expect(await inbox.clear(gone, false)).toBe(true)
  expect(await inbox.clear(taken, false)).toBe(true)
  expect(await inbox.clear(late, false)).toBe(false)
  expect(await inbox.clear(refused, true)).toBe(true)
  expect((await readdir(folder)).sort()).toEqual(['late.csv', 'refused'])
  expect(await readFile(join(folder, 'refused', 'refused.csv'), 'utf8')).toBe('x\n1\n')
})
