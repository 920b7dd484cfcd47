import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { fail } from '../errors/index.ts'
import { settling } from './exit-guard.ts'

describe('work that is waited for', () => {
  const stalled = (waitedMs?: number) =>
    fail('configThrew', { file: 'f', reason: waitedMs === undefined ? 'never' : `after ${waitedMs}` })

  it('that takes longer than its limit is given up, and says for how long it was waited', async () => {
    const slow = new Promise<number>(resolve => setTimeout(resolve, 200, 1))
    await expect(settling(slow, stalled, 20)).rejects.toThrow('after 20')
    const quick = new Promise<number>(resolve => setTimeout(resolve, 5, 1))
    expect(await settling(quick, stalled, 5_000)).toBe(1)
  })

  it('is waited for a minute unless it is said', async () => {
    vi.useFakeTimers()
    try {
      const found = settling(new Promise(() => undefined), stalled).catch((error: Error) => error.message)
      await vi.advanceTimersByTimeAsync(59_999)
      expect(vi.getTimerCount()).toBe(1)
      await vi.advanceTimersByTimeAsync(1)
      expect(await found).toContain('after 60000')
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('code that ends the process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-exit 100% (1) '))
  const before = process.exit
  afterAll(() => {
    process.exit = before
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  const moduleOf = async (name: string): Promise<{ readonly file: string; readonly end: (code?: number) => never }> => {
    const file = join(folder, name)
    // The call stands in the third line
    writeFileSync(file, '\nexport const end = code => {\n  process.exit(code)\n}\nexport const by = work => work()\n')
    return { file, ...((await import(pathToFileURL(file).href)) as { readonly end: () => never }) }
  }
  const outcome = async (work: () => unknown): Promise<unknown> => {
    try {
      return await work()
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      return `${code ?? 'none'} ${message}`
    }
  }

  it('may not while it is of the project: refused with its place, while it loads and later; others may', async () => {
    // A guard that was not installed yet: another test of this worker may have loaded a project
    vi.resetModules()
    const { refuseExitOf, whileLoading } = await import('./exit-guard.ts')
    // What is called in the end: here it only says so
    process.exit = ((code?: number) => {
      throw new Error(`ended with ${String(code)}`)
    }) as never
    const [own, other] = [await moduleOf('own.mjs'), await moduleOf('other.mjs')]
    expect(await outcome(() => own.end(3))).toBe('none ended with 3')
    refuseExitOf(own.file)
    const later = await outcome(() => own.end(3))
    expect(later).toContain(`${own.file}:3`)
    expect(later).toContain('process.exit(3)')
    const loading = await outcome(() => whileLoading(async () => own.end()))
    expect(loading).toContain(`${own.file}:3`)
    expect(loading).toContain('process.exit()')
    expect([String(later).split(' ')[0], String(loading).split(' ')[0]]).toEqual([
      fail('codeExits', { place: '', call: '' }).code,
      fail('configThrew', { file: '', reason: '' }).code,
    ])
    expect(await outcome(() => other.end(4))).toBe('none ended with 4')
    // Whoever is called by it ends it for it
    const { by } = (await import(pathToFileURL(own.file).href)) as { readonly by: (work: () => unknown) => unknown }
    expect(await outcome(() => by(() => other.end(4)))).toContain(`${own.file}:5`)
    // nor may it where no function of its is on the way: at its top, or as what others call
    const atTop = join(folder, 'top.mjs')
    writeFileSync(atTop, '\n\n\nprocess.exit(5)\n')
    refuseExitOf(atTop)
    expect(await outcome(() => import(pathToFileURL(atTop).href))).toContain(`${atTop}:4`)
    expect(await outcome(() => [3].forEach(own.end as never))).toContain(`${own.file}:3`)
    // a file whose name begins as that of the project's is somebody else's
    const longer = await moduleOf('own.mjs.mjs')
    expect(await outcome(() => longer.end(4))).toBe('none ended with 4')
    // loading is over, whichever way it went
    expect(String(await outcome(() => own.end(3)))).toBe(later)
  })
})
