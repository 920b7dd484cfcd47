import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredJobs } from '../../../test/support/jobs.ts'
import { predicted, ridesOf } from '../../../test/support/rides-of.ts'
import { hour, trainedProject, type Trained } from '../../../test/support/trained-project.ts'
import type { LiveDeployment } from '../../stages/serve/deployment.ts'
import type { Retrainer } from './retrainer.ts'
import { observationsFolder, watchAll } from './watching.ts'

// What watches the deployments of a server: it is restored, wired, and goes on whatever of it fails.

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())
const { many } = ridesOf(() => trained)

type Line = Readonly<Record<string, unknown>>

async function watched(name: string, options: object = {}, answers: Readonly<Record<string, unknown>> = {}) {
  const { project } = trained.deployed(name, {}, { window: '1h', labelHorizon: '1h', ...options } as never)
  const serving = await trained.serve(project)
  const logged: Line[] = []
  const carried: string[] = []
  const retrainer: Retrainer = {
    carry: async (_deployment, monitor, decision) => {
      carried.push(decision)
      monitor.retrained()
    },
    close: () => undefined,
  }
  const jobs = answeredJobs(answers)
  const workspace = { ...trained.workspace, project, clock: trained.clock }
  const begin = () => watchAll(workspace, serving, retrainer, jobs, line => logged.push(line))
  return { live: serving.get(name) as LiveDeployment, logged, carried, jobs, begin, workspace }
}

describe('a server watches', () => {
  it('the rows of each deployment, a window at a time, against the version that is stable', async () => {
    const { live, begin, workspace } = await watched('seen')
    await live.deploy(trained.versions.good, 'ada')
    const watching = await begin()
    const past = async (ms: number): Promise<void> => {
      await trained.clock.advance(ms)
      await watching.beat()
      await watching.settled()
    }
    // the window that is under way when it begins is no whole one
    for (const id of ['a', 'b']) {
      await predicted(
        live,
        many(300).map(one => ({ ...one, id: `${id}${one.id}` })),
      )
      await past(hour / 1000)
    }
    await past(hour / 1000)
    const windows = await workspace.store.listWindows('seen-watch', { limit: 100 })
    expect(windows.map(one => one.series)).toContain('column:km')
    expect(new Set(windows.map(one => one.to - one.from))).toEqual(new Set([hour]))
  })

  it('by the schedule of its retrains and of its tests, and says what failed without stopping', async () => {
    const scheduled = await watched('timed', {
      schedule: '0 * * * *',
      retrain: { on: ['drift', 'data'], cooldown: '1h' },
    })
    await scheduled.live.deploy(trained.versions.good, 'ada')
    const watching = await scheduled.begin()
    await watching.beat()
    expect(scheduled.carried).toEqual([])
    await trained.clock.advance((2 * hour) / 1000)
    await watching.beat()
    await watching.settled()
    const [decision] = await trained.workspace.store.listDecisions({ kind: 'trigger' })
    expect(decision).toMatchObject({ inputs: { trigger: 'schedule' }, verdict: 'fired' })
    expect(scheduled.carried).toEqual([decision?.id])
  })

  it('takes up the retrain that an earlier server left', async () => {
    const first = await watched('left', { schedule: '0 * * * *', retrain: { on: ['drift'], cooldown: '1h' } })
    await first.live.deploy(trained.versions.good, 'ada')
    // a server that begins it and is gone before it has ended
    const gone = await watchAll(
      first.workspace,
      await trained.serve(first.workspace.project),
      { carry: async () => undefined, close: () => undefined },
      first.jobs,
      () => undefined,
    )
    await gone.beat()
    await trained.clock.advance((2 * hour) / 1000)
    await gone.beat()
    await gone.settled()
    const begun = (await trained.workspace.store.listDecisions({ kind: 'trigger', subject: 'model late' }))[0]
    const next = await first.begin()
    await next.settled()
    expect(first.carried).toEqual([begun?.id])
    // and when that is through there is none to take up
    const later = await watched('left', { schedule: '0 * * * *', retrain: { on: ['drift'], cooldown: '1h' } })
    await later.begin()
    expect(later.carried).toEqual([])
  })

  it('where one thing cannot be looked at, the others are, and it is told', async () => {
    const { begin, logged, live, workspace, carried } = await watched('torn', {
      schedule: '0 * * * *',
      retrain: { on: ['drift', 'data'], cooldown: '1h' },
    })
    await live.deploy(trained.versions.good, 'ada')
    const { store } = workspace
    const kept = store.putDocument
    let fails = false
    store.putDocument = (kind: string, ...rest: never[]) =>
      fails && kind === 'schedule'
        ? Promise.reject(new Error('no room'))
        : (kept as never as (...given: unknown[]) => never).call(store, kind, ...rest)
    try {
      const watching = await begin()
      await watching.beat()
      fails = true
      await trained.clock.advance((2 * hour) / 1000)
      await watching.beat()
      expect(logged).toContainEqual({ level: 'error', reason: 'no room' })
      fails = false
      await watching.settled()
      await watching.beat()
      expect(carried.length).toBeGreaterThan(0)
    } finally {
      store.putDocument = kept
    }
  })

  it('what other instances wrote down of the same name, each in a folder of its own', () => {
    expect(observationsFolder('/srv/.millrace', 'api')).toBe(join('/srv/.millrace', 'serving', 'api', 'instances'))
  })

  it('nothing of deployments that are not served, and beats all the same', async () => {
    const { workspace, jobs, carried } = await watched('absent')
    const other = await trained.serve(trained.deployed('another').project)
    const watching = await watchAll(
      workspace,
      other,
      { carry: async () => void carried.push('x'), close: () => undefined },
      jobs,
      () => undefined,
    )
    await watching.beat()
    await watching.settled()
    expect(carried).toEqual([])
    mkdirSync(join(workspace.folder, 'serving', 'another'), { recursive: true })
    writeFileSync(join(workspace.folder, 'serving', 'another', 'note.txt'), '')
    await watching.beat()
  })
})
