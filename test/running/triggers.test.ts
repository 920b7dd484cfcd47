import { mkdtemp, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openWorkspace, type Workspace } from '../../src/config/workspace.ts'
import type { Decision } from '../../src/define/decision.ts'
import type { Monitor } from '../../src/define/monitor.ts'
import { csv, dataset, deployment, gbt, model, monitor, project, t } from '../../src/index.ts'
import { ingest } from '../../src/stages/ingest/ingest.ts'
import { ArrivalTrigger } from '../../src/stages/retrain/arrivals.ts'
import { ScheduleTrigger } from '../../src/stages/retrain/schedule.ts'
import { LiveMonitor } from '../../src/stages/watch/live.ts'
import { type ManualClock, manualClock } from '../../src/testing/manual-clock.ts'

const hour = 3_600_000
const start = Date.UTC(2026, 2, 2) * 1000

const orders = dataset('orders', {
  source: csv('data/*.csv'),
  columns: { at: t.timestamp('UTC'), a: t.float(), b: t.bool() },
  eventTime: 'at',
})
const small = model('small', {
  task: 'binary',
  from: orders,
  label: c => c.b,
  inputs: c => ({ a: c.a }),
  split: { by: 'time', train: '2d', test: '1d' },
  train: gbt({ trees: 1 }),
})
const api = deployment('api', { model: small })
const watch = monitor('watch', { deployment: api, schedule: '0 4 * * *', retrain: { on: ['data'], cooldown: '24h' } })

let root: string
let clock: ManualClock
let workspace: Workspace
let live: LiveMonitor
/** Decisions whose retrain was begun. */
let begun: string[]

/** A server that starts: the state is what the store has. */
async function restart(): Promise<void> {
  live = new LiveMonitor({ store: workspace.store, clock, notifiers: [] }, watch)
  await live.restore()
  live.onRetrain = ({ decision }) => begun.push(decision.id)
}

async function ended(): Promise<void> {
  live.retrained()
  await live.settled()
}

const decisions = async (): Promise<readonly Decision[]> => workspace.store.listDecisions({ kind: 'trigger' })

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-triggers-'))
  await mkdir(join(root, 'data'))
  await writeFile(join(root, 'millrace.config.ts'), 'export default 1')
  clock = manualClock(start)
  workspace = await openWorkspace(root, { project: project('shop', { orders, small, api, watch }), clock })
  begun = []
  await restart()
})
afterEach(() => workspace.close())

describe('the schedule', () => {
  const trigger = (): ScheduleTrigger =>
    new ScheduleTrigger(workspace, watch as Monitor & { readonly schedule: string }, live)

  it('starts one retrain at each of its times, and makes up for missed ones once', async () => {
    let schedule = trigger()
    for (let i = 0; i < 72; i++) {
      await schedule.look()
      await schedule.look()
      if (live.retraining) await ended()
      await clock.advance(hour)
    }
    expect(begun).toHaveLength(3)
    expect((await decisions()).map(one => one.inputs.trigger)).toEqual(['schedule', 'schedule', 'schedule'])
    // nobody was there for three days
    await clock.advance(72 * hour)
    await restart()
    schedule = trigger()
    for (let i = 0; i < 3; i++) await schedule.look()
    expect(begun).toHaveLength(4)
  })

  it('repeats nothing when the clock is set back by an hour, and begins anew when it is set back by a month', async () => {
    const schedule = trigger()
    await schedule.look()
    await clock.advance(4 * hour + 60_000)
    await schedule.look()
    await ended()
    clock.set(clock.now() - hour * 1000)
    for (let i = 0; i < 4; i++) {
      await schedule.look()
      await clock.advance(hour / 2)
    }
    expect(begun).toHaveLength(1)
    clock.set(clock.now() - 30 * 24 * hour * 1000)
    await schedule.look()
    await clock.advance(24 * hour)
    await schedule.look()
    expect(begun).toHaveLength(2)
  })
})

