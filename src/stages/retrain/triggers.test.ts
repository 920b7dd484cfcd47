import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import type { Decision } from '../../define/decision.ts'
import type { Monitor } from '../../define/monitor.ts'
import { csv, dataset, project, t } from '../../index.ts'
import type { Micros } from '../../internal/time.ts'
import { type ManualClock, manualClock } from '../../testing/manual-clock.ts'
import { ArrivalTrigger } from './arrivals.ts'
import { ScheduleTrigger } from './schedule.ts'

// When a schedule or new files ask for a retrain, by a clock that the test moves and files that it writes.

const hour = 3_600_000_000
const midnight = Date.UTC(2026, 5, 1) * 1000
const sales = dataset('sales', {
  source: csv('data/*.csv'),
  columns: { id: t.int(), amount: t.float() },
  expect: c => [c.amount.between(0, 1000, { id: 'amount' })],
})

let root: string
let clock: ManualClock
let workspace: Workspace
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-triggers-'))
  mkdirSync(join(root, 'data'))
  writeFileSync(join(root, 'millrace.config.ts'), '')
  clock = manualClock(midnight)
  workspace = await openWorkspace(root, { project: project('shop', { sales } as never), clock })
})
afterEach(async () => {
  await workspace.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})
const later = (hours: number): Promise<void> => clock.advance((hours * hour) / 1000)

/** What is asked of a monitor, which says yes to it while `allows` does. */
function asked(allows = (): string => 'fired') {
  const asks: { trigger: string; reason: string; refused?: string }[] = []
  const decide = (request: { refused?: string }): Decision =>
    ({
      verdict: request.refused === undefined ? allows() : 'suppressed',
      rule: { name: 'cooldown', threshold: 1 },
    }) as unknown as Decision
  const monitor = {
    scheduled: undefined as Micros | undefined,
    wouldDecide: decide,
    ask: async (request: never) => {
      asks.push(request)
      return decide(request)
    },
  }
  return { asks, monitor }
}

describe('a schedule', () => {
  const made = (monitor: object, schedule = '0 3 * * *', name = 'watch') =>
    new ScheduleTrigger(workspace, { name, schedule } as Monitor & { schedule: string }, monitor as never)

  it('asks at its times in UTC, once each, and not for what was before it began', async () => {
    const { asks, monitor } = asked()
    const trigger = made(monitor)
    await trigger.look()
    await later(2.99)
    await trigger.look()
    expect(asks).toEqual([])
    await later(0.01)
    await trigger.look()
    await trigger.look()
    expect(asks).toEqual([
      {
        trigger: 'schedule',
        reason: "the schedule '0 3 * * *' of watch is due since 2026-06-01T03:00:00Z",
        evidence: [],
      },
    ])
    await later(24)
    await trigger.look()
    expect(asks).toHaveLength(2)
  })

  it('is made up for once, however many times passed while nothing ran', async () => {
    const { asks, monitor } = asked()
    await made(monitor).look()
    await later(24 * 5 + 4)
    await made(monitor).look()
    expect(asks.map(one => one.reason.slice(-20))).toEqual(['2026-06-06T03:00:00Z'])
    await made(monitor).look()
    expect(asks).toHaveLength(1)
    // each monitor has its own times
    await made(monitor, '0 3 * * *', 'other').look()
    await later(1)
    await made(monitor, '0 3 * * *', 'other').look()
    expect(asks).toHaveLength(1)
  })

  it('that became another begins now, and one that a crash left half written is not asked for twice', async () => {
    const { asks, monitor } = asked()
    await made(monitor).look()
    await later(10)
    await made(monitor, '0 9 * * *').look()
    expect(asks).toEqual([])
    await made(monitor, '0 9 * * *').look()
    await later(23)
    // the retrain that it started is on record though the schedule's own word of it is not
    monitor.scheduled = clock.now()
    await made(monitor, '0 9 * * *').look()
    expect(asks).toEqual([])
  })

  it('begins anew where the clock was set back by more than a day', async () => {
    const { asks, monitor } = asked()
    const trigger = made(monitor)
    await trigger.look()
    clock.set(midnight - 48 * hour)
    await trigger.look()
    clock.set(midnight - 44 * hour)
    await trigger.look()
    expect(asks).toHaveLength(1)
  })

  it('that is none is refused with its words', () => {
    expect(() => made(asked().monitor, 'every day')).toThrow(
      expect.objectContaining({
        details: {
          kind: 'monitor',
          name: 'watch',
          reason: expect.stringMatching(/^its schedule 'every day' is no cron expression: ./) as string,
        },
      }) as Error,
    )
  })
})

