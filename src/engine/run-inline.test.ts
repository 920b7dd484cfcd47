import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openTestEngine } from '../../test/support/engine.ts'
import { digestBytes } from '../internal/digest.ts'
import { attemptOwner } from '../internal/leftovers.ts'
import { ownIdentity } from '../internal/process-identity.ts'
import type { StepContext, StepDefinition } from './step.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-inline-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))
const step = (run: StepDefinition['run'], over: Partial<StepDefinition> = {}): StepDefinition => ({
  name: 'inline',
  inputs: {},
  parameters: { depth: 2 },
  code: digestBytes('inline'),
  environment: null,
  runsIn: 'inline',
  cache: 'never',
  ...(run === undefined ? {} : { run }),
  ...over,
})
const open = () => openTestEngine(mkdtempSync(join(root, 'e-')))

test('what a step says of its progress is passed on as it happens; its metrics are kept with the time in milliseconds', async () => {
  const { engine, store, events, close } = await open()
  const before = Date.now()
  const { runId, status } = await engine.run({
    name: 'said',
    steps: [
      step(context => {
        context.progress(0.5, 'half')
        context.progress(1)
        context.metric('auc', 0.75)
        context.metric('auc', 0.8, 4)
        return { outputs: {} }
      }),
    ],
  })
  expect(status).toBe('succeeded')
  const progress = events.filter(({ type }) => type === 'progress')
  expect(progress).toStrictEqual([
    { type: 'progress', runId, step: 'inline', fraction: 0.5, message: 'half', at: expect.any(Number) },
    { type: 'progress', runId, step: 'inline', fraction: 1, at: expect.any(Number) },
  ])
  const points = await store.metricHistory(runId, 'auc', 0, 10)
  expect(points).toMatchObject([
    { value: 0.75, step: 0 },
    { value: 0.8, step: 4 },
  ])
  for (const { timestamp } of points) {
    expect(timestamp).toBeGreaterThanOrEqual(before)
    expect(timestamp).toBeLessThanOrEqual(Date.now())
  }
  await close()
})

test('it has a folder of its own while it runs, with who owns it; nothing of it stays', async () => {
  const { engine, root: place, close } = await open()
  let seen: unknown
  const folders: string[] = []
  const run = async (context: StepContext) => {
    const folder = await context.folder()
    folders.push(folder)
    writeFileSync(join(folder, 'scratch'), 'x')
    seen = [
      context.seed,
      context.parameters,
      context.attempt,
      JSON.parse(readFileSync(join(folder, attemptOwner), 'utf8')),
      (statSync(join(folder, attemptOwner)).mode & 0o777).toString(8),
    ]
    if (context.attempt === 1) throw Object.assign(new Error('later'), { retryable: true })
    return { outputs: { out: await context.save('file', { file: join(folder, 'scratch') }) } }
  }
  const { runId, steps } = await engine.run({
    name: 'folder',
    steps: [step(run, { seed: 9, retry: { backoffMs: 1 } })],
  })
  expect(steps[0]?.status).toBe('succeeded')
  expect(seen).toEqual([9, { depth: 2 }, 2, ownIdentity(), '600'])
  expect(folders).toEqual([1, 2].map(attempt => join(place, 'work', 'runs', runId, 'inline', String(attempt))))
  for (const folder of folders) expect(existsSync(folder)).toBe(false)
  expect(readdirSync(join(place, 'work', 'runs', runId, 'inline'))).toEqual([])
  await engine.run({ name: 'folder', steps: [step(context => ((seen = context.seed), { outputs: {} }))] })
  expect(seen).toBe(0)
  await close()
})

test('its signal tells of a time that is up and of a run that is cancelled; a step that does not listen is left', async () => {
  const { engine, close } = await open()
  let heard: unknown
  let begun = (): void => undefined
  const listens = (context: StepContext) =>
    new Promise<never>(() => {
      const hear = (): void => {
        heard = context.signal.reason
      }
      // on a busy machine its time may be up before it begins
      if (context.signal.aborted) hear()
      else context.signal.addEventListener('abort', hear)
      begun()
    })
  const late = await engine.run({ name: 'late', steps: [step(listens, { timeoutMs: 30 })] })
  expect(late.error).toMatchObject({ class: 'timeout', reason: 'its time (30 ms) was up' })
  expect(heard).toMatchObject({ failure: 'timeout' })
  const running = new Promise<void>(resolve => (begun = resolve))
  const { runId, done } = await engine.start({ name: 'stopped', steps: [step(listens)] })
  await running
  await engine.cancel(runId)
  expect((await done).steps[0]?.error).toMatchObject({ class: 'cancelled', reason: 'the run was cancelled' })
  expect(heard).toMatchObject({ message: 'the run was cancelled' })
  // one that ends in time is not ended by its limit
  expect(
    (await engine.run({ name: 'quick', steps: [step(() => ({ outputs: {} }), { timeoutMs: 60_000 })] })).status,
  ).toBe('succeeded')
  await close()
})
