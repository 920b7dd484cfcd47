import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ProjectSettings } from '../define/settings.ts'
import { fail } from '../errors/index.ts'
import { dataset, project, sqlite, t } from '../index.ts'
import { takeFileLock } from '../internal/file-lock.ts'
import { ownedName } from '../internal/leftovers.ts'
import { ownIdentity } from '../internal/process-identity.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { runEnvironment, stepEnvironment } from './environment.ts'
import { settling } from './exit-guard.ts'
import { findRoot, rootAbove } from './load.ts'
import { openPlainServices } from './plain-services.ts'
import { checkDatabase, makeStateFolder, serverFile, serverLock, sweepStateFolder } from './state-folder.ts'
import { openWorkspace, type WorkspaceOptions } from './workspace.ts'

// What a project's folder and settings make of its workspace.

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-workspace-'))
  writeFileSync(join(root, 'millrace.config.ts'), '')
})
afterEach(() => {
  delete process.env.MILLRACE_TEST_STORE
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

async function opened<T>(
  settings: ProjectSettings,
  look: (workspace: Awaited<ReturnType<typeof openWorkspace>>) => Promise<T> | T,
  options: WorkspaceOptions = {},
): Promise<T> {
  const workspace = await openWorkspace(root, { project: project('p', {}, settings), ...options })
  try {
    return await look(workspace)
  } finally {
    await workspace.close()
  }
}

describe('a workspace', () => {
  it('keeps everything of a project below .millrace, for its owner alone', async () => {
    await opened({}, async workspace => {
      expect([workspace.root, workspace.folder]).toEqual([root, join(root, '.millrace')])
      expect(workspace.store.name).toBe('sqlite')
      await workspace.artifacts.put(Buffer.from('x'))
      expect(await (await workspace.online()).getMany('v', [{ key: 'k' }])).toEqual([undefined])
      for (const name of ['millrace.db', 'artifacts', 'online'])
        expect(existsSync(join(root, '.millrace', name)), name).toBe(true)
    })
    expect(statSync(join(root, '.millrace')).mode & 0o777).toBe(0o700)
  })

  it('is found from any folder below the project file, and nowhere else', async () => {
    const deep = join(root, 'a', 'b')
    mkdirSync(deep, { recursive: true })
    expect([rootAbove(deep), findRoot(deep)]).toEqual([root, root])
    await opened({}, workspace => expect(workspace.root).toBe(root))
    const outside = mkdtempSync(join(tmpdir(), 'millrace-outside-'))
    expect(rootAbove(outside)).toBeUndefined()
    expect(() => findRoot(outside)).toThrow(expect.objectContaining({ details: { folder: outside } }) as Error)
  })

  it('opens each of its engines once, and has a clock and keys that it is given', async () => {
    const clock = manualClock(5)
    const keys = () => Promise.reject(new Error('no keys here'))
    await opened(
      {},
      async workspace => {
        expect(await workspace.engine()).toBe(await workspace.engine())
        expect(await workspace.runtime()).toBe(await workspace.runtime())
        expect(await workspace.online()).toBe(await workspace.online())
        expect(workspace.clock.now()).toBe(5)
        await expect(workspace.keys()).rejects.toThrow('no keys here')
        expect(await (await workspace.engine()).rows('SELECT 1 AS one')).toEqual([{ one: 1 }])
      },
      { clock, keys: keys as never },
    )
  })
})

describe('where steps run', () => {
  it.each([
    ['inline where nothing is said', {}, false],
    ['inline', { run: { kind: 'inline' } }, false],
    ['in a process', { run: { kind: 'process' } }, true],
    ['in a container', { run: { kind: 'container', image: 'p:1' } }, true],
  ] as const)('%s', async (_, settings, apart) => {
    await opened(settings, ({ trainModule, executor, processes }) => {
      expect(trainModule !== undefined).toBe(apart)
      if (trainModule)
        expect(trainModule).toMatchObject({ file: expect.stringMatching(/train-process\.js$/), export: 'train' })
      expect(executor === processes).toBe(!('run' in settings) || settings.run.kind !== 'container')
    })
  })
})

it('the data engine has the threads and the memory that the project gives it', async () => {
  const asked = async (settings: ProjectSettings): Promise<unknown> => {
    let found: unknown
    await opened(settings, async workspace => {
      const engine = await workspace.engine()
      found = await engine.rows(
        "SELECT current_setting('threads') AS threads, current_setting('memory_limit') AS memory",
      )
    })
    return found
  }
  expect(await asked({})).toEqual([{ threads: 2, memory: '1.1 GiB' }])
  const settings: ProjectSettings = { data: { kind: 'duckdb', threads: 1, maxMemoryGb: 0.5 } }
  expect(await asked(settings)).toEqual([{ threads: 1, memory: '476.8 MiB' }])
})

it('what a setting says by default changes nothing when it is written out', async () => {
  const written: ProjectSettings = {
    metadata: { kind: 'sqlite' },
    artifacts: { kind: 'files' },
    data: { kind: 'duckdb' },
    online: { kind: 'lmdb' },
    run: { kind: 'inline' },
    keys: { kind: 'local' },
  }
  await opened(written, async workspace => {
    expect([workspace.store.name, workspace.executor.name, workspace.trainModule]).toEqual([
      'sqlite',
      'process',
      undefined,
    ])
    await expect(workspace.keys()).rejects.toThrow(/keystore\.json/)
    await workspace.online()
  })
})

describe('the metadata store', () => {
  const settings = { metadata: { kind: 'postgres', urlFrom: 'MILLRACE_TEST_STORE' } } as const
  it('that is in PostgreSQL needs its URL, and a server that answers', async () => {
    await expect(opened(settings, () => 0)).rejects.toThrow(/MILLRACE_TEST_STORE/)
    process.env.MILLRACE_TEST_STORE = 'postgres://nobody@127.0.0.1:9/none'
    await expect(opened(settings, () => 0)).rejects.toMatchObject({
      exit: 3,
      code: expect.stringMatching(/^MR3/) as string,
    })
    expect(existsSync(join(root, '.millrace', 'millrace.db'))).toBe(false)
  })
})

it('data on Spark Connect need a connection string, a token where one is named, and a server that answers', async () => {
  const settings = {
    data: { kind: 'sparkConnect', urlFrom: 'MILLRACE_TEST_SPARK_URL', tokenFrom: 'MILLRACE_TEST_SPARK_TOKEN' },
  } as const
  const tried = (named: ProjectSettings) =>
    opened(named, async workspace => {
      const engine = await workspace.validationEngine()
      await engine.rows('SELECT 1')
    })
  try {
    await expect(tried(settings)).rejects.toThrow(/MILLRACE_TEST_SPARK_URL that holds the Spark Connect URL/)
    process.env.MILLRACE_TEST_SPARK_URL = 'http://127.0.0.1:9'
    await expect(tried(settings)).rejects.toThrow(/MILLRACE_TEST_SPARK_TOKEN that holds the Spark Connect token/)
    process.env.MILLRACE_TEST_SPARK_TOKEN = 'secret'
    await expect(tried(settings)).rejects.toMatchObject({ code: 'MR5055' })
    process.env.MILLRACE_TEST_SPARK_URL = 'sc://127.0.0.1:9'
    const { tokenFrom: _token, ...plain } = settings.data
    await expect(tried({ data: plain })).rejects.toMatchObject({ code: 'MR2078', exit: 3 })
  } finally {
    delete process.env.MILLRACE_TEST_SPARK_URL
    delete process.env.MILLRACE_TEST_SPARK_TOKEN
  }
})

it('data on Spark Connect are validated there, and what models are made of is refused before any server is asked', async () => {
  process.env.MILLRACE_TEST_SPARK_URL = 'sc://127.0.0.1:9'
  try {
    const data = { kind: 'sparkConnect', urlFrom: 'MILLRACE_TEST_SPARK_URL', maxStatement: '5m' } as const
    await opened({ data }, async workspace => {
      expect((await workspace.validationEngine()).remote).toBe(true)
      await expect(workspace.engine()).rejects.toMatchObject({ code: 'MR2077', exit: 2, status: 422 })
    })
    await opened({}, async workspace => {
      expect(await workspace.engine()).toBe(await workspace.validationEngine())
    })
  } finally {
    delete process.env.MILLRACE_TEST_SPARK_URL
  }
})

it.each(['redis', 'postgres'] as const)(
  'an online store in %s needs its URL, and a server that answers',
  async kind => {
    const settings = { online: { kind, urlFrom: 'MILLRACE_TEST_ONLINE' } } as const
    delete process.env.MILLRACE_TEST_ONLINE
    await opened(settings, async workspace => {
      await expect(workspace.online()).rejects.toThrow(/MILLRACE_TEST_ONLINE/)
    })
    process.env.MILLRACE_TEST_ONLINE = `${kind}://me:secret@127.0.0.1:9/1`
    await opened(settings, async workspace => {
      const error = await workspace.online().then(String, (thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'MR2060', exit: 3, status: 503 })
      expect(String((error as Error).message)).not.toContain('secret')
    })
  },
)

it('a table in another database is opened by its kind, and says what is missing', async () => {
  const rows = dataset('rows', { source: sqlite('rows.db', 'rows'), columns: { a: t.int() } })
  await opened({}, async ({ openForeign }) => {
    const away = { kind: 'postgres', path: 'rows', urlFrom: 'MILLRACE_TEST_STORE' } as never
    await expect(openForeign(away, [], 'rows')).rejects.toThrow(
      /MILLRACE_TEST_STORE .*table rows \(dataset rows\) is not set/,
    )
    await expect(openForeign(rows.source as never, [], 'rows')).rejects.toThrow(/rows\.db/)
  })
})

it('a run is recorded with what it ran in; a step with what decides its result', async () => {
  await opened({}, async workspace => {
    const run = await runEnvironment(workspace)
    expect(run).toMatchObject({ node: process.version, commit: null })
    const step = (await stepEnvironment(root)) as Record<string, unknown>
    expect(JSON.stringify(step)).not.toContain(root)
    expect(await stepEnvironment(root)).toEqual(step)
    // another lock file is another environment
    writeFileSync(join(root, 'package-lock.json'), '{"lockfileVersion":3}')
    expect(await stepEnvironment(root)).not.toEqual(step)
  })
})

it('what looks at data outside of a project has an engine, a clock and a folder', async () => {
  const { services, close } = await openPlainServices(root)
  try {
    writeFileSync(join(root, 'a.csv'), 'a\n1\n2\n')
    expect(services.root).toBe(root)
    expect(Math.abs(services.clock.now() / 1000 - Date.now())).toBeLessThan(60_000)
    expect(await services.engine.rows(`SELECT sum(a) AS n FROM read_csv('${join(root, 'a.csv')}')`)).toEqual([{ n: 3 }])
    expect(existsSync(join(root, '.millrace'))).toBe(false)
  } finally {
    await close()
  }
})

describe('the folder of a project', () => {
  const state = () => join(root, '.millrace')
  /** Owned by a process of this machine and boot: this one, or one that is gone. */
  const temporary = (pid: number | string) => ownedName().replace(/-\d+-/, `-${pid}-`)

  it('is taken from the others where its owner may', () => {
    mkdirSync(state(), { mode: 0o755 })
    expect(makeStateFolder(root)).toBe(state())
    expect(statSync(state()).mode & 0o777).toBe(0o700)
  })

  it('is swept of what dead processes left, and of nothing else', async () => {
    const folder = makeStateFolder(root)
    const put = (path: string, text = ''): string => {
      mkdirSync(join(folder, path, '..'), { recursive: true })
      writeFileSync(join(folder, path), text)
      return path
    }
    const gone = temporary(2 ** 22 - 1)
    const own = ownedName()
    const left = ['keys', 'audit', 'ingest', 'quarantine', 'validation', 'modules', 'scratch', 'rebuilt'].map(part =>
      put(`${part}/.tmp-${gone}`),
    )
    left.push(
      put(`.tmp-${gone}`),
      put(`uploads/${gone}`),
      put(`jobs/dead/process.json`, JSON.stringify({ ...ownIdentity(), pid: 2 ** 22 - 1 })),
    )
    const old = new Date(Date.now() - 25 * 3_600_000)
    utimesSync(join(folder, 'jobs/dead'), old, old)
    left.push(put('server.json', '{}'))
    const kept = [
      put(`keys/.tmp-${own}`),
      put('keys/keystore.json'),
      put(`uploads/${own}`),
      put('jobs/alive/process.json', JSON.stringify(ownIdentity())),
      put('jobs/unstarted/step.json'),
      put('jobs/today/result.json'),
      put('quarantine/rides.parquet'),
      put('millrace.db'),
    ]
    await sweepStateFolder(root, folder)
    expect(left.filter(path => existsSync(join(folder, path)))).toEqual([])
    expect(kept.filter(path => !existsSync(join(folder, path)))).toEqual([])
    // a job that never began is over after an hour, and what is over stays for a day
    utimesSync(join(folder, 'jobs/unstarted'), old, old)
    // the address of a server that lives stays
    const lock = await takeFileLock(serverLock(folder), 0)
    put('server.json', '{}')
    await sweepStateFolder(root, folder)
    expect([existsSync(join(folder, 'jobs/unstarted')), existsSync(serverFile(folder))]).toEqual([false, true])
    await (lock as { release(): Promise<void> }).release()
    // of those the newest 500
    for (let i = 0; i < 500; i++) put(`jobs/x${String(i).padStart(3, '0')}/result.json`)
    await sweepStateFolder(root, folder)
    expect(['jobs/today', 'jobs/x000', 'jobs/alive'].map(path => existsSync(join(folder, path)))).toEqual([
      false,
      true,
      true,
    ])
  })

  it('whose database is gone or empty beside artifacts is damaged; without any it is new', async () => {
    const folder = makeStateFolder(root)
    const path = join(folder, 'millrace.db')
    await expect(checkDatabase(folder, path)).resolves.toBeUndefined()
    mkdirSync(join(folder, 'artifacts/cas/sha256/ab'), { recursive: true })
    await expect(checkDatabase(folder, path)).resolves.toBeUndefined()
    writeFileSync(join(folder, 'artifacts/cas/sha256/ab/cd'), 'x')
    const damaged = (how: string) => ({
      code: 'MR3009',
      details: { path, how, artifacts: join(folder, 'artifacts') },
    })
    await expect(checkDatabase(folder, path)).rejects.toMatchObject(damaged('is gone'))
    writeFileSync(path, '')
    await expect(checkDatabase(folder, path)).rejects.toMatchObject(damaged('is empty (0 bytes)'))
    writeFileSync(path, 'x')
    await expect(checkDatabase(folder, path)).resolves.toBeUndefined()
  })
})

describe('code of a project', () => {
  it('may not end the process; everybody else may', async () => {
    // A guard that was not installed yet: another test of this worker may have loaded a project
    vi.resetModules()
    const fresh = await import('./exit-guard.ts')
    const { exit } = process
    const ended: unknown[] = []
    vi.spyOn(process, 'exit').mockImplementation(((code: number) => ended.push(code)) as never)
    try {
      fresh.refuseExitOf(fileURLToPath(import.meta.url))
      expect(() => process.exit(3)).toThrow(
        expect.objectContaining({
          code: 'MR1008',
          message: expect.stringMatching(/process\.exit\(3\), which would end the command/) as string,
        }) as Error,
      )
      expect(() => process.exit()).toThrow(/process\.exit\(\)/)
      expect(ended).toEqual([])
    } finally {
      process.exit = exit
    }
  })

  it('that waits for what never comes is given up when nothing else is left to do', async () => {
    const stalled = () => fail('configThrew', { file: 'f', reason: 'it waits' })
    await expect(settling(Promise.resolve(7), stalled)).resolves.toBe(7)
    await expect(settling(Promise.reject(new Error('of its own')), stalled)).rejects.toThrow('of its own')
    const waiting = settling(new Promise(() => undefined), stalled)
    process.emit('beforeExit', 0)
    await expect(waiting).rejects.toThrow('it waits')
    expect(process.listenerCount('beforeExit')).toBe(0)
  })
})
