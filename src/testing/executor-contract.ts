import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Executor, StepJob } from '../ports/executor.ts'
import { type ContractCase, type Skips, withSkips } from './contract.ts'

/** Waits for what another process does, without an opinion on how fast the machine is. */
async function until(what: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
  const begun = performance.now()
  while (!(await what())) {
    if (performance.now() - begun > limitMs) throw new Error(`not within ${limitMs} ms: ${String(what)}`)
    await new Promise(resolve => setTimeout(resolve, 25))
  }
}

const text = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')

/**
 * What every executor must do. The programs of its jobs are lines of JavaScript for `node`; an executor that brings its
 * own machine (a container, a pod) uses the Node.js there. `base` is a folder that both sides see at the same place.
 */
export function executorContract(
  open: () => Promise<Executor> | Executor,
  skips?: Skips,
  base: string = tmpdir(),
): readonly ContractCase[] {
  const given = (
    name: string,
    look: (executor: Executor, job: (script: string, over?: Partial<StepJob>) => Promise<StepJob>) => Promise<void>,
  ): ContractCase => ({
    name,
    async run() {
      const root = await mkdtemp(join(base, 'millrace-contract-'))
      let count = 0
      const job = async (script: string, over: Partial<StepJob> = {}): Promise<StepJob> => {
        const number = count++
        const folder = join(root, `job-${number}`)
        await mkdir(join(folder, 'input', 'config'), { recursive: true })
        await mkdir(join(folder, 'output'))
        const step = {
          module: { file: join(folder, 'none.mjs'), export: 'run' },
          artifacts: { module: pathToFileURL(join(folder, 'none.mjs')).href, export: 'open', argument: folder },
          moduleCache: folder,
        }
        await writeFile(join(folder, 'input', 'config', 'step.json'), JSON.stringify(step))
        const argv = [process.execPath, '-e', script]
        // The folder's name is fresh, so that jobs of other suites at the same time cannot be taken for this one
        const runId = `01${root.slice(-6)}${number}`
        return { runId, step: 'contract', attempt: 1, argv, cwd: folder, env: {}, folder, ...over }
      }
      try {
        await look(await open(), job)
      } finally {
        await rm(root, { recursive: true, force: true })
      }
    },
  })
  /** Beats every 50 ms in a file that both sides see, so that its end can be seen from here. */
  const beat = `const { appendFileSync } = require('node:fs'); appendFileSync('output/beat', 'x'); setInterval(() => appendFileSync('output/beat', 'x'), 50);`
  const beats = async (folder: string): Promise<number> => (await text(join(folder, 'output', 'beat'))).length
  async function stopped(folder: string): Promise<void> {
    let before = await beats(folder)
    await until(async () => {
      await new Promise(resolve => setTimeout(resolve, 300))
      const now = await beats(folder)
      const still = now === before
      before = now
      return still
    })
  }

  const cases = [
    given('gives the exit code and the last words of both outputs', async (executor, job) => {
      for (const code of [0, 10, 64, 75]) {
        const script = `console.log('ü'.repeat(9000) + ' end'); console.error('last words ${code}'); process.exitCode = ${code}`
        const { outcome } = await executor.start(await job(script))
        const end = await outcome
        assert.equal(end.exitCode, code)
        assert.equal(end.signal, undefined)
        assert.match(end.stdoutTail, /^ü+ end\n$/)
        assert.ok(Buffer.byteLength(end.stdoutTail) <= 8192)
        assert.equal(end.stderrTail, `last words ${code}\n`)
      }
    }),

    given(
      'runs in the folder it was given, reads its inputs there, and what it writes there is ours to read',
      async (executor, job) => {
        const script = `const fs = require('node:fs'); fs.writeFileSync('output/seen', process.cwd() + ' ' + fs.readFileSync('input/config/params.json'))`
        const made = await job(script)
        await writeFile(join(made.folder, 'input', 'config', 'params.json'), '{"a":1}')
        const { outcome } = await executor.start(made)
        const { exitCode, stderrTail } = await outcome
        assert.equal(exitCode, 0, stderrTail)
        assert.equal(await text(join(made.folder, 'output', 'seen')), `${made.folder} {"a":1}`)
        // And ours to remove: rm at the end of this case fails where another user owns it
      },
    ),

    given(
      'hands over the declared variables, whatever stands in them, and nothing of our own environment',
      async (executor, job) => {
        const secret = 'MILLRACE_CONTRACT_SECRET'
        process.env[secret] = 'hush'
        try {
          const value = 'a b "c" $HOME \n ü'
          const { outcome } = await executor.start(
            await job('console.log(JSON.stringify(process.env))', { env: { OWN: value, EMPTY: '' } }),
          )
          const seen = JSON.parse((await outcome).stdoutTail) as Record<string, string>
          assert.equal(seen.OWN, value)
          assert.equal(seen.EMPTY, '')
          assert.equal(seen[secret], undefined)
        } finally {
          delete process.env[secret]
        }
      },
    ),

    given('arguments are never read by a shell', async (executor, job) => {
      const odd = ['a b', '$(touch output/pwned)', '; touch output/pwned', '*', '"quoted"', "it's"]
      const base = await job('console.log(JSON.stringify(process.argv.slice(1)))')
      const { outcome } = await executor.start({ ...base, argv: [...base.argv, ...odd] })
      assert.deepEqual(JSON.parse((await outcome).stdoutTail), odd)
      assert.equal(await text(join(base.folder, 'output', 'pwned')), '')
    }),

    given('tells the living from the dead', async (executor, job) => {
      const made = await job(beat)
      const handle = await executor.start(made)
      await until(async () => (await beats(made.folder)) > 0)
      assert.equal(executor.alive(handle.identity), true)
      handle.kill('SIGKILL')
      await handle.outcome
      assert.equal(executor.alive(handle.identity), false)
      await stopped(made.folder)
    }),

    given('asks a step to end, and it may end in its own way', async (executor, job) => {
      const made = await job(`process.on('SIGTERM', () => process.exit(75)); ${beat}`)
      const handle = await executor.start(made)
      await until(async () => (await beats(made.folder)) > 0)
      handle.kill('SIGTERM')
      const end = await handle.outcome
      assert.equal(end.exitCode, 75, end.stderrTail)
      await stopped(made.folder)
    }),

    given('ends a step whose time is up, and what it started, and says so', async (executor, job) => {
      const child = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(beat)}], { stdio: 'ignore' }); setInterval(() => {}, 1000)`
      // How long a start takes here is the machine's business: from a process of 50 ms to a container of seconds
      const begun = performance.now()
      await (await executor.start(await job(''))).outcome
      const made = await job(child, { timeoutMs: 1_500 + 3 * (performance.now() - begun) })
      const end = await (await executor.start(made)).outcome
      assert.equal(end.timedOut, true)
      assert.notEqual(end.exitCode, 0)
      assert.ok((await beats(made.folder)) > 0, 'it had not even begun when its time was up')
      await stopped(made.folder)
    }),

    given('what a step leaves running ends with it, however the step ended', async (executor, job) => {
      const child = `const { existsSync } = require('node:fs'); require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(beat)}], { stdio: 'ignore' }).unref();`
      for (const code of [0, 10]) {
        // it goes when its child is at work, without a word to it
        const made = await job(`${child} setInterval(() => existsSync('output/beat') && process.exit(${code}), 20)`)
        const end = await (await executor.start(made)).outcome
        assert.equal(end.exitCode, code, end.stderrTail)
        assert.ok((await beats(made.folder)) > 0)
        await stopped(made.folder)
      }
    }),

    given(
      'what another process started here is ended by its identity alone, to its last child',
      async (executor, job) => {
        const made = await job(beat)
        const handle = await executor.start(made)
        await until(async () => (await beats(made.folder)) > 0)
        const later = await open()
        assert.equal(later.alive(handle.identity), true)
        later.kill(handle.identity)
        await handle.outcome
        await stopped(made.folder)
        assert.equal(later.alive(handle.identity), false)
        // A second time is nothing
        later.kill(handle.identity)
      },
    ),

    given('steps at the same time do not disturb each other', async (executor, job) => {
      const jobs = await Promise.all(Array.from({ length: 4 }, (_, i) => job(`console.log(${i})`)))
      const ends = await Promise.all(jobs.map(async one => (await executor.start(one)).outcome))
      assert.deepEqual(
        ends.map(end => end.stdoutTail),
        ['0\n', '1\n', '2\n', '3\n'],
      )
    }),
  ]
  return withSkips(cases, skips)
}