describe('arriving data', () => {
  const land = (name: string, text: string): Promise<void> => writeFile(join(root, 'data', name), text)
  const row = (a: number): string => `at,a,b\n2026-03-01 00:00:00,${a},true\n`
  const looks = async (trigger: ArrivalTrigger, times = 3): Promise<void> => {
    for (let i = 0; i < times; i++) await trigger.look()
  }
  const trigger = (): ArrivalTrigger => new ArrivalTrigger(workspace, watch, live)

  it('starts a retrain when a file is taken into the dataset, none when it is refused or came before', async () => {
    const arrive = async (name: string, text: string) => {
      const path = join(root, name)
      await writeFile(path, text)
      return (await ingest(workspace, orders, { path, name })).result.verdict
    }
    const arrivals = trigger()
    await looks(arrivals)
    expect(await arrive('bad.csv', 'at,a\n2026-03-01 00:00:00,1\n')).toBe('refused')
    await looks(arrivals)
    expect(begun).toEqual([])
    for (const name of ['good.csv', 'again.csv'])
      expect(await arrive(name, 'at,a,b\n2026-03-01 00:00:00,1,true\n')).toBe('passed')
    await looks(arrivals)
    expect(begun).toHaveLength(1)
  })

  it('begins with what is there: without a version nothing of it is new, after a restart neither', async () => {
    await land('a.csv', row(1))
    await looks(trigger())
    await restart()
    await looks(trigger())
    expect([begun, await decisions()]).toEqual([[], []])
    await land('b.csv', row(2))
    await looks(trigger())
    expect(begun).toHaveLength(1)
    expect((await decisions())[0]).toMatchObject({ reason: '1 new file of orders: data/b.csv' })
  })

  it('starts one retrain for each content, whatever its name, across restarts', async () => {
    await land('a.csv', 'at,a,b\n')
    let arrivals = trigger()
    await looks(arrivals)
    expect(begun).toEqual([])
    await land('b.csv', row(3))
    await arrivals.look()
    expect(begun).toEqual([])
    await looks(arrivals)
    expect(begun).toHaveLength(1)
    await ended()
    await clock.advance(25 * hour)
    await rename(join(root, 'data', 'b.csv'), join(root, 'data', 'c.csv'))
    await looks(arrivals)
    await restart()
    arrivals = trigger()
    await looks(arrivals)
    expect(begun).toHaveLength(1)
    await rm(join(root, 'data', 'c.csv'))
    await looks(arrivals)
    await land('d.csv', row(3))
    await looks(arrivals)
    expect(begun).toHaveLength(1)
    await land('d.csv', row(4))
    await looks(arrivals)
    expect(begun).toHaveLength(2)
  })

  it('forgets nothing when the process ends between the decision and what it was to write', async () => {
    const arrivals = trigger()
    await looks(arrivals)
    await land('b.csv', row(3))
    await looks(arrivals)
    await ended()
    await workspace.store.putDocument('arrivals', 'watch', { digests: [] }, clock.now())
    await clock.advance(25 * hour)
    await restart()
    await looks(trigger())
    expect(begun).toHaveLength(1)
  })

  it('starts none for data that the first gate would refuse, says so once, and goes on when it is mended', async () => {
    const reasons = async (): Promise<string[]> => (await decisions()).map(one => `${one.verdict}: ${one.reason}`)
    await land('a.csv', row(1))
    const arrivals = trigger()
    await looks(arrivals)
    // a broken file lies there for some seconds, and is gone again
    await land('b.csv', 'at,a,b\n2026-03-01 00:00:00,no number,true\n')
    await looks(arrivals, 5)
    await rm(join(root, 'data', 'b.csv'))
    await looks(arrivals, 5)
    expect(begun).toEqual([])
    expect(await reasons()).toEqual([expect.stringMatching(/^suppressed: no retrain: the data is refused: .*orders/)])
    // so it is with a file that has other columns
    await land('c.csv', 'x,y\n1,2\n')
    await looks(arrivals, 5)
    expect(begun).toEqual([])
    expect(await reasons()).toHaveLength(2)
    await land('c.csv', row(3))
    await looks(arrivals)
    expect(begun).toHaveLength(1)
  })

  it('says what a retrain that has trained waits for', async () => {
    const arrivals = trigger()
    await looks(arrivals)
    await land('b.csv', row(1))
    await looks(arrivals)
    await land('c.csv', row(2))
    await clock.advance(25 * hour)
    await looks(arrivals)
    live.retrainWaits('small@2 waits until the rollout of small@1 (bake) has ended')
    await looks(arrivals)
    const reasons = (await decisions()).map(one => one.reason)
    expect(reasons.some(reason => /started is still training/.test(reason))).toBe(true)
    expect(reasons.some(reason => /small@2 waits until the rollout of small@1 \(bake\) has ended/.test(reason))).toBe(
      true,
    )
    await ended()
    await looks(arrivals)
    expect(begun).toHaveLength(2)
  })

  it('waits while a file is written to, and for the end of a cool-down, which it records once', async () => {
    const arrivals = trigger()
    await looks(arrivals)
    await land('b.csv', 'at,a,b\n')
    await arrivals.look()
    await land('b.csv', row(3))
    await arrivals.look()
    expect(begun).toEqual([])
    await arrivals.look()
    expect(begun).toHaveLength(1)
    await ended()
    await land('c.csv', row(5))
    await looks(arrivals, 6)
    expect((await decisions()).map(one => one.verdict)).toEqual(['suppressed', 'fired'])
    await clock.advance(25 * hour)
    await looks(arrivals)
    expect(begun).toHaveLength(2)
  })
})
