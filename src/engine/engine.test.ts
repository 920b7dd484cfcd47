import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openArtifacts } from '../adapters/artifacts/fs/open.ts'
import { systemClock } from '../adapters/clock/system.ts'
import { processExecutor } from '../adapters/executor/process/executor.ts'
import { openSqlite } from '../adapters/metadata/sqlite/open.ts'
import { digestBytes } from '../internal/digest.ts'
import { ulid } from '../internal/ids.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'
import { Engine } from './engine.ts'
import type { EngineEvent } from './events.ts'
import { explainStep } from './explain.ts'
import { stepNode } from './run-step.ts'
import type { StepContext, StepDefinition } from './step.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-engine-'))
let store: MetadataStore
let artifacts: ArtifactStore
let engine: Engine
let events: EngineEvent[] = []

beforeAll(async () => {
  store = await openSqlite(join(root, 'state.db'))
  artifacts = await openArtifacts(root)
  engine = new Engine({
    store,
    artifacts,
    clock: systemClock(),
    executor: processExecutor(),
    work: join(root, 'work'),
    listener: event => events.push(event),
  })
})

afterAll(async () => {
  await engine.close()
  await store.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

const retry = { backoffMs: 1 }

/** A step that writes down that it ran, and gives its parameters and inputs as JSON. */
function recorded(log: string[], name: string, over: Partial<StepDefinition> = {}): StepDefinition {
  return {
    name,
    inputs: {},
    parameters: { name },
    code: digestBytes(name),
    environment: {},
    runsIn: 'inline',
    retry,
    async run(context: StepContext) {
      log.push(name)
      const inputs = await Promise.all(Object.values(context.inputs).map(input => input.json()))
      return { outputs: { out: await context.save('json', JSON.stringify([context.parameters, inputs])) } }
    },
    ...over,
  }
}

const after = (step: string) => ({ inputs: { from: { from: { step, output: 'out' } } } })

describe('a run', () => {
  test('executes steps after what they depend on, passes outputs on, and reuses them all the next time', async () => {
    const salt = ulid()
    const log: string[] = []
    const steps = [
      recorded(log, 'c', {
        inputs: { a: { from: { step: 'a', output: 'out' } }, b: { from: { step: 'b', output: 'out' } } },
      }),
      recorded(log, 'a', { parameters: { salt } }),
      recorded(log, 'b', after('a')),
    ]
    const first = await engine.run({ name: 'abc', steps })
    expect(first.status).toBe('succeeded')
    expect(log).toEqual(['a', 'b', 'c'])
    const second = await engine.run({ name: 'abc', steps })
    expect(log).toHaveLength(3)
    expect(second.steps.map(step => step.status)).toEqual(['reused', 'reused', 'reused'])
    expect(second.steps.map(step => step.reusedFrom)).toEqual([first.runId, first.runId, first.runId])
    expect(await store.listSteps(second.runId)).toHaveLength(3)
    expect((await store.getRun(second.runId))?.status).toBe('succeeded')
    const made = first.steps[0]?.outputs?.['out']?.digest ?? ''
    expect(new Set((await store.edgesTo([made])).map(edge => edge.from))).toEqual(
      new Set([stepNode(first.runId, 'a'), stepNode(second.runId, 'a')]),
    )
    expect((await store.edgesTo([stepNode(second.runId, 'a')])).map(edge => edge.from)).toEqual([
      stepNode(first.runId, 'a'),
    ])
  })

  test('runs a step again whose output is gone, or is found corrupt', async () => {
    const log: string[] = []
    const steps = [recorded(log, 'gone', { parameters: ulid() })]
    const first = await engine.run({ name: 'gone', steps })
    await artifacts.remove(first.steps[0]?.outputs?.['out']?.digest ?? digestBytes(''))
    const second = await engine.run({ name: 'gone', steps })
    expect(second.steps[0]?.status).toBe('succeeded')
    expect(second.steps[0]?.reason).toBe('nothing changed, but its earlier result is not kept any more')
    expect(log).toHaveLength(2)
  })

  test('tries again by class of failure, each with its own budget', async () => {
    let tries = 0
    const failing = (error: () => Error, until: number) =>
      recorded([], `flaky-${ulid()}`, {
        async run(context: StepContext) {
          tries++
          if (tries < until) throw error()
          return { outputs: { out: await context.save('json', '1') } }
        },
      })
    const temporary = (): Error => Object.assign(new Error('later'), { retryable: true })
    const good = await engine.run({ name: 'flaky', steps: [failing(temporary, 3)] })
    expect([good.status, good.steps[0]?.attempt]).toEqual(['succeeded', 3])
    tries = 0
    const bad = await engine.run({ name: 'flaky', steps: [failing(() => new Error('broken'), 2)] })
    expect([bad.status, bad.error]).toMatchObject(['failed', { class: 'error', reason: 'broken', exit: 3 }])
    expect(tries).toBe(1)
    tries = 0
    expect((await engine.run({ name: 'flaky', steps: [failing(temporary, 99)] })).status).toBe('failed')
    expect(tries).toBe(4)
  })

  test('ends as failed with the gate’s reason, skips what comes after, and asks the gate again next time', async () => {
    const log: string[] = []
    const gate = recorded(log, 'gate', {
      parameters: ulid(),
      async run(context: StepContext) {
        log.push('gate')
        return {
          outputs: { out: await context.save('report', '{}') },
          decisions: [
            {
              id: ulid(),
              kind: 'gate',
              subject: 'model x',
              at: context.clock.now(),
              verdict: 'refused',
              reason: 'auc 0.6 is below 0.7',
              rule: { name: 'auc' },
              inputs: {},
              evidence: [],
              actor: 'system',
            },
          ],
        }
      },
    })
    const steps = [gate, recorded(log, 'deploy', after('gate')), recorded(log, 'announce', after('deploy'))]
    events = []
    const { status, error, runId } = await engine.run({ name: 'gated', steps })
    expect([status, error]).toMatchObject([
      'failed',
      { class: 'gate', step: 'gate', reason: 'auc 0.6 is below 0.7', exit: 1 },
    ])
    const stored = await store.listSteps(runId)
    expect(stored.map(s => [s.step, s.status]).sort(([a = ''], [b = '']) => (a < b ? -1 : 1))).toEqual([
      ['announce', 'skipped'],
      ['deploy', 'skipped'],
      ['gate', 'failed'],
    ])
    expect(stored.find(s => s.step === 'gate')?.outputs).toHaveProperty('out')
    expect(await store.listDecisions({ subject: 'model x', limit: 1 })).toHaveLength(1)
    await engine.run({ name: 'gated', steps })
    expect(log).toEqual(['gate', 'gate'])
    expect(events.filter(e => e.type === 'run').map(e => e.status)).toEqual(['running', 'failed', 'running', 'failed'])
  })

  test('resumes without repeating what is finished, not even a step that is never cached', async () => {
    const log: string[] = []
    let broken = true
    const steps = [
      recorded(log, 'once', { parameters: ulid(), cache: 'never' }),
      recorded(log, 'mended', {
        ...after('once'),
        async run(context: StepContext) {
          log.push('mended')
          if (broken) throw new Error('no')
          return { outputs: { out: await context.save('json', '2') } }
        },
      }),
    ]
    const { runId, status } = await engine.run({ name: 'resumed', steps })
    expect(status).toBe('failed')
    broken = false
    const again = await (await engine.resume(runId, steps)).done
    expect([again.runId, again.status]).toEqual([runId, 'succeeded'])
    expect(log).toEqual(['once', 'mended', 'mended'])
    expect((await store.getRun(runId))?.error).toBeUndefined()
    await expect(engine.resume(runId, steps)).rejects.toMatchObject({ code: 'MR3042' })
  })

  test('resumed, it does again what it had finished when the result is gone meanwhile', async () => {
    const log: string[] = []
    let broken = true
    const steps = [
      recorded(log, 'lost', { parameters: ulid(), cache: 'never' }),
      recorded(log, 'kept', { parameters: ulid(), cache: 'never' }),
      recorded(log, 'last', {
        ...after('lost'),
        async run(context: StepContext) {
          log.push('last')
          if (broken) throw new Error('no')
          return { outputs: { out: await context.save('json', JSON.stringify(await context.inputs.from?.json())) } }
        },
      }),
    ]
    const first = await engine.run({ name: 'resumed-after-loss', steps })
    expect(first.status).toBe('failed')
    await artifacts.remove(first.steps.find(({ step }) => step === 'lost')?.outputs?.out?.digest ?? digestBytes(''))
    broken = false
    const again = await (await engine.resume(first.runId, steps)).done
    expect(again.status).toBe('succeeded')
    expect(log.filter(name => name === 'lost')).toHaveLength(2)
    expect(log.filter(name => name === 'kept')).toHaveLength(1)
  })

  test.each([
    ['parameters', { parameters: 'other' }],
    ['code', { code: digestBytes('other') }],
    ['environment', { environment: { node: 'other' } }],
  ])(
    'resumed with other %s of a step, it does that step again, and what rests on it; the rest is kept',
    async (_, change) => {
      const log: string[] = []
      let broken = true
      const salt = ulid()
      const steps = (over: Partial<StepDefinition>) => [
        recorded(log, 'kept', { parameters: salt, cache: 'never' }),
        recorded(log, 'changed', { parameters: salt, cache: 'never', ...over }),
        recorded(log, 'rests', { ...after('changed'), parameters: salt, cache: 'never' }),
        recorded(log, 'last', {
          ...after('rests'),
          async run(context: StepContext) {
            log.push('last')
            if (broken) throw new Error('no')
            return { outputs: { out: await context.save('json', JSON.stringify(await context.inputs.from?.json())) } }
          },
        }),
      ]
      const { runId, status } = await engine.run({ name: 'resumed-otherwise', steps: steps({}) })
      expect(status).toBe('failed')
      broken = false
      log.length = 0
      expect((await (await engine.resume(runId, steps(change))).done).status).toBe('succeeded')
      // what comes out the same is the same input: only other parameters give another result here
      expect(log).toEqual('parameters' in change ? ['changed', 'rests', 'last'] : ['changed', 'last'])
    },
  )

  test('two runs of the same work at once do it once', async () => {
    const log: string[] = []
    const slow = recorded(log, 'slow', {
      parameters: ulid(),
      async run(context: StepContext) {
        log.push('slow')
        await context.clock.sleep(150)
        return { outputs: { out: await context.save('json', '3') } }
      },
    })
    const results = await Promise.all([1, 2, 3].map(() => engine.run({ name: 'same', steps: [slow] })))
    expect(log).toEqual(['slow'])
    expect(results.map(r => String(r.steps[0]?.status)).sort()).toEqual(['reused', 'reused', 'succeeded'])
  })

  test('that another process took over ends here, and says so', async () => {
    let taken = false
    const held: MetadataStore = Object.create(store, {
      commitRun: { value: async (given: never) => (taken ? false : store.commitRun(given)) },
    }) as MetadataStore
    const here = new Engine({ store: held, artifacts, clock: systemClock(), executor: processExecutor(), work: root })
    const log: string[] = []
    const steps = [
      recorded(log, `taken-${ulid()}`, {
        async run(context: StepContext) {
          taken = true
          return { outputs: { out: await context.save('json', '1') } }
        },
      }),
    ]
    await expect(here.run({ name: 'taken', steps, trigger: 'manual' })).rejects.toMatchObject({
      code: 'MR3044',
      exit: 3,
      hint: expect.stringContaining('the other process continues it') as string,
    })
    await here.close()
  })

  test('is cancelled: what runs hears of it, the rest never starts', async () => {
    const log: string[] = []
    const steps = [
      recorded(log, 'waits', {
        parameters: ulid(),
        run: context => context.clock.sleep(60_000, context.signal).then(() => ({ outputs: {} })),
      }),
      recorded(log, 'never', { after: ['waits'] }),
    ]
    const handle = await engine.start({ name: 'cancelled', steps })
    await new Promise(resolve => setTimeout(resolve, 80))
    await engine.cancel(handle.runId)
    const { status, steps: records } = await handle.done
    expect([status, ...records.map(s => s.status)]).toEqual(['cancelled', 'cancelled', 'cancelled'])
    expect((await store.getRun(handle.runId))?.status).toBe('cancelled')
  })

  test('ends a step whose time is up, and one that breaks its contract', async () => {
    const late = recorded([], 'late', { timeoutMs: 30, run: () => new Promise(() => undefined) })
    expect((await engine.run({ name: 'late', steps: [late] })).error).toMatchObject({ class: 'timeout' })
    const wrong = recorded([], 'wrong', {
      run: () => ({ outputs: { out: { type: 'json', digest: digestBytes(ulid()), size: 1 } } }),
    })
    expect((await engine.run({ name: 'wrong', steps: [wrong] })).error).toMatchObject({ class: 'contract' })
    const empty = recorded([], 'empty', { parameters: ulid(), run: () => ({ outputs: {} }) })
    const needs = recorded([], 'needs', after('empty'))
    expect((await engine.run({ name: 'empty', steps: [empty, needs] })).error).toMatchObject({
      reason: 'it did not give the output out that a later step needs',
    })
  })

  test('refuses a graph that cannot be run, before anything is written', async () => {
    const bad: [StepDefinition[], RegExp][] = [
      [[recorded([], 'a'), recorded([], 'a')], /there twice/],
      [[recorded([], 'a', after('b'))], /depends on b/],
      [[recorded([], 'a', after('b')), recorded([], 'b', after('a'))], /circle: a, b/],
      [[recorded([], '../a')], /no name/],
      [[recorded([], 'a', { runsIn: 'process' })], /nothing to run/],
    ]
    for (const [steps, reason] of bad)
      await expect(engine.run({ name: 'bad', steps })).rejects.toMatchObject({
        code: 'MR3040',
        message: expect.stringMatching(reason),
      })
    expect(await store.listRuns({ name: 'bad' })).toEqual([])
  })

  test('keeps metrics and explains why a step ran', async () => {
    const name = `explained-${ulid()}`
    const make = (depth: number): StepDefinition =>
      recorded([], name, {
        parameters: { depth },
        environment: { lockfile: 'sha256:aa' },
        async run(context: StepContext) {
          context.metric('auc', 0.7)
          return { outputs: { out: await context.save('json', `${name}${depth}`) } }
        },
      })
    const first = await engine.run({ name: 'explained', steps: [make(6)] })
    expect(first.steps[0]?.reason).toBe('it never ran before')
    expect((await store.latestMetrics(first.runId))[0]).toMatchObject({ key: 'auc', value: 0.7 })
    const second = await engine.run({ name: 'explained', steps: [make(7)] })
    const [explanation] = await explainStep(store, second.runId)
    expect(explanation).toMatchObject({
      comparedWith: first.runId,
      reason: 'parameter depth changed (6 → 7)',
      changes: [{ part: 'parameters', path: ['depth'], before: 6, after: 7 }],
    })
    const third = await engine.run({ name: 'explained', steps: [make(7)] })
    expect((await explainStep(store, name))[0]).toMatchObject({
      runId: third.runId,
      reason: `nothing changed since run ${second.runId}`,
      changes: [],
    })
    await expect(explainStep(store, 'absent')).rejects.toMatchObject({ code: 'MR3046' })
  })
})
