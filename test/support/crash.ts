import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { openSqlite } from '../../src/adapters/metadata/sqlite/open.ts'
import { ulid } from '../../src/internal/ids.ts'
import { seeded } from '../../src/math/random/seeded.ts'
import type { StepRecord } from '../../src/ports/metadata-store.ts'

const base = mkdtempSync(join(tmpdir(), 'millrace-crash-'))
const started: ChildProcess[] = []

/** Ends what a test left running. */
export function endAll(): void {
  for (const child of started.splice(0)) child.kill('SIGKILL')
}

export function removeAll(): void {
  rmSync(base, { recursive: true, force: true, maxRetries: 5 })
}

/** A folder with a step of a process of its own; every execution of a step leaves a line in its `log`. */
export function project(): string {
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

/** Drives one run in a process that a test may kill: see `crash-project.mjs`. */
export function start(root: string, runId: string, mode = 'run'): { child: ChildProcess; output: Promise<string> } {
  const child = spawn(process.execPath, ['test/support/crash-project.mjs', root, runId, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  started.push(child)
  let text = ''
  child.stdout?.on('data', chunk => (text += String(chunk)))
  return { child, output: new Promise(resolve => child.once('close', () => resolve(text))) }
}

const pause = (milliseconds: number): Promise<void> => new Promise(resolve => setTimeout(resolve, milliseconds))

/** Waits for something; gives the milliseconds that it took. */
export async function until(what: () => Promise<boolean>, limitMs: number): Promise<number> {
  const begun = performance.now()
  while (!(await what())) {
    if (performance.now() - begun > limitMs) throw new Error(`not within ${limitMs} ms`)
    await pause(25)
  }
  return performance.now() - begun
}

/** How often each step was executed. */
export function executions(root: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of readFileSync(join(root, 'log'), 'utf8').split('\n').filter(Boolean))
    counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** Moments anywhere in a run of about a second and a half, inside inline steps, process steps and between them. */
const random = seeded(20)
export const killMoments: readonly number[] = Array.from({ length: 6 }, () => 150 + random.below(1400))

/**
 * Kills a run's process after so many milliseconds, starts another, and sees to it that the run ends well without
 * repeating a finished step. Gives the milliseconds until it had gone on.
 */
export async function killAndRecover(delay: number): Promise<number> {
  const root = project()
  const runId = ulid()
  const first = start(root, runId)
  const store = await openSqlite(join(root, 'state.db'))
  await until(async () => (await store.getRun(runId)) !== undefined, 60_000)
  await pause(delay)
  first.child.kill('SIGKILL')
  await first.output
  const finished = (await store.listSteps(runId)).filter(step => step.status === 'succeeded')
  start(root, runId, 'recover')
  const stepsOf = async (): Promise<readonly StepRecord[]> => store.listSteps(runId)
  const moved = async (): Promise<boolean> =>
    (await store.getRun(runId))?.status === 'succeeded' ||
    (await stepsOf()).filter(step => step.status === 'succeeded').length > finished.length
  const took = await until(moved, 60_000)
  await until(async () => (await store.getRun(runId))?.status === 'succeeded', 60_000)
  const after = await stepsOf()
  for (const step of finished) expect(after.find(one => one.step === step.step)).toEqual(step)
  // The engine died before it could know of an inline step that was just over; nothing else may run twice
  const counts = executions(root)
  for (const { step } of finished) expect(counts[step]).toBe(1)
  for (const step of ['two', 'four', 'six']) expect(counts[step]).toBe(1)
  expect(after.map(step => step.status)).toEqual(after.map(() => 'succeeded'))
  await store.close()
  return took
}
