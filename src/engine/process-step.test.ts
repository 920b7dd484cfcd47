import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openTestEngine } from '../../test/support/engine.ts'
import { inProcessExecutor } from '../../test/support/in-process-executor.ts'
import { digestBytes } from '../internal/digest.ts'
import { ulid } from '../internal/ids.ts'
import { ownIdentity } from '../internal/process-identity.ts'
import type { ProcessIdentity } from '../ports/executor.ts'
import { executeStep } from './execute-step.ts'
import { claimFolder, places, readMetrics } from './folder.ts'
import type { StepDefinition } from './step.ts'

// Steps in a process of their own, played in this one: the folder between engine and process is the contract.

const root = mkdtempSync(join(tmpdir(), 'millrace-process-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined))
afterEach(() => vi.restoreAllMocks())

const file = join(root, 'steps.mjs')
writeFileSync(
  file,
  `import { readFileSync, writeFileSync } from 'node:fs'
  export async function sum(context) {
    const [a, b] = await Promise.all([context.inputs.a.json(), context.inputs.b.json()])
    context.metric('sum', a + b)
    context.metric('sum', a + b + 1, 7)
    context.progress(0.5, 'half')
    const scratch = await context.folder()
    writeFileSync(scratch + '/part', String(a + b + context.parameters.more + context.seed))
    return { outputs: { out: await context.save('json', { file: scratch + '/part' }, { rows: 1 }) } }
  }
  export const held = { factor: 3, async run(context) { return { outputs: { out: await context.save('json', String(this.factor)) } } } }
  export const none = 7
  export const empty = { run: 'no' }
  export const breaks = () => { throw new Error('it broke') }
  export const later = () => { throw Object.assign(new Error('come back'), { retryable: true }) }
  export const shapeless = () => 'nothing'
  export const refuses = async context => ({
    outputs: { out: await context.save('json', '1') },
    decisions: [{ id: 'd' + Math.random(), kind: 'gate', subject: 's', at: 1, verdict: 'refused', reason: 'too low', rule: { name: 'r' }, inputs: {}, evidence: [], actor: 'system' }],
  })`,
)
const typed = join(root, 'typed.ts')
writeFileSync(
  typed,
  `export const one = async (context: { save(type: string, text: string): Promise<object> }): Promise<object> =>
    ({ outputs: { out: await context.save('json', '1') } })`,
)
const artifactAccess = {
  module: new URL('../adapters/artifacts/fs/open.ts', import.meta.url).href,
  export: 'openArtifacts',
  argument: root,
}

const step = (name: string, over: Partial<StepDefinition> = {}): StepDefinition => ({
  name,
  inputs: {},
  parameters: { salt: ulid() },
  code: digestBytes(name),
  environment: {},
  runsIn: 'process',
  module: { file, export: name },
  retry: { backoffMs: 1 },
  ...over,
})
const open = (executor = inProcessExecutor(), over: object = {}) =>
  openTestEngine(root, { executor, artifactAccess, ...over })

describe('a step in its own process', () => {
  test('gets inputs, parameters, seed and environment, and its outputs, metrics and meta come back', async () => {
    const executor = inProcessExecutor()
    const { engine, store, artifacts, close } = await open(executor)
    const [a, b] = await Promise.all([artifacts.put('30'), artifacts.put('12')])
    const parameters = { more: 100, salt: ulid() }
    const one = step('sum', {
      inputs: { a: { from: { type: 'json', ...a } }, b: { from: { type: 'json', ...b } } },
      parameters,
      seed: 5000,
      env: { HOW: 'so', MILLRACE_STEP: 'not this' },
      timeoutMs: 90_000,
    })
    const { status, steps, runId } = await engine.run({ name: 'process', steps: [one] })
    expect(status).toBe('succeeded')
    const out = steps[0]?.outputs?.['out']
    expect(out?.meta).toEqual({ rows: 1 })
    expect(Buffer.from(await artifacts.get(out?.digest ?? digestBytes(''))).toString()).toBe('5142')
    expect(await store.metricHistory(runId, 'sum', 0, 10)).toMatchObject([
      { value: 42, step: 0 },
      { value: 43, step: 7 },
    ])
    const [job] = executor.jobs
    const folder = join(root, 'work', 'runs', runId, 'sum', '1')
    expect(job).toMatchObject({ runId, step: 'sum', attempt: 1, folder, cwd: folder, timeoutMs: 90_000 })
    expect(job?.argv[0]).toBe(process.execPath)
    expect(job?.argv[1]).toMatch(/host\.js$/)
    expect(job?.env).toEqual({
      HOW: 'so',
      MILLRACE_RUN_ID: runId,
      MILLRACE_STEP: 'sum',
      MILLRACE_ATTEMPT: '1',
      MILLRACE_SEED: '5000',
      MILLRACE_PARAMS: join(folder, 'input', 'config', 'params.json'),
    })
    // what a program in any language finds there
    expect(JSON.parse(readFileSync(job?.env['MILLRACE_PARAMS'] ?? '', 'utf8'))).toEqual(parameters)
    const inputs = JSON.parse(readFileSync(join(folder, 'input', 'config', 'inputs.json'), 'utf8')) as object
    expect(inputs).toMatchObject({ a: { digest: a.digest }, b: { digest: b.digest } })
    expect(readdirSync(places.data(folder)).sort()).toEqual(['a', 'b'])
    expect(realpathSync(join(places.data(folder), 'a'))).toBe(realpathSync(await artifacts.localPath(a.digest)))
    expect(readFileSync(join(places.data(folder), 'b'), 'utf8')).toBe('12')
    expect(JSON.parse(readFileSync(places.progress(folder), 'utf8'))).toEqual({ fraction: 0.5, message: 'half' })
    expect(JSON.parse(readFileSync(places.claim(folder), 'utf8'))).toEqual(ownIdentity())
    // nothing but what the contract names, no temporary file of a write
    expect(readdirSync(folder).sort()).toEqual([
      'claim',
      'input',
      'metrics.ndjson',
      'output',
      'progress.json',
      'scratch',
    ])
    const record = (await store.listSteps(runId))[0]
    expect(record).toMatchObject({ status: 'succeeded', attempt: 1 })
    await close()
  })

  test('runs the `run` of an object with its own members, and a TypeScript module', async () => {
    const { engine, artifacts, close } = await open()
    const { steps } = await engine.run({
      name: 'process',
      steps: [step('held'), step('one', { module: { file: typed, export: 'one' } })],
    })
    const texts = await Promise.all(
      steps.map(async one =>
        Buffer.from(await artifacts.get(one.outputs?.['out']?.digest ?? digestBytes(''))).toString(),
      ),
    )
    expect(texts).toEqual(['3', '1'])
    await close()
  })

  test.each<[name: string, error: object, attempts: number]>([
    ['breaks', { class: 'error', reason: 'it broke', exitCode: 1, exit: 3 }, 1],
    ['later', { class: 'temporary', reason: 'come back', exitCode: 75 }, 4],
    ['shapeless', { class: 'contract', reason: 'it must give { outputs: { name: artifact } }', exitCode: 64 }, 1],
    ['refuses', { class: 'gate', reason: 'too low', exit: 1 }, 1],
    ['none', { class: 'contract', reason: `${file} has no function none` }, 1],
    ['empty', { class: 'contract', reason: `${file} has no function empty` }, 1],
    ['absent', { class: 'contract', reason: `${file} has no function absent` }, 1],
  ])('%s: its failure is of its class, in its words', async (name, error, attempts) => {
    const executor = inProcessExecutor()
    const { engine, close } = await open(executor)
    const result = await engine.run({ name: 'process', steps: [step(name)] })
    expect([result.status, result.error, result.steps[0]?.attempt]).toMatchObject([
      'failed',
      { step: name, ...error },
      attempts,
    ])
    expect(executor.jobs.map(({ attempt }) => attempt)).toEqual(Array.from({ length: attempts }, (_, i) => i + 1))
    await close()
  })

  test('a gate’s no keeps its outputs and its decision', async () => {
    const { engine, store, close } = await open()
    const { steps } = await engine.run({ name: 'process', steps: [step('refuses')] })
    expect(steps[0]?.outputs).toHaveProperty('out')
    expect(await store.listDecisions({ subject: 's', limit: 1 })).toHaveLength(1)
    await close()
  })

  test('one that ends well without outputs broke its contract; one that was killed is the machine’s fault', async () => {
    let exitCode = 0
    const executor = inProcessExecutor({ instead: async () => ({ exitCode, stderrTail: 'oh\n' }) })
    const { engine, close } = await open(executor)
    const error = async () =>
      (await engine.run({ name: 'process', steps: [step('sum', { retry: { infrastructure: 1, backoffMs: 1 } })] }))
        .error
    expect(await error()).toMatchObject({ class: 'contract', reason: 'it ended without writing its outputs' })
    exitCode = 10
    expect(await error()).toMatchObject({ class: 'gate', reason: 'oh' })
    exitCode = 137
    expect(await error()).toMatchObject({ class: 'infrastructure', exitCode: 137 })
    expect(executor.jobs).toHaveLength(4)
    await close()
  })

  test('outputs beside a bad exit do not count', async () => {
    const instead = async (job: { folder: string }) => {
      writeFileSync(places.outputs(job.folder), '{"outputs":{}}')
      return { exitCode: 1, stderrTail: 'broke after it wrote' }
    }
    const { engine, close } = await open(inProcessExecutor({ instead }))
    const { error } = await engine.run({ name: 'process', steps: [step('sum')] })
    expect(error).toMatchObject({ class: 'error', reason: 'broke after it wrote' })
    await close()
  })

  test('is told to stop when the run is cancelled, and what it gives then is not taken', async () => {
    const instead = async (job: { folder: string }, stopped: AbortSignal) => {
      await new Promise(resolve => stopped.addEventListener('abort', resolve))
      writeFileSync(places.outputs(job.folder), '{"outputs":{}}')
      return { exitCode: 0 }
    }
    const executor = inProcessExecutor({ instead })
    const { engine, close } = await open(executor)
    const { runId, done } = await engine.start({
      name: 'process',
      steps: [step('sum'), step('held', { after: ['sum'] })],
    })
    await vi.waitFor(() => expect(executor.jobs).toHaveLength(1))
    await engine.cancel(runId)
    const { status, steps } = await done
    expect([status, ...steps.map(one => one.status)]).toEqual(['cancelled', 'cancelled', 'cancelled'])
    expect(executor.signals).toEqual(['SIGTERM'])
    await close()
  })

  test('its progress is passed on while it works, each stand once', async () => {
    const instead = async (job: { folder: string }) => {
      writeFileSync(places.progress(job.folder), '{"fraction":0.25,"message":"a quarter"}')
      await vi.waitFor(() => expect(seen()).toHaveLength(1), { timeout: 20_000 })
      writeFileSync(places.progress(job.folder), '{"frac')
      await new Promise(resolve => setTimeout(resolve, 700))
      writeFileSync(places.outputs(job.folder), '{"outputs":{}}')
      return { exitCode: 0 }
    }
    const { engine, events, close } = await open(inProcessExecutor({ instead }))
    const seen = () => events.filter(({ type }) => type === 'progress')
    const { runId } = await engine.run({ name: 'process', steps: [step('sum')] })
    expect(seen()).toMatchObject([{ runId, step: 'sum', fraction: 0.25, message: 'a quarter' }])
    await close()
  })

  test('an engine that cannot tell it how to open the store says so', async () => {
    const { engine, close } = await openTestEngine(root, {
      executor: inProcessExecutor(),
      artifactAccess: undefined as never,
    })
    const { error } = await engine.run({ name: 'process', steps: [step('held')] })
    expect(error).toMatchObject({ class: 'contract', reason: expect.stringContaining('not told how') })
    await close()
  })

  test('what keeps every step from starting is said before anything is written, and only where a step needs it', async () => {
    const check = vi.fn<() => Promise<void>>(async () => Promise.reject(new Error('no such image')))
    const { engine, store, close } = await open(inProcessExecutor({ check }))
    const inline = { ...step('inline'), runsIn: 'inline' as const, run: () => ({ outputs: {} }) }
    expect((await engine.run({ name: 'unchecked', steps: [inline] })).status).toBe('succeeded')
    expect(check).not.toHaveBeenCalled()
    await expect(engine.start({ name: 'checked', steps: [inline, step('held')] })).rejects.toThrow('no such image')
    expect(await store.listRuns({ name: 'checked' })).toEqual([])
    await close()
  })
})

describe('the folder of an attempt', () => {
  test('is claimed by one process only; whoever comes late ends without running', async () => {
    const folder = mkdtempSync(join(root, 'claimed-'))
    const other = { ...ownIdentity(), pid: 1, startTime: '0' }
    const holders = await Promise.all([claimFolder(folder, other), claimFolder(folder, ownIdentity())])
    expect(holders[0]).toEqual(holders[1])
    expect(readdirSync(folder)).toEqual(['claim'])
    const file = join(folder, 'input', 'config', 'step.json')
    mkdirSync(places.config(folder), { recursive: true })
    writeFileSync(file, '{}')
    writeFileSync(places.claim(folder), JSON.stringify(other))
    expect(await executeStep(folder)).toBe(75)
    expect(existsSync(places.failure(folder))).toBe(false)
  })

  test('without a step in it is a broken contract', async () => {
    const folder = mkdtempSync(join(root, 'empty-'))
    expect(await executeStep(folder)).toBe(64)
    expect(readFileSync(places.failure(folder), 'utf8')).toBe(`${folder} holds no step`)
  })

  test('metrics of a process that was killed in the middle of a line: those before it', async () => {
    const folder = mkdtempSync(join(root, 'metrics-'))
    expect(await readMetrics(folder)).toEqual([])
    const point = { key: 'a', value: 1, step: 0, timestamp: 5 }
    writeFileSync(
      places.metrics(folder),
      `${JSON.stringify(point)}\n\n${JSON.stringify({ ...point, value: 2 })}\n{"key":"b`,
    )
    expect(await readMetrics(folder)).toEqual([point, { ...point, value: 2 }])
  })
})

describe('a step whose driver died', () => {
  const gone: ProcessIdentity = { host: 'here', bootId: 'b', pid: 1, startTime: 'gone' }
  const worker: ProcessIdentity = { host: 'here', bootId: 'b', pid: 2, startTime: 'worker' }

  /** A run whose driver died while its step was at work, in attempt 2. */
  async function abandoned(
    alive: (identity: ProcessIdentity) => boolean | undefined,
    over: Partial<StepDefinition> = {},
  ) {
    const executor = inProcessExecutor({
      alive: who => (who.startTime === 'gone' ? false : who.startTime === 'worker' ? alive(who) : true),
    })
    const opened = await open(executor)
    const one = step('held', over)
    const first = await opened.engine.run({
      name: 'abandoned',
      steps: [{ ...one, module: { file, export: 'breaks' } }],
    })
    const record = first.steps[0]
    const { store } = opened
    await store.updateRun(first.runId, { status: 'running', lease: { owner: gone, until: 2 ** 52 } })
    if (record !== undefined) await store.putStep({ ...record, status: 'running', attempt: 2, process: worker })
    const folder = join(root, 'work', 'runs', first.runId, 'held', '2')
    mkdirSync(places.config(folder), { recursive: true })
    mkdirSync(places.output(folder), { recursive: true })
    const told = (key: string | undefined) =>
      writeFileSync(join(places.config(folder), 'step.json'), JSON.stringify({ key }))
    told(record?.cacheKey)
    writeFileSync(places.claim(folder), JSON.stringify(worker))
    return { ...opened, executor, one, folder, told, runId: first.runId, before: executor.jobs.length }
  }
  const resumed = async ({ engine, runId, one }: Awaited<ReturnType<typeof abandoned>>) =>
    (await engine.resume(runId, [one])).done

  test('and went on is waited for, and its result taken: it is not begun a second time', async () => {
    let asked = 0
    const made = await abandoned(() => {
      asked++
      if (asked === 3) writeFileSync(places.outputs(made.folder), JSON.stringify({ outputs: { out: kept } }))
      return asked < 3
    })
    const kept = { type: 'json', ...(await made.artifacts.put('"kept"')) }
    writeFileSync(places.metrics(made.folder), '{"key":"auc","value":0.7,"step":0,"timestamp":1}\n')
    const { status, steps } = await resumed(made)
    expect([status, steps[0]?.attempt, steps[0]?.outputs?.['out']]).toMatchObject(['succeeded', 2, kept])
    expect(made.executor.jobs.length).toBe(made.before)
    expect(await made.store.latestMetrics(made.runId)).toMatchObject([{ key: 'auc', value: 0.7 }])
    await made.close()
  })

  test('and failed meanwhile has its reason', async () => {
    const made = await abandoned(() => false)
    writeFileSync(places.failure(made.folder), 'it found nothing\n')
    const { error } = await resumed(made)
    expect(error).toMatchObject({ class: 'error', reason: 'it found nothing' })
    expect(made.executor.jobs.length).toBe(made.before)
    await made.close()
  })

  test.each<[string, (made: Awaited<ReturnType<typeof abandoned>>) => void]>([
    ['left nothing', () => undefined],
    ['left a failure without a word', ({ folder }) => writeFileSync(places.failure(folder), ' \n')],
    [
      'was another step',
      ({ folder, told }) => {
        told('sha256:other')
        writeFileSync(places.outputs(folder), '{"outputs":{}}')
      },
    ],
    ['never started', ({ folder }) => rmSync(places.claim(folder))],
    ['never got its folder', ({ folder }) => rmSync(folder, { recursive: true })],
  ])('and %s is begun again, as the next attempt', async (_, change) => {
    const made = await abandoned(() => false)
    change(made)
    const { status, steps } = await resumed(made)
    expect([status, steps[0]?.attempt]).toEqual(['succeeded', 3])
    expect(made.executor.jobs.length).toBe(made.before + 1)
    await made.close()
  })

  test('and is still at work when the run is cancelled, is killed', async () => {
    let looks = 0
    const made = await abandoned(() => ++looks > 0)
    const handle = await made.engine.resume(made.runId, [made.one])
    // it is watched from then on
    await vi.waitFor(() => expect(looks).toBeGreaterThan(3), { timeout: 20_000 })
    await made.engine.cancel(made.runId)
    expect((await handle.done).status).toBe('cancelled')
    expect(made.executor.killed).toEqual([worker])
    await made.close()
  })
})
