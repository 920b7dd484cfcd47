import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  utimesSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ownedName } from '../../src/internal/leftovers.ts'
import { identityOf, ownIdentity } from '../../src/internal/process-identity.ts'
import { millrace, startUp } from '../support/command.ts'
import { refused } from '../support/refused.ts'
import { layProject } from '../support/state-project.ts'

const base = mkdtempSync(join(tmpdir(), 'millrace-folder-'))
afterAll(() => rmSync(base, { recursive: true, force: true, maxRetries: 5 }))
let made = 0
function fresh(): string {
  const root = join(base, `p${made++}`)
  layProject(root, 600)
  return root
}
const bin = resolve('dist/cli/bin.js')

describe('one process serves a project', () => {
  test('of several that start at the same moment all but one are refused before they serve', async () => {
    const root = fresh()
    const starts = await Promise.allSettled([startUp(root), startUp(root), startUp(root)])
    const up = starts.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
    const lost = starts.flatMap(one => (one.status === 'rejected' ? [String(one.reason)] : []))
    expect(up).toHaveLength(1)
    for (const said of lost) expect(said).toMatch(/up ended with 2: [^]*MR1113/)
    // A killed one holds nobody up, on this host or another, whatever it wrote down
    expect(await up[0]?.end('SIGKILL')).toBe('SIGKILL')
    const file = join(root, '.millrace', 'server.json')
    const told = JSON.parse(readFileSync(file, 'utf8')) as { process: object }
    writeFileSync(file, JSON.stringify({ ...told, process: { ...told.process, host: 'a-pod-that-is-gone' } }))
    const next = await startUp(root)
    refused(await millrace(root, ['up', '--port', '0']), 2, 'MR1113', next.url)
    expect(await next.end()).toBe(0)
    expect(existsSync(file)).toBe(false)
  })

  test('beyond this machine without tokens is refused before anything is opened', async () => {
    const root = fresh()
    refused(await millrace(root, ['up', '--port', '0', '--host', '0.0.0.0']), 2, 'MR5003')
    for (const name of ['millrace.db', 'server.lock'])
      expect(existsSync(join(root, '.millrace', name)), name).toBe(false)
  })
})

test('what a killed process left is swept at the next start; what a living one uses is not', async () => {
  const root = fresh()
  const state = join(root, '.millrace')
  for (const folder of ['uploads', 'jobs/dead', 'jobs/living', 'jobs/young', 'keys', 'artifacts/cas/tmp'])
    mkdirSync(join(state, folder), { recursive: true })
  const gone = execFileSync(process.execPath, [
    '--input-type=module',
    '-e',
    `const { ownedName } = await import(${JSON.stringify(`file://${resolve('dist/internal/leftovers.js')}`)}); console.log(ownedName())`,
  ])
    .toString()
    .trim()
  const places = (name: string): string[] =>
    [`uploads/${name}`, `.tmp-server.json-${name}`, `keys/.tmp-keystore.json-${name}`, `artifacts/cas/tmp/${name}`].map(
      path => join(state, path),
    )
  const dead = [...places(gone), join(root, `.tmp-millrace.lock-${gone}`)]
  const living = places(ownedName())
  for (const path of [...dead, ...living]) writeFileSync(path, 'x')
  const died = spawn('true')
  const identity = identityOf(died.pid ?? 0)
  await new Promise(ended => died.once('exit', ended))
  writeFileSync(join(state, 'jobs/dead/process.json'), JSON.stringify(identity))
  // what is over stays for a day
  const yesterday = new Date(Date.now() - 25 * 3_600_000)
  utimesSync(join(state, 'jobs/dead'), yesterday, yesterday)
  writeFileSync(join(state, 'jobs/living/process.json'), JSON.stringify(ownIdentity()))
  writeFileSync(join(state, 'server.json'), JSON.stringify({ url: 'x', token: 'secret', process: identity }))
  expect((await millrace(root, ['models', 'list'])).code).toBe(0)
  expect(dead.filter(path => existsSync(path))).toEqual([])
  expect(living.filter(path => !existsSync(path))).toEqual([])
  expect(readdirSync(join(state, 'jobs')).sort()).toEqual(['living', 'young'])
  expect(existsSync(join(state, 'server.json'))).toBe(false)
})

test('whatever the umask, nothing below .millrace is open to other users', () => {
  const root = fresh()
  const script =
    'umask 000; for verb in train "features materialise" "keys create k" "data snapshot" validate doctor; do "$0" "$1" $verb || exit 1; done'
  const { status, stderr } = spawnSync('sh', ['-c', script, process.execPath, bin], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, MILLRACE_KEY_PASSPHRASE: 'p' },
  })
  expect(status, stderr).toBe(0)
  const state = join(root, '.millrace')
  const open = ['', ...readdirSync(state, { recursive: true }).map(String)].filter(
    name => (statSync(join(state, name)).mode & 0o077) !== 0,
  )
  expect(open).toEqual([])
})

describe('millrace.lock that cannot be written', () => {
  const canMount = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', base]).status === 0
  if (!canMount) console.warn('SKIPPED: a project on a read-only root; nothing can be mounted here')

  test.skipIf(!canMount)('is one warning: the version is registered, the exit code is 0, --json is one value', () => {
    const root = fresh()
    mkdirSync(join(root, '.millrace'))
    const state = mkdtempSync(join(base, 'state-'))
    const shell =
      'mount --bind "$1" "$1" && mount --bind "$2" "$1/.millrace" && mount -o remount,ro,bind "$1" && cd "$1" && exec "$3" "$4" train --json'
    const { status, stdout, stderr } = spawnSync(
      'unshare',
      ['-m', 'sh', '-c', shell, 'sh', root, state, process.execPath, bin],
      { encoding: 'utf8' },
    )
    expect(status, stdout + stderr).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ status: 'succeeded', version: 1 })
    expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(/^! millrace\.lock .*read-only/)])
    expect(existsSync(join(root, 'millrace.lock'))).toBe(false)
  })
})

describe('a state folder that this user may not write', () => {
  // Root may write everything: then as nobody, where nobody may read the program
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const env = { ...process.env, HOME: tmpdir() }
  const runs = spawnSync(process.execPath, [bin, '--version'], { ...user, env, cwd: tmpdir() }).status === 0
  test.runIf(runs)('is named by every command that writes there, and nothing is changed', () => {
    const root = fresh()
    chmodSync(base, 0o755)
    const state = join(root, '.millrace')
    for (const lay of [
      () => chmodSync(root, 0o555),
      () => mkdirSync(state, { mode: 0o555 }),
      () => chmodSync(state, 0o000),
    ]) {
      chmodSync(root, 0o755)
      lay()
      for (const verb of ['train', 'deploy', 'validate']) {
        const { status, stdout, stderr } = spawnSync(process.execPath, [bin, verb], { ...user, env, cwd: root })
        refused({ code: status ?? 99, out: '', said: `${String(stdout)}${String(stderr)}` }, 3, 'MR3014', '.millrace')
      }
    }
    chmodSync(state, 0o755)
    expect(readdirSync(state)).toEqual([])
  })
})
