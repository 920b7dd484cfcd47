import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { isThere } from './is-there.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-there-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

it('tells what is there from what is not, and gives no answer where it cannot look', async () => {
  writeFileSync(join(root, 'file'), '')
  symlinkSync('circle', join(root, 'circle'))
  expect(await isThere(root)).toBe(true)
  expect(await isThere(join(root, 'file'))).toBe(true)
  expect(await isThere(join(root, 'none'))).toBe(false)
  await expect(isThere(join(root, 'circle'))).rejects.toMatchObject({ code: 'ELOOP', path: join(root, 'circle') })
  await expect(isThere(join(root, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' })
})
