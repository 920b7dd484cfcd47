import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredJobs } from '../../../test/support/jobs.ts'
import { predicted, ridesOf } from '../../../test/support/rides-of.ts'
import { type Trained, trainedProject } from '../../../test/support/trained-project.ts'
import { leaseMs, seizeLead } from '../../stages/instances/leadership.ts'
import type { LiveDeployment } from '../../stages/serve/deployment.ts'
import { type LiveInstance, oneInstance, onlyInstance } from './instances.ts'

// Several servers in one process, on one store and one folder, with a clock that the test moves. Real ones, which are killed,
// stopped and cut off, are in test/peers/instances.test.ts and bench/instances.ts.

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())

const { many } = ridesOf(() => trained)
const canary = { steps: ['50%'], minRequests: 10_000, expected: { flipRate: 1 }, slower: 1_000 } as const

interface One {
  readonly instance: LiveInstance
  readonly live: LiveDeployment
  readonly logged: Readonly<Record<string, unknown>>[]
}

async function begin(name: string): Promise<One> {
  const { project } = trained.deployed(name, { canary }, { window: '1h', labelHorizon: '1h' })
  const serving = await trained.serve(project)
  const logged: Readonly<Record<string, unknown>>[] = []
  const workspace = { ...trained.workspace, project, clock: trained.clock }
  const instance = await oneInstance({ workspace, serving, jobs: answeredJobs(), log: line => logged.push(line) })
  return { instance, live: serving.get(name) as LiveDeployment, logged }
}

/** A sign of life, and then the part that it gave. */
async function beats({ instance }: One): Promise<void> {
  await instance.beat()
  await instance.beat()
}

/** What is written down is there: the logs are written by real time. */
const written = (): Promise<void> => new Promise(done => setTimeout(done, 700))

let next = 0
const asked = (one: One, count: number): Promise<unknown> =>
  predicted(
    one.live,
    many(count).map(request => ({ ...request, id: `i${next++}` })),
  )

