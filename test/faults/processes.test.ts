import { spawn } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { refused } from '../support/refused.ts'
import { millrace, startUp, type Said } from '../support/command.ts'
import { ridesProject } from '../support/rides.ts'

const projects: ReturnType<typeof ridesProject>[] = []
afterAll(() => {
  for (const made of projects) made.remove()
})
function fresh(rows?: number): string {
  const made = ridesProject(rows)
  projects.push(made)
  return made.root
}
const runs = async (root: string): Promise<{ id: string; status: string }[]> =>
  JSON.parse((await millrace(root, ['runs', 'list', '--json'])).out) as { id: string; status: string }[]

describe('two processes on one project', () => {
  test('a second server says where the first is; commands work beside it', async () => {
    const root = fresh()
    const server = await startUp(root)
    try {
      refused(await millrace(root, ['up', '--port', '0']), 2, server.url, 'MR1113')
      expect((await millrace(root, ['train'])).code).toBe(0)
      expect((await millrace(root, ['deploy'])).code).toBe(0)
    } finally {
      expect(await server.end()).toBe(0)
    }
  })

  test('two that train at once do the work once, and both end well', async () => {
    const root = fresh()
    const both = await Promise.all([0, 1].map(() => millrace(root, ['train', '--json'])))
    for (const { code, said } of both) expect(code, said).toBe(0)
    const steps = both.map(one => (JSON.parse(one.out) as { steps: { step: string; status: string }[] }).steps)
    for (const name of ['validate-rides', 'features-fare', 'train-fare', 'verify-fare'])
      expect(new Set(steps.map(list => list.find(one => one.step === name)?.status))).toEqual(
        new Set(['reused', 'succeeded']),
      )
  })
})

/** Ends a verb in good order as soon as it says a word. */
async function terminatedAt(root: string, verb: string, word: string): Promise<Said> {
  const child = spawn(process.execPath, [resolve('dist/cli/bin.js'), verb], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const ended = new Promise<number | null>(done => child.once('close', done))
  await new Promise<void>(begun => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', text => {
        said += String(text)
        if (said.includes(word)) begun()
      })
    void ended.then(() => begun())
  })
  child.kill('SIGTERM')
  const code = (await ended) ?? 99
  return { code, out: said, said }
}

describe('SIGTERM in the middle', () => {
  test('of training says what is kept; the run is seen as stopped and goes on by hand', async () => {
    const root = fresh(400_000)
    const ended = await terminatedAt(root, 'train', 'features-fare')
    refused(ended, 3, 'MR1114', 'What was finished is kept', 'runs resume')
    const [run] = await runs(root)
    expect(run?.status).toBe('stopped')
    const shown = await millrace(root, ['runs', 'show'])
    expect(shown.said).toContain(`runs resume ${run?.id}`)
    // A run is one experiment: it does not go on with another model, nor with data judged otherwise
    const config = join(root, 'millrace.config.ts')
    const written = readFileSync(config, 'utf8')
    for (const [was, is] of [
      ['trees: 12', 'trees: 13'],
      ["eventTime: 'at',", "eventTime: 'at', expect: c => [c.paid.between(-1e9, 1e9)],"],
    ] as const) {
      expect(written).toContain(was)
      writeFileSync(config, written.replace(was, is))
      refused(await millrace(root, ['runs', 'resume', run?.id ?? '']), 2, 'MR3048', 'Start a new run')
    }
    writeFileSync(config, written)
    const resumed = await millrace(root, ['runs', 'resume', run?.id ?? ''])
    expect(resumed.code, resumed.said).toBe(0)
    expect((await runs(root)).map(one => one.status)).toEqual(['succeeded'])
  })

  test('of a validation speaks of no run, for there is none', async () => {
    const ended = await terminatedAt(fresh(400_000), 'validate', 'reading')
    refused(ended, 3, 'MR1114', 'Run the command again')
    expect(ended.said).not.toContain('runs resume')
  })

  test('of a server ends it with 0 while requests run, and each gets its answer', async () => {
    const root = fresh()
    expect((await millrace(root, ['train'])).code).toBe(0)
    const server = await startUp(root)
    expect((await millrace(root, ['deploy'])).code).toBe(0)
    const body = JSON.stringify({ rows: [{ at: '2026-02-01T08:00:00Z', km: 3, zone: 'a' }] })
    const statuses: number[] = []
    let refusedAtAll = false
    const client = async (): Promise<void> => {
      while (!refusedAtAll)
        try {
          const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
          const answer = await fetch(`${server.url}/v1/deployments/fares/predict`, init)
          await answer.json()
          statuses.push(answer.status)
        } catch {
          refusedAtAll = true
        }
    }
    const clients = [client(), client(), client()]
    await expect.poll(() => statuses.length, { timeout: 60_000 }).toBeGreaterThan(10)
    expect(await server.end()).toBe(0)
    await Promise.all(clients)
    expect(statuses.filter(status => status === 200).length).toBeGreaterThan(10)
    // Answered, or told that the server is closing; never half an answer
    expect([...new Set(statuses)].filter(status => status !== 200 && status !== 503)).toEqual([])
  })
})

describe('what lies below .millrace is damaged or out of reach', () => {
  const verbs = [['validate'], ['runs', 'list'], ['train'], ['up', '--port', '0']]

  test('a damaged database is named by every command with the way back', async () => {
    const root = fresh()
    await millrace(root, ['validate'])
    const state = join(root, '.millrace')
    for (const name of readdirSync(state)) if (/-(wal|shm)$/.test(name)) rmSync(join(state, name))
    writeFileSync(join(state, 'millrace.db'), Buffer.alloc(40_000, 0x5a))
    for (const verb of verbs) refused(await millrace(root, verb), 3, 'millrace.db', 'MR3010', 'recover')
  })

  test('a damaged model is moved aside and named; training again mends it', async () => {
    const root = fresh()
    expect((await millrace(root, ['train'])).code).toBe(0)
    const [version] = JSON.parse((await millrace(root, ['models', 'list', '--json'])).out) as { digest: string }[]
    const hex = (version?.digest ?? '').slice('sha256:'.length)
    const file = join(root, '.millrace/artifacts/cas/sha256', hex.slice(0, 2), hex.slice(2, 4), hex.slice(4))
    expect(existsSync(file), file).toBe(true)
    chmodSync(file, 0o644)
    truncateSync(file, 100)
    refused(await millrace(root, ['models', 'test', 'fare@1']), 3, version?.digest ?? '', 'MR3002')
    expect(existsSync(file)).toBe(false)
    expect((await millrace(root, ['train'])).code).toBe(0)
    expect(existsSync(file)).toBe(true)
  })

  test('a folder that may not be written is named by every command', async () => {
    const root = fresh()
    chmodSync(root, 0o555)
    const asUser =
      process.getuid?.() === 0 ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] : ['env']
    const asNobody = (verb: readonly string[]): Promise<Said> =>
      new Promise(done => {
        const [program = '', ...rest] = [...asUser, process.execPath, resolve('dist/cli/bin.js'), ...verb]
        const child = spawn(program, rest, { cwd: root, env: { PATH: process.env['PATH'], HOME: '/tmp' } })
        let said = ''
        for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (said += String(text)))
        child.once('close', code => done({ code: code ?? 99, out: said, said }))
      })
    for (const verb of verbs) refused(await asNobody(verb), 3, join(root, '.millrace'), 'MR3014')
    chmodSync(root, 0o755)
  })
})
