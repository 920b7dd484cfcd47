import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { openSqlite } from '../../src/adapters/metadata/sqlite/open.ts'
import { ulid } from '../../src/internal/ids.ts'
import { seeded } from '../../src/math/random/seeded.ts'
import type { StepRecord } from '../../src/ports/metadata-store.ts'

const base = mkdtempSync(join(tmpdir(), 'millrace-crash-'))
const started: ChildProcess[] = []

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})
afterAll(() => rmSync(base, { recursive: true, force: true }))

function project(): string {
  const root = mkdtempSync(join(base, 'p-'))
  writeFileSync(
    join(root, 'step.mjs'),
    `import { appendFileSync } from 'node:fs'
export async function run(context) {
  const { name, root, milliseconds } = context.parameters
  await context.clock.sleep(milliseconds)
  const out = await context.save('json', JSON.stringify(context.parameters))
  appendFileSync(root + '/log', name + '\\n')
  return { outputs: { out } }
}
`,
  )
  writeFileSync(join(root, 'log'), '')
  return root
}

function start(root: string, runId: string, mode = 'run'): { child: ChildProcess; output: Promise<string> } {
  const child = spawn(process.execPath, ['test/support/crash-project.mjs', root, runId, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  started.push(child)
  let text = ''
  child.stdout?.on('data', chunk => (text += String(chunk)))
  return { child, output: new Promise(resolve => child.once('close', () => resolve(text))) }
}

const pause = (milliseconds: number): Promise<void> => new Promise(resolve => setTimeout(resolve, milliseconds))

async function until(what: () => Promise<boolean>, limitMs: number): Promise<number> {
  const begun = performance.now()
  while (!(await what())) {
    if (performance.now() - begun > limitMs) throw new Error(`not within ${limitMs} ms`)
    await pause(25)
  }
  return performance.now() - begun
}

function executions(root: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of readFileSync(join(root, 'log'), 'utf8').split('\n').filter(Boolean))
    counts[name] = (counts[name] ?? 0) + 1
  return counts
}

const once = { one: 1, two: 1, three: 1, four: 1, five: 1, six: 1 }

describe('a run whose process is killed', () => {
  const random = seeded(20)
  // Anywhere in a run of about a second and a half, inside inline steps, process steps and between them.
  test.each(Array.from({ length: 6 }, () => 150 + random.below(1400)))(
    'after %i ms goes on within 5 s by itself and repeats no finished step',
    // The five seconds hold a process start and a whole step too: on a busy machine another try may be needed
    { retry: 2 },
    async delay => {
      const root = project()
      const runId = ulid()
      const first = start(root, runId)
      const store = await openSqlite(join(root, 'state.db'))
      await until(async () => (await store.getRun(runId)) !== undefined, 10_000)
      await pause(delay)
      first.child.kill('SIGKILL')
      await first.output
      const before = await store.listSteps(runId)
      const finished = before.filter(step => step.status === 'succeeded')
      start(root, runId, 'recover')
      const stepsOf = async (): Promise<readonly StepRecord[]> => store.listSteps(runId)
      const moved = async (): Promise<boolean> =>
        (await store.getRun(runId))?.status === 'succeeded' ||
        (await stepsOf()).filter(step => step.status === 'succeeded').length > finished.length
      await until(moved, 5_000)
      await until(async () => (await store.getRun(runId))?.status === 'succeeded', 15_000)
      const after = await stepsOf()
      for (const step of finished) expect(after.find(one => one.step === step.step)).toEqual(step)
      // The engine died before it could know of an inline step that was just over; nothing else may run twice.
      const counts = executions(root)
      for (const { step } of finished) expect(counts[step]).toBe(1)
      for (const step of ['two', 'four', 'six']) expect(counts[step]).toBe(1)
      expect(after.map(step => step.status)).toEqual(after.map(() => 'succeeded'))
      await store.close()
    },
  )

  test('is seen as dead at once, and only one of several takes it over', async () => {
    const root = project()
    const runId = ulid()
    const first = start(root, runId)
    const store = await openSqlite(join(root, 'state.db'))
    await until(async () => (await store.listSteps(runId)).some(step => step.status === 'succeeded'), 10_000)
    first.child.kill('SIGKILL')
    await first.output
    for (let i = 0; i < 3; i++) start(root, runId, 'recover')
    await until(async () => (await store.getRun(runId))?.status === 'succeeded', 20_000)
    const counts = executions(root)
    for (const step of ['two', 'four', 'six']) expect(counts[step]).toBe(1)
    expect(Object.keys(counts).sort()).toEqual(Object.keys(once).sort())
    await store.close()
  })
})

test('two processes that want the same work do it once, and one of them reuses it', async () => {
  const root = project()
  const results = [start(root, ulid(), 'race'), start(root, ulid(), 'race')]
  const outputs = (await Promise.all(results.map(one => one.output))).map(
    text => JSON.parse(text) as { status: string; steps: string[] },
  )
  expect(outputs.map(one => one.status)).toEqual(['succeeded', 'succeeded'])
  expect(executions(root)).toEqual(once)
  const all = outputs.flatMap(one => one.steps)
  expect(all.filter(status => status === 'succeeded')).toHaveLength(6)
  expect(all.filter(status => status === 'reused')).toHaveLength(6)
})