describe('new files', () => {
  const definition = {
    name: 'watch',
    deployment: { model: { name: 'late', from: sales, views: [] } },
  } as unknown as Monitor
  const made = (monitor: object) => new ArrivalTrigger(workspace, definition, monitor as never)
  const put = (name: string, amount = 5, rows = 50): void =>
    writeFileSync(
      join(root, 'data', name),
      `id,amount\n${Array.from({ length: rows }, (_, i) => `${i},${amount + i / 1000}`).join('\n')}\n`,
    )
  /** What is there before any version was trained is what the first one is trained on. */
  const begun = async (monitor: object): Promise<ArrivalTrigger> => {
    const trigger = made(monitor)
    await trigger.look()
    return trigger
  }

  it('ask once two looks in a row found them as they are, and once ever, under whatever name', async () => {
    put('a.csv')
    const { asks, monitor } = asked()
    const trigger = await begun(monitor)
    await trigger.look()
    expect(asks).toEqual([])
    put('b.csv', 6)
    await trigger.look()
    expect(asks).toEqual([])
    // it goes on growing
    put('b.csv', 7)
    await trigger.look()
    expect(asks).toEqual([])
    await trigger.look()
    expect(asks).toMatchObject([{ trigger: 'data', evidence: [expect.stringMatching(/^sha256:/)] }])
    await trigger.look()
    put('c.csv', 7)
    for (let i = 0; i < 3; i++) await trigger.look()
    // nor after a restart
    const next = made(monitor)
    for (let i = 0; i < 3; i++) await next.look()
    expect(asks).toHaveLength(1)
  })

  it('wait for the end of a cool-down, and that they do is on record once', async () => {
    put('a.csv')
    let verdict = 'suppressed'
    const { asks, monitor } = asked(() => verdict)
    const trigger = await begun(monitor)
    put('b.csv', 6)
    for (let i = 0; i < 4; i++) await trigger.look()
    expect(asks).toHaveLength(1)
    verdict = 'fired'
    await trigger.look()
    await trigger.look()
    expect(asks).toHaveLength(2)
  })

  it('that the gate would refuse wait until they are others', async () => {
    put('a.csv')
    const { asks, monitor } = asked()
    const trigger = await begun(monitor)
    put('bad.csv', -500)
    for (let i = 0; i < 4; i++) await trigger.look()
    expect(asks).toMatchObject([{ refused: expect.stringMatching(/./) as string }])
    writeFileSync(join(root, 'data', 'bad.csv'), 'id\n1\n')
    for (let i = 0; i < 3; i++) await trigger.look()
    expect(asks).toHaveLength(2)
    expect(asks[1]?.refused).toMatch(/amount/)
    put('bad.csv', 8)
    for (let i = 0; i < 3; i++) await trigger.look()
    expect(asks).toHaveLength(3)
    expect(asks[2]?.refused).toBeUndefined()
  })

  it('in a folder that is empty, or gone, are none', async () => {
    const { asks, monitor } = asked()
    const trigger = await begun(monitor)
    rmSync(join(root, 'data'), { recursive: true })
    for (let i = 0; i < 3; i++) await trigger.look()
    expect(asks).toEqual([])
  })
})
