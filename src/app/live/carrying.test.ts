import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { lateWith, trainedProject, type Trained } from '../../../test/support/trained-project.ts'
import type { Decision } from '../../define/decision.ts'
import { fail } from '../../errors/index.ts'
import { gbt } from '../../index.ts'
import { ulid } from '../../internal/ids.ts'
import type { RunRecord } from '../../ports/metadata-store.ts'
import { startTraining } from '../../stages/pipeline/run.ts'
import type { LiveDeployment } from '../../stages/serve/deployment.ts'
import type { LiveMonitor } from '../../stages/watch/live.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { notifiersOf } from './notifiers.ts'
import { recovery } from './recovery.ts'
import { retrainer } from './retrainer.ts'

// What a server does beside answering: takes up runs, carries retrains through, tells people. Its jobs are over when a test says.

type Line = Readonly<Record<string, unknown>>

describe('runs whose process died', () => {
  const made = () => {
    const clock = manualClock()
    const logged: Line[] = []
    const started: unknown[][] = []
    let orphans: Pick<RunRecord, 'id'>[] = []
    let end: { done: () => void; fail: (error: Error) => void } | undefined
    const look = recovery(
      { orphans: async () => orphans as RunRecord[] },
      {
        start: async (...given: unknown[]) => {
          started.push(given)
          return { id: 'j', answer: new Promise<void>((done, no) => (end = { done, fail: no })) }
        },
      } as unknown as Jobs,
      clock,
      line => logged.push(line),
    )
    return {
      clock,
      logged,
      started,
      look,
      lose: (...ids: string[]) => (orphans = ids.map(id => ({ id }))),
      ended: () => end,
    }
  }
  const turn = (): Promise<void> => new Promise(done => setImmediate(done))

  it('are taken up by one process at a time, beside what is waited for', async () => {
    const { look, started, logged, lose, ended } = made()
    await look()
    expect(started).toEqual([])
    lose('r1', 'r2')
    const first = look()
    await turn()
    // while it is at it nobody else begins
    await look()
    expect(started).toEqual([['recover', {}, { actor: 'recovery', now: true }]])
    expect(logged).toEqual([
      { level: 'info', text: 'runs have lost their process and are taken up', runs: ['r1', 'r2'] },
    ])
    ended()?.done()
    await first
    lose()
    await look()
    lose('r3')
    void look()
    await turn()
    expect(started).toHaveLength(2)
  })

  it('are left for half a minute after that failed', async () => {
    const { look, started, logged, lose, ended, clock } = made()
    lose('r1')
    const first = look()
    await turn()
    ended()?.fail(new Error('no memory'))
    await first
    expect(logged.at(-1)).toEqual({ level: 'error', text: 'taking runs up failed', reason: 'no memory' })
    await clock.advance(29_999)
    await look()
    expect(started).toHaveLength(1)
    await clock.advance(1)
    void look()
    await turn()
    expect(started).toHaveLength(2)
  })
})

describe('who is told of alerts', () => {
  const alert = {
    name: 'drift',
    state: 'firing',
    severity: 'warning',
    summary: 'km moved',
    labels: { monitor: 'm' },
    startsAt: 1,
  } as never
  afterEach(() => {
    delete process.env.MILLRACE_WEBHOOK_SECRET
  })

  it('is the log, and every webhook, signed where there is a secret', async () => {
    const logged: Line[] = []
    const got: { body: string; headers: NodeJS.Dict<string | string[]> }[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', text => (body += String(text)))
      request.on('end', () => {
        got.push({ body, headers: request.headers })
        response.end()
      })
    })
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
    expect(await notifiersOf([], line => logged.push(line))).toHaveLength(1)
    for (const secret of [undefined, 'hidden']) {
      if (secret) process.env.MILLRACE_WEBHOOK_SECRET = secret
      const notifiers = await notifiersOf([url], line => logged.push(line))
      expect(notifiers).toHaveLength(2)
      for (const one of notifiers) await one.send(alert)
    }
    expect(logged).toEqual(
      Array(2).fill({ alert: 'drift', state: 'firing', severity: 'warning', summary: 'km moved', monitor: 'm' }),
    )
    expect(got).toHaveLength(2)
    const [plain, signed] = got
    const signatures = (one: (typeof got)[number] | undefined) =>
      Object.keys(one?.headers ?? {}).filter(name => /signature/.test(name))
    expect([signatures(plain).length, signatures(signed).length > 0]).toEqual([0, true])
    expect(JSON.stringify(signed?.headers)).not.toContain('hidden')
    await new Promise(done => server.close(done))
  })
})

