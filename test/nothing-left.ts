import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, expect } from 'vitest'

// Runs before every test file. Its temporary files lie in a folder of its own, which goes when it ends; a process that it
// started and that still lives, or a port that it still listens on, fails the file.

const mark = 'MILLRACE_TEST_FILE'
const before = { tmp: process.env.TMPDIR, mark: process.env[mark] }
const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
// some tests run a command as another user
chmodSync(folder, 0o755)
process.env.TMPDIR = folder
process.env[mark] = basename(folder)

/** Every process that has this file's mark in its environment: children, and what they started, however detached. */
function processes(): readonly string[] {
  return readdirSync('/proc').flatMap(id => {
    if (!/^\d+$/.test(id) || Number(id) === process.pid) return []
    try {
      if (!readFileSync(`/proc/${id}/environ`, 'utf8').includes(`${mark}=${basename(folder)}`)) return []
      const command = readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ')
      return command === '' ? [] : [`${id} ${command}`]
    } catch {
      return [] // gone meanwhile, or somebody else's
    }
  })
}

const listening = (): readonly string[] =>
  process.getActiveResourcesInfo().filter(kind => /Server|Pipe.*Listen/i.test(kind))

afterAll(async () => {
  // what was told to end may take a moment on a busy machine
  for (let tries = 0; tries < 100 && processes().length + listening().length > 0; tries++) {
    await new Promise(done => setTimeout(done, 100))
  }
  const left = [...processes(), ...listening()]
  for (const name of ['TMPDIR', mark] as const) {
    const value = name === mark ? before.mark : before.tmp
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  expect(left, 'left behind by this test file').toEqual([])
}, 60_000)