describe('instances', () => {
  it('lead one after the other, each from where the one before was', async () => {
    const { versions, workspace, clock } = trained
    const first = await begin('several')
    const second = await begin('several')
    expect([first.instance.leads(), second.instance.leads()]).toEqual([true, false])
    await first.live.deploy(versions.good, 'ada')
    await expect(second.live.deploy(versions.other, 'ada')).rejects.toMatchObject({ code: 'MR5050' })
    await beats(second)
    expect(second.live.status().stable).toEqual(first.live.status().stable)
    await first.live.rollOut(versions.other, 'ada')
    await expect(second.live.command('abort', 'ada')).rejects.toMatchObject({ code: 'MR4104' })
    await beats(second)
    expect([second.live.rolling, second.live.rollout?.salt]).toEqual([true, first.live.rollout?.salt])
    await expect(second.live.command('abort', 'ada')).rejects.toMatchObject({ code: 'MR5050' })

    await asked(first, 150)
    await asked(second, 250)
    await second.live.feedback([{ id: 'i0', label: 1 }])
    await first.live.feedback([{ id: 'i399', label: 1 }])
    await written()
    await beats(first)
    expect(first.live.rollout?.shadow.rows).toBe(400)
    expect(first.live.status().labels.waiting).toBe(2)

    // The first is as if it slept: the second waits for the length of a lease, and goes on from all of it
    await written()
    await clock.advance(leaseMs - 100)
    await beats(second)
    expect(second.instance.leads()).toBe(false)
    await clock.advance(leaseMs + 100)
    await beats(second)
    expect([first.instance.leads(), second.instance.leads()]).toEqual([false, true])
    expect(second.live.rollout?.shadow.rows).toBe(400)
    expect(second.live.status().labels.waiting).toBe(2)

    // It wakes up, and what it decides before it knows is written nowhere
    const before = await workspace.store.listDecisions({ subject: 'deployment several' })
    await expect(first.live.command('abort', 'ada')).rejects.toMatchObject({ code: 'MR3049' })
    await expect(first.live.deploy(versions.good, 'ada')).rejects.toMatchObject({ code: 'MR3049' })
    expect(await workspace.store.listDecisions({ subject: 'deployment several' })).toEqual(before)
    await beats(first)
    expect([first.live.rolling, first.live.rollout?.phase]).toEqual([true, 'shadow'])
    expect(first.instance.leader()?.id).toBeDefined()
    await asked(first, 100)
    await written()
    await beats(second)
    expect(second.live.rollout?.shadow.rows).toBe(500)

    // One that ends in order lets go at once
    await second.live.command('pause', 'ada')
    await second.instance.close()
    await beats(first)
    expect(first.instance.leads()).toBe(true)
    expect(first.live.rollout).toMatchObject({ hold: 'paused', shadow: { rows: 500 } })
    expect(first.logged.map(one => one.text)).toEqual([
      'this instance leads',
      'another instance may lead: this one follows',
      'this instance leads',
    ])
    await first.live.command('abort', 'ada')
    expect(first.live.rollout?.phase).toBe('rolled-back')
    await first.instance.close()
  })

  it('hear of rows of another version or another rollout only what is true of them', async () => {
    const { versions } = trained
    const first = await begin('mixed')
    await first.live.deploy(versions.good, 'ada')
    await first.live.rollOut(versions.other, 'ada')
    const salt = first.live.rollout?.salt
    const seen: string[] = []
    first.live.observer = { predicted: id => void seen.push(id), labelled: () => undefined }
    const inputs = { rows: 1, features: new Float32Array(4) }
    const at = trained.clock.now()
    const tell = (id: string, version: number, rollout: string | undefined): void => {
      const rows = [{ id, at, score: 0.5 }]
      first.live.memory.answered({ rollout, tried: true, version: `late@${version}`, inputs, rows })
      first.live.memory.challenged({ rollout: rollout ?? '', rows: [{ id, at, stable: 0.5, canary: 0.4 }] })
    }
    tell('of it', versions.good, salt)
    tell('of the one before', versions.good, 'another')
    // Its numbers mean something else: they are in no window of this one
    tell('of another version', versions.other, salt)
    expect(seen).toEqual(['of it', 'of the one before'])
    await first.live.feedback(['of it', 'of the one before'].map(id => ({ id, label: 1 })))
    expect(first.live.status().labels.waiting).toBe(1)
    first.live.memory.learned({ type: 'memory', at, bytes: 2 ** 40 }, 'another')
    expect(first.live.rollout?.phase).toBe('shadow')
    first.live.memory.learned({ type: 'memory', at, bytes: 2 ** 40 }, salt ?? '')
    expect(first.live.rollout?.phase).toBe('rolled-back')
    await first.instance.close()
  })

  it('follow what another makes stable, tries and ends', async () => {
    const { versions } = trained
    const [first, second] = [await begin('followed'), await begin('followed')]
    await first.live.deploy(versions.good, 'ada')
    await first.live.rollOut(versions.other, 'ada')
    await beats(second)
    await first.live.command('abort', 'ada')
    await beats(second)
    expect([second.live.rolling, second.live.rollout?.phase]).toEqual([false, 'rolled-back'])
    await first.live.deploy(versions.other, 'ada')
    await beats(second)
    expect(second.live.status().stable?.version).toBe(versions.other)
    const [answer] = await second.live.predict([{ row: many(1)[0]?.row ?? {} }])
    expect(answer?.version).toBe(versions.other)
    await first.live.withdraw('ada')
    await beats(second)
    expect(second.live.status().stable).toBeNull()
    await expect(first.live.withdraw('ada')).rejects.toMatchObject({ code: 'MR4151', status: 404 })
    await second.instance.close()
    await first.instance.close()
  })

  it('are refused from another folder, and the only one takes the lead from whoever had it', async () => {
    const first = await begin('alone')
    const { store } = trained.workspace
    const [known] = await store.listDocuments('instance')
    const elsewhere = { ...(known?.value as object), folder: 'another' }
    await store.putDocument('instance', 'other', elsewhere, trained.clock.now())
    await expect(begin('alone')).rejects.toMatchObject({ code: 'MR5051' })
    // One that has given no sign for long serves nowhere
    await store.putDocument('instance', 'other', elsewhere, trained.clock.now() - 4 * leaseMs * 1000)
    await (await begin('alone')).instance.close()
    await store.removeDocument('instance', 'other')

    const { project } = trained.deployed('only')
    const serving = await trained.serve(project)
    const workspace = { ...trained.workspace, project, clock: trained.clock }
    const only = await onlyInstance({ workspace, serving, jobs: answeredJobs(), log: () => undefined })
    expect(only.leads()).toBe(true)
    await only.beat()
    await beats(first)
    expect(first.instance.leads()).toBe(false)
    await serving.get('only')?.deploy(trained.versions.good, 'ada')
    await seizeLead(store, trained.clock.now())
    await expect(serving.get('only')?.deploy(trained.versions.other, 'ada')).rejects.toMatchObject({ code: 'MR3049' })
    await only.close()
    await first.instance.close()
  })
})
