import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Dataset } from '../../define/dataset.ts'
import { digestBytes } from '../../internal/digest.ts'
import { type DigestMemory, listFiles, matchesPath, presentFiles, requireUnchanged, sourceFiles } from './files.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-files-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** Files, last changed at that second. */
const put = (files: Readonly<Record<string, string>>, second = 1_000): void => {
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    utimesSync(path, second, second)
  }
}
const from = (path: string): Dataset => ({ name: 'sales', source: { kind: 'csv', path } }) as unknown as Dataset
const names = async (path: string) => (await listFiles(from(path), root)).map(one => one.name)

describe('the files of a source', () => {
  beforeEach(() => {
    put({
      'in/b.csv': 'b',
      'in/a.csv': 'a',
      'in/a.csv.gz': 'z',
      'in/2026/c.csv': 'c',
      'in/2026/07/d.csv': 'd',
      // what writers call files that are not whole yet, and folders of such
      'in/.e.csv': 'e',
      'in/.writing/f.csv': 'f',
      'in/2026/.g.csv': 'g',
      'in (new)+/h.csv': 'h',
    })
  })

  it.each<[string, readonly string[]]>([
    ['in/a.csv', ['in/a.csv']],
    ['in/*.csv', ['in/a.csv', 'in/b.csv']],
    ['in/?.csv', ['in/a.csv', 'in/b.csv']],
    ['in/*', ['in/a.csv', 'in/a.csv.gz', 'in/b.csv']],
    ['in/*/*.csv', ['in/2026/c.csv']],
    ['in/**/*.csv', ['in/2026/07/d.csv', 'in/2026/c.csv', 'in/a.csv', 'in/b.csv']],
    ['in/2026/**', ['in/2026/07/d.csv', 'in/2026/c.csv']],
    ['in/2**.csv', ['in/2026/07/d.csv', 'in/2026/c.csv']],
    ['in/**/d.csv', ['in/2026/07/d.csv']],
    ['in (new)+/*.csv', ['in (new)+/h.csv']],
    ['in/[ab].csv', []],
  ])('of %s are those that it names, by name, hidden ones left alone', async (path, found) => {
    if (found.length > 0) expect(await names(path)).toEqual(found)
    else await expect(names(path)).rejects.toMatchObject({ code: 'MR2002' })
    // by its absolute path the same
    if (found.length > 0) expect(await names(join(root, path))).toEqual(found)
  })

  it.each([
    ['none/*.csv', 'it does not exist'],
    ['none.csv', 'it does not exist'],
    ['in/*.parquet', 'no file matches'],
    ['in/.*', 'no file matches'],
    ['in', 'it is a folder; name the files in it with a pattern such as *.parquet'],
    ['s3://bucket/*.csv', 'files are read from this machine, not by s3://'],
  ])('of %s are none: %s', async (path, reason) => {
    await expect(names(path)).rejects.toMatchObject({
      code: 'MR2002',
      details: { reason: expect.stringContaining(reason) },
    })
  })

  it('are none while there is none yet, which is no error where that may be', async () => {
    expect(await presentFiles(from('none/*.csv'), root)).toEqual([])
    expect((await presentFiles(from('in/*.csv'), root)).map(one => one.name)).toEqual(['in/a.csv', 'in/b.csv'])
  })

  it('are refused where one is empty', async () => {
    put({ 'in/empty.csv': '' })
    await expect(names('in/*.csv')).rejects.toMatchObject({
      details: { source: 'in/empty.csv', reason: 'it is empty' },
    })
  })
})

it('a pattern takes whole paths', () => {
  for (const [glob, path, takes] of [
    ['/in/*.csv', '/in/a.csv', true],
    ['/in/*.csv', '/in/a.csv.tmp', false],
    ['/in/*.csv', '/x/in/a.csv', false],
    ['/in/*.csv', '/in/b/a.csv', false],
    ['/in/**/a.csv', '/in/a.csv', true],
    ['/in/**/a.csv', '/in/b/c/a.csv', true],
    ['/in/**', '/in/b/c.txt', true],
    ['/in/a.csv', '/in/aXcsv', false],
  ] as const)
    expect(matchesPath(glob, path), `${glob} ${path}`).toBe(takes)
})

describe('a file', () => {
  const all = () => sourceFiles(from('*.csv'), root, memory)
  let memory: DigestMemory
  beforeEach(() => {
    memory = new Map()
    put({ 'a.csv': 'one' })
  })

  it('is known by its content, which is read again where its size or time changed', async () => {
    const [first] = await all()
    expect(first).toMatchObject({ name: 'a.csv', size: 3, digest: digestBytes('one'), young: false })
    const known = memory.get(join(root, 'a.csv'))
    // what is remembered is believed
    memory.set(join(root, 'a.csv'), { stamp: known?.stamp ?? '', digest: digestBytes('remembered') })
    expect((await all())[0]?.digest).toBe(digestBytes('remembered'))
    put({ 'a.csv': 'two' }, 2_000)
    expect((await all())[0]?.digest).toBe(digestBytes('two'))
  })

  it('of the last two seconds is read whatever is remembered of it', async () => {
    put({ 'a.csv': 'one' }, Date.now() / 1000)
    const [first] = await all()
    memory.set(join(root, 'a.csv'), { stamp: first?.stamp ?? '', digest: digestBytes('remembered') })
    expect(await all()).toMatchObject([{ young: true, digest: digestBytes('one') }])
  })

  it('that changed or went since it was listed is refused; one that was only touched is the same', async () => {
    const files = await all()
    const listed = await listFiles(from('a.csv'), root)
    await requireUnchanged([...files, ...listed])
    put({ 'a.csv': 'one' }, 3_000)
    await requireUnchanged(files)
    await expect(requireUnchanged(listed)).rejects.toMatchObject({ code: 'MR2025', details: { file: 'a.csv' } })
    put({ 'a.csv': 'two' }, 1_000)
    await expect(requireUnchanged(files)).rejects.toMatchObject({ code: 'MR2025' })
    rmSync(join(root, 'a.csv'))
    await expect(requireUnchanged(files)).rejects.toMatchObject({ code: 'MR2025' })
  })
})
