import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdtempSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
  openSync,
  writeSync,
  closeSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openSqlite } from '../../src/adapters/metadata/sqlite/open.ts'
import { digestBytes } from '../../src/internal/digest.ts'
import { ulid } from '../../src/internal/ids.ts'
import { openTestEngine } from '../support/engine.ts'

const base = mkdtempSync(join(tmpdir(), 'millrace-storage-'))
afterAll(() => rmSync(base, { recursive: true, force: true, maxRetries: 5 }))

const fresh = (): string => mkdtempSync(join(base, 'f-'))

/** Runs a script against the compiled package in a process of its own; it prints one JSON value. */
function inProcess(command: string, args: readonly string[], script: string): unknown {
  const prelude = `
    const at = path => new URL(path, 'file://' + process.cwd() + '/dist/').href
    const { openArtifacts } = await import(at('adapters/artifacts/fs/open.js'))
    const { openSqlite } = await import(at('adapters/metadata/sqlite/open.js'))
    const told = error => ({ code: error.code, details: error.details, message: error.message })
  `
  const { stdout, stderr } = spawnSync(
    command,
    [...args, process.execPath, '--input-type=module', '-e', prelude + script],
    {
      encoding: 'utf8',
    },
  )
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

const canMount = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', base]).status === 0

describe('a full disk', () => {
  test.skipIf(!canMount)(
    'is named with the bytes that were needed, and leaves nothing half-written (needs a mount of its own)',
    () => {
      const folder = fresh()
      const script = `
      const root = ${JSON.stringify(folder)}
      const store = await openSqlite(root + '/state.db')
      const artifacts = await openArtifacts(root)
      const small = await artifacts.put('small')
      const failed = await artifacts.put(new Uint8Array(8 << 20).fill(7)).catch(told)
      const left = (await import('node:fs')).readdirSync(root + '/cas/tmp')
      const kept = Buffer.from(await artifacts.get(small.digest)).toString()
      const full = []
      for (let i = 0; i < 200 && full.length === 0; i++)
        await store.putDocument('k', String(i), 'x'.repeat(50000), 1).catch(error => full.push(told(error)))
      await store.removeDocument('k', '0').catch(() => undefined)
      const first = await store.getDocument('k', '1')
      console.log(JSON.stringify({ failed, left, kept, full, first: first?.value.length }))
    `
      const shell = 'mount -t tmpfs -o size=4m tmpfs "$1" && shift && exec "$@"'
      const told = inProcess('unshare', ['-m', 'sh', '-c', shell, 'sh', folder], script)
      expect(told).toMatchObject({
        failed: { code: 'MR3013', details: { needed: 8 << 20, path: folder } },
        left: [],
        kept: 'small',
        full: [{ code: 'MR2005' }],
        first: 50_000,
      })
    },
  )

  test('a file-size limit is named likewise', () => {
    const folder = fresh()
    const script = `
      process.on('SIGXFSZ', () => undefined)
      const root = ${JSON.stringify(folder)}
      const artifacts = await openArtifacts(root)
      const failed = await artifacts.put(new Uint8Array(2 << 20)).catch(told)
      const left = (await import('node:fs')).readdirSync(root + '/cas/tmp')
      console.log(JSON.stringify({ failed, left }))
    `
    const told = inProcess('bash', ['-c', 'ulimit -f 1000; exec "$@"', 'bash'], script)
    expect(told).toMatchObject({ failed: { code: 'MR3013', details: { needed: 2 << 20 } }, left: [] })
  })
})

describe('a folder that may not be written', () => {
  const root = process.getuid?.() === 0
  const asUser = root ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] : ['env']
  test('is named by both stores', () => {
    chmodSync(base, 0o755)
    const folder = fresh()
    mkdirSync(join(folder, 'inner'))
    chmodSync(folder, 0o555)
    const script = `
      const root = ${JSON.stringify(folder)}
      const artifacts = await openArtifacts(root).catch(told)
      const store = await openSqlite(root + '/state.db').catch(told)
      console.log(JSON.stringify({ artifacts, store }))
    `
    const [command = '', ...args] = asUser
    const told = inProcess(command, args, script)
    expect(told).toMatchObject({ artifacts: { code: 'MR3014' }, store: { code: 'MR3014' } })
    chmodSync(folder, 0o755)
  })
})

describe('damage', () => {
  test('of the SQLite file is named, whether in its head or in a page, and other stores go on', async () => {
    const path = join(fresh(), 'state.db')
    const store = await openSqlite(path)
    for (let i = 0; i < 300; i++) await store.putDocument('k', String(i), 'x'.repeat(500), 1)
    await store.close()
    const damage = (from: number, length: number): void => {
      const file = openSync(path, 'r+')
      writeSync(file, Buffer.alloc(length, 0x5a), 0, length, from)
      closeSync(file)
    }
    damage(8192, statSync(path).size - 8192)
    const page = await openSqlite(path)
      .then(async opened => {
        try {
          return await opened.listDocuments('k')
        } finally {
          await opened.close()
        }
      })
      .catch((error: { code?: string }) => error.code)
    expect(page).toBe('MR3010')
    damage(0, 100)
    await expect(openSqlite(path)).rejects.toMatchObject({ code: 'MR3010', details: { path } })
  })

  test('of an artifact that a step needs is mended in the same run by the step that made it', async () => {
    const { engine, artifacts, root, close } = await openTestEngine(fresh())
    const salt = ulid()
    const steps = [
      {
        name: 'make',
        inputs: {},
        parameters: salt,
        code: digestBytes('make'),
        environment: {},
        runsIn: 'inline' as const,
        run: async (context: import('../../src/engine/step.ts').StepContext) => ({
          outputs: { out: await context.save('file', `content ${salt}`) },
        }),
      },
      {
        name: 'use',
        inputs: { in: { from: { step: 'make', output: 'out' } } },
        parameters: {},
        cache: 'never' as const,
        code: digestBytes('use'),
        environment: {},
        runsIn: 'inline' as const,
        run: async (context: import('../../src/engine/step.ts').StepContext) => {
          const bytes = await context.inputs['in']?.bytes()
          return { outputs: { copy: await context.save('file', bytes ?? '') } }
        },
      },
    ]
    const first = await engine.run({ name: 'damage', steps })
    expect(first.status).toBe('succeeded')
    const path = await artifacts.localPath(first.steps[0]?.outputs?.['out']?.digest ?? digestBytes(''))
    const size = statSync(path).size
    chmodSync(path, 0o644)
    writeFileSync(path, 'X'.repeat(size))
    const second = await engine.run({ name: 'damage', steps })
    expect(second.status).toBe('succeeded')
    expect(second.steps.map(step => step.status)).toEqual(['succeeded', 'succeeded'])
    expect(readdirSync(join(root, 'quarantine'))).toHaveLength(1)
    expect(
      Buffer.from(await artifacts.get(first.steps[0]?.outputs?.['out']?.digest ?? digestBytes(''))).toString(),
    ).toBe(`content ${salt}`)
    await close()
  })
})

test('the peers of these tests are there, or their absence is said', () => {
  if (!canMount)
    console.warn('SKIPPED: tmpfs cannot be mounted here, the full disk is tested by a file-size limit only')
  expect(execFileSync('bash', ['-c', 'echo ok'], { encoding: 'utf8' })).toBe('ok\n')
})