describe('a retrain', () => {
  let trained: Trained
  beforeAll(async () => {
    trained = await trainedProject()
  })
  afterAll(() => trained.close())

  const decide = async (trigger = 'drift'): Promise<Decision> => {
    const decision: Decision = {
      id: ulid(),
      kind: 'trigger' as never,
      subject: 'deployment x',
      at: trained.clock.now(),
      verdict: 'fired',
      reason: 'km moved',
      rule: { name: 'drift', threshold: 1 },
      inputs: { trigger },
      evidence: [],
      actor: 'system',
    }
    await trained.workspace.store.addDecision(decision)
    return decision
  }

  /** A monitor that hears how it ended, and jobs that do what `work` does when they are started. */
  const carried = (
    work: (input: { because: string }) => Promise<unknown>,
    known: Readonly<Record<string, string>> = {},
  ) => {
    const started: unknown[][] = []
    const heard: unknown[] = []
    const logged: Line[] = []
    const jobs = {
      get: async (id: string) => {
        if (known[id] === undefined) throw fail('recordUnknown', { kind: 'job', name: id, where: '' })
        return { status: known[id] }
      },
      start: async (...given: unknown[]) => {
        started.push(given)
        return { id: 'j', answer: work(given[1] as { because: string }) }
      },
    } as unknown as Jobs
    const monitor = {
      retrained: (failure?: unknown) => heard.push(failure ?? 'done'),
      retrainWaits: (reason: string) => heard.push(`waits: ${reason}`),
    } as unknown as LiveMonitor
    const one = retrainer(trained.workspace, jobs, line => logged.push(line))
    return { started, heard, logged, monitor, one }
  }
  /** Lets time pass until it is through, however long its training takes on a busy machine. */
  const through = async (work: Promise<void>): Promise<void> => {
    let isOver = false
    void work.finally(() => (isOver = true))
    while (!isOver) {
      await trained.clock.advance(500)
      await new Promise(done => setTimeout(done, 5))
    }
    await work
  }
  /** What a training of that decision leaves: a run, and a version where it holds. */
  const trainFor =
    (leaves: number) =>
    async ({ because }: { because: string }) => {
      const run = await startTraining(trained.workspace, await trained.workspace.engineOf(), {
        model: lateWith(gbt({ trees: 9, leaves, seed: 3 })) as never,
        trigger: 'drift',
        because,
        stepEnvironment: null,
        runEnvironment: {},
      })
      const { status } = await run.done
      return { status }
    }

  it('of a decision that is not there is over at once', async () => {
    const { one, heard, started, monitor } = carried(async () => undefined)
    await one.carry({} as LiveDeployment, monitor, 'none')
    expect([heard, started]).toEqual([['done'], []])
  })

  it('trains under the name of its decision, and what passes challenges the stable version', async () => {
    const live = await trained.live('carried')
    const decision = await decide()
    const { one, heard, started, logged, monitor } = carried(trainFor(3))
    await through(one.carry(live, monitor, decision.id))
    expect(started).toEqual([
      [
        'train',
        { model: 'late', trigger: 'drift', because: decision.id },
        { id: decision.id, now: true, actor: 'retrain' },
      ],
    ])
    expect(heard).toEqual(['done'])
    const [newest] = await trained.workspace.store.listModelVersions('late')
    expect(live.rollout?.config.challenger).toBe(`late@${newest?.version}`)
    expect(logged).toEqual([
      { level: 'info', text: 'retraining late: km moved', trigger: 'drift' },
      { level: 'info', text: `late@${newest?.version} challenges the stable version`, trigger: 'drift' },
    ])
    // the next server finds the run, trains nothing and changes nothing
    const next = carried(trainFor(3))
    await through(next.one.carry(live, next.monitor, decision.id))
    expect([next.started, next.heard]).toEqual([[], ['done']])
    expect(live.rollout?.config.challenger).toBe(`late@${newest?.version}`)
    // another one waits until that rollout has ended, and says so
    const other = await decide('of its own')
    const waiting = carried(trainFor(5))
    const work = waiting.one.carry(live, waiting.monitor, other.id)
    while (waiting.heard.length === 0) {
      await trained.clock.advance(500)
      await new Promise(done => setTimeout(done, 5))
    }
    expect(waiting.started[0]?.[1]).toMatchObject({ trigger: 'manual' })
    expect(waiting.heard[0]).toMatch(
      new RegExp(
        `^waits: late@\\d+, trained because of ${other.id}, waits until the rollout of late@${newest?.version} \\(\\w+\\) has ended$`,
      ),
    )
    await live.command('abort', 'ada')
    await through(work)
    expect(waiting.heard.at(-1)).toBe('done')
    expect(live.rollout?.config.challenger).toBe(`late@${(newest?.version ?? 0) + 1}`)
  })

  it('that ended before it came to a run says why', async () => {
    const live = await trained.live('unbegun')
    const decision = await decide()
    const { one, heard, logged, monitor } = carried(() => Promise.reject(new Error('no disk')))
    await through(one.carry(live, monitor, decision.id))
    const reason = 'the retrain of late ended before it began: no disk'
    expect(heard).toEqual([{ reason, evidence: expect.any(String) as string }])
    expect(logged.at(-1)).toEqual({ level: 'error', text: reason, trigger: 'drift' })
    expect(live.rolling).toBe(false)
  })

  it('that is under way is waited for, and not begun again', async () => {
    const live = await trained.live('under-way')
    const decision = await decide()
    const states: Record<string, string> = { [decision.id]: 'queued' }
    const { one, heard, started, monitor } = carried(async () => ({ status: 'failed' }), states)
    const work = one.carry(live, monitor, decision.id)
    for (let i = 0; i < 5; i++) await trained.clock.advance(500)
    states[decision.id] = 'running'
    for (let i = 0; i < 5; i++) await trained.clock.advance(500)
    expect([started, heard]).toEqual([[], []])
    // its process is gone without a run: now it is begun
    states[decision.id] = 'lost'
    await through(work)
    expect(started).toHaveLength(1)
    expect(heard).toMatchObject([{ reason: 'the retrain of late ended before it began: failed' }])
  })

  it('stops with its server, and says nothing of it', async () => {
    const live = await trained.live('stopped')
    const decision = await decide()
    const { one, heard, monitor, logged } = carried(() => new Promise(() => undefined))
    const work = one.carry(live, monitor, decision.id)
    await trained.clock.advance(1_000)
    one.close()
    await work
    expect([heard, logged.filter(line => line.level === 'error')]).toEqual([[], []])
  })

  it('that cannot be carried through is told as failed, with its decision', async () => {
    const live = await trained.live('broken')
    const decision = await decide()
    const { one, heard, logged, monitor } = carried(async () => undefined)
    const broken = retrainer(
      {
        ...trained.workspace,
        store: { getDecision: async () => decision, listRuns: () => Promise.reject(new Error('no store')) } as never,
      },
      {} as Jobs,
      line => logged.push(line),
    )
    await broken.carry(live, monitor, decision.id)
    one.close()
    expect(heard).toEqual([{ reason: 'no store', evidence: decision.id }])
    expect(logged.at(-1)).toEqual({
      level: 'error',
      text: 'a retrain could not be carried through',
      reason: 'no store',
    })
  })
})
