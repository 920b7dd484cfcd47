import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { faultyRuntime } from '../../../test/support/faulty-runtime.ts'
import { answeredJobs } from '../../../test/support/jobs.ts'
import { predicted, ridesOf } from '../../../test/support/rides-of.ts'
import { type Trained, trainedProject } from '../../../test/support/trained-project.ts'
import { segmentStandings } from '../../stages/deploy/rollout/guardrail-verdict.ts'
import { leaseMs } from '../../stages/instances/leadership.ts'
import type { LiveDeployment } from '../../stages/serve/deployment.ts'
import { replayed } from '../../stages/serve/replay.ts'
import { readRolloutLog } from '../../stages/serve/rollout-log.ts'
import { LiveServing } from '../../stages/serve/serving.ts'
import { oneInstance } from './instances.ts'

// A challenger that is well overall and broken in one segment, of which two instances answer half each and the one that leads changes.

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())
const { row, digestOf, decisionsOf } = ridesOf(() => trained)

async function begin(name: string) {
  const { runtime, faults } = faultyRuntime(trained.workspace.runtime)
  const options = {
    canary: { minRequests: 10_000, shadowRows: 10_000, slower: 1_000 },
    segments: (c: { zone: never; km: { gt(km: number): never } }) => [c.zone, c.km.gt(30)],
  }
  const { project } = trained.deployed(name, options as never, { window: '1h', labelHorizon: '1h' })
  const serving = await trained.serve(project, { runtime })
  const logged: Readonly<Record<string, unknown>>[] = []
  const workspace = { ...trained.workspace, project, clock: trained.clock }
  const instance = await oneInstance({ workspace, serving, jobs: answeredJobs(), log: line => logged.push(line) })
  const live = serving.get(name) as LiveDeployment
  return { instance, live, logged, faults, beats: async () => (await instance.beat(), instance.beat()) }
}
type One = Awaited<ReturnType<typeof begin>>
const written = (): Promise<void> => new Promise(done => setTimeout(done, 700))

let next = 0
/** Requests of one row, at which the version that is named fails. */
async function ask({ live, faults }: One, zone: string, times: number, bad?: number): Promise<void> {
  const digest = bad === undefined ? undefined : await digestOf(bad)
  if (digest !== undefined) faults.set(digest, () => Promise.reject(new Error('out of order')))
  for (let i = 0; i < times; i++)
    await predicted(live, [{ id: `s${next++}`, row: row(12, zone) }]).catch((error: unknown) => {
      if (bad !== trained.versions.good) throw error
    })
  faults.clear()
}

describe('a segment in which a challenger is broken', () => {
  it('takes it back by what all instances saw, over a change of who leads, and every decision is made again', async () => {
    const { versions, workspace, clock } = trained
    const first = await begin('parted')
    const second = await begin('parted')
    await first.live.deploy(versions.good, 'ada')
    await first.live.rollOut(versions.other, 'ada')
    await second.beats()
    expect(first.live.rollout?.config.segments?.map(one => one.name)).toEqual(['zone', 'km > 30'])
    // stable is the worse one in the north, so that overall the challenger is the better one
    await ask(first, 'north', 40, versions.good)
    await ask(second, 'north', 40, versions.good)
    await ask(first, 'south', 5)
    await ask(first, 'south', 8, versions.other)
    await ask(second, 'south', 7, versions.other)
    await written()
    await first.beats()
    const south = () => segmentStandings(first.live.rollout as never).find(one => one.segment === 'zone = "south"')
    expect(south()).toMatchObject({ kind: 'error', requests: 20, canary: 15, all: 15 })
    expect(first.live.rollout?.segments?.seen['km > 30 = false']).toMatchObject({ requests: 100 })
    expect(first.live.rollout?.phase).toBe('shadow')

    const known = first.live.rollout?.segments
    await written()
    for (const beyond of [-100, 100]) {
      await clock.advance(leaseMs + beyond)
      await second.beats()
    }
    expect([first.instance.leads(), second.instance.leads()]).toEqual([false, true])
    await first.beats()
    expect(second.live.rollout?.segments).toEqual(known)
    await ask(first, 'south', 1, versions.other)
    await written()
    await second.beats()
    expect(second.live.rollout?.phase).toBe('rolled-back')
    const [decision] = await decisionsOf('parted', 'rollout')
    expect(decision?.rule).toMatchObject({ name: 'segment guardrail error', statistic: 'ln E where zone = "south"' })
    expect(decision?.reason).toContain('where zone = "south", of late@')
    await second.beats()
    const alerts = second.logged.filter(one => one.alert === 'rollout taken back')
    expect(alerts).toEqual([expect.objectContaining({ state: 'firing', deployment: 'parted' })])
    expect(alerts[0]?.summary).toContain('where zone = "south"')
    await first.instance.close()
    await second.instance.close()
    const { entries } = await readRolloutLog(join(workspace.folder, 'serving', 'parted'))
    const again = await replayed(workspace.store, 'parted', entries)
    expect(again.map(one => [one.rule, one.found])).toEqual([['segment guardrail error', 'agrees']])
  })

  it('is asked for by the version that is stable, also where the project declares the deployment no more', async () => {
    const one = await begin('gone')
    await one.live.deploy(trained.versions.good, 'ada')
    await one.instance.close()
    const { project } = trained.deployed('another')
    const serving = await LiveServing.open({ ...trained.workspace, project }, trained.online)
    expect(serving.get('gone')?.definition.segments.map(({ name }) => name)).toEqual(['zone', 'km > 30'])
    await serving.close()
  })
})
