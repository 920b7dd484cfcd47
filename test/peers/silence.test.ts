import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

// Nothing that Millrace runs speaks to anybody who was not asked for: every process is traced by the kernel's own calls.

const strace = process.env['MILLRACE_TEST_STRACE']
if (strace === undefined) console.warn('SKIPPED: strace; MILLRACE_TEST_STRACE is not set, see scripts/test-peers.sh')

const bin = resolve('dist/cli/bin.js')

interface Trace {
  /** Internet addresses that were connected to or sent to, but for this machine's own. */
  readonly outside: readonly string[]
  /** Files read that identify the machine. */
  readonly identity: readonly string[]
}

function read(log: string): Trace {
  const lines = readFileSync(log, 'utf8').split('\n')
  const addressed = lines.filter(line => /\b(connect|sendto|sendmsg|sendmmsg)\(/.test(line) && /AF_INET6?/.test(line))
  return {
    outside: addressed.filter(line => !/inet_addr\("127\.|"::1"|"::ffff:127\./.test(line) || /htons\(53\)/.test(line)),
    identity: lines.filter(line => /machine-id|\/sys\/class\/(net|dmi)/.test(line)),
  }
}

describe.skipIf(strace === undefined)('nobody is called', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-silence-'))
  const home = mkdtempSync(join(tmpdir(), 'millrace-home-'))
  const children: ChildProcess[] = []
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL')
    for (const path of [folder, home]) rmSync(path, { recursive: true, force: true, maxRetries: 5 })
  })
  let count = 0
  const env = { ...process.env, HOME: home, XDG_CACHE_HOME: undefined }
  const options = ['-f', '-qq', '--seccomp-bpf', '-s', '200', '-e', 'trace=connect,sendto,sendmsg,sendmmsg,openat,open']
  const traced = (log: string, args: readonly string[]): string[] => [
    ...options,
    '-o',
    log,
    process.execPath,
    bin,
    ...args,
  ]
  const newLog = (): string => join(folder, `trace-${count++}.log`)

  function run(...args: string[]): Trace {
    const log = newLog()
    execFileSync(strace ?? '', traced(log, args), { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] })
    return read(log)
  }

  beforeAll(() => {
    // Projects find the package where it is installed
    execFileSync('mkdir', ['-p', join(folder, 'node_modules')])
    symlinkSync(resolve('.'), join(folder, 'node_modules', 'millrace'))
    symlinkSync(resolve('node_modules/vega-datasets'), join(folder, 'node_modules', 'vega-datasets'))
  })

  const none: Trace = { outside: [], identity: [] }

  test.each([
    ['init'],
    ['validate'],
    ['profile', 'data/deliveries.csv'],
    ['train'],
    ['deploy'],
    ['features', 'materialise'],
    ['doctor'],
    ['demo', '--rows', '60000'],
  ])('by %s %s %s', (...args) => {
    expect(run(...args.filter(arg => typeof arg === 'string'))).toEqual(none)
  })

  test('by a server that starts, predicts and is stopped', async () => {
    const log = newLog()
    const child = spawn(strace ?? '', traced(log, ['up', '--port', '0', '--json']), {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    children.push(child)
    const url = await new Promise<string>((found, ended) => {
      let out = ''
      child.once('exit', code => ended(new Error(`up ended with ${code}: ${out}`)))
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        out += text
        const at = /"url": "([^"]+)"/.exec(out)?.[1]
        if (at) found(at)
      })
    })
    const row = { ordered: '2026-03-01T10:00:00Z', shop: 'north', distance_km: 3.5, weight_kg: 2 }
    for (let i = 0; i < 20; i++) {
      const answer = await fetch(`${url}/v1/deployments/lateness-api/predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ rows: [row] }),
      })
      expect(await answer.text()).toContain('score')
      await new Promise(done => setTimeout(done, 300))
    }
    const gone = new Promise(done => child.once('exit', done))
    const [server] = execFileSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' }).split('\n')
    process.kill(Number(server), 'SIGTERM')
    await gone
    expect(read(log)).toEqual(none)
  })

  test('and nothing is left below the home folder', () => {
    expect(readdirSync(home, { recursive: true })).toEqual([])
  })
})
