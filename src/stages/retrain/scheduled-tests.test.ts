import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import { csv, dataset, deployment, gbt, model, monitor, project, t } from '../../index.ts'
import type { CheckResult, Report } from '../../define/report.ts'
import type { Alert } from '../../ports/notifier.ts'
import { type ManualClock, manualClock } from '../../testing/manual-clock.ts'
import { ScheduledTests, type TestedOnSchedule } from './scheduled-tests.ts'

const hour = 3_600_000
const orders = dataset('orders', { source: csv('data/*.csv'), columns: { a: t.float(), b: t.bool() } })
const small = model('small', {
  task: 'binary',
  from: orders,
  label: c => c.b,
  inputs: c => ({ a: c.a }),
  split: { by: 'random', test: 0.2 },
  train: gbt({ trees: 1 }),
})
const api = deployment('api', { model: small })
const watch = monitor('watch', { deployment: api, test: { schedule: '0 4 * * *' } })

const check = (
  id: string,
  status: CheckResult['status'],
  severity: CheckResult['severity'] = 'critical',
): CheckResult => ({
  id,
  kind: 'metric',
  target: { model: 'small@1' },
  severity,
  status,
  observed: {},
  evaluated: 1,
  bad: 0,
  threshold: '',
  message: `${id} is ${status}`,
})

let clock: ManualClock
let workspace: Workspace
let told: Alert[]
/** What each run finds: the next one takes the first. */
let found: (readonly CheckResult[] | Error)[]
let asked: string[]
let stable: string | undefined
let tests: ScheduledTests

/** A server that starts: the state is what the store has. */
function restart(): void {
  const notifier = { name: 'people', send: async (alert: Alert) => void told.push(alert) }
  tests = new ScheduledTests({ store: workspace.store, clock, notifiers: [notifier] }, watch as TestedOnSchedule, {
    stable: () => stable,
    async run(version) {
      asked.push(version)
      const checks = found.shift() ?? []
      if (checks instanceof Error) throw checks
      return { id: `r${asked.length}`, checks } as unknown as Report
    },
  })
}

/** Four o'clock comes `times` times. */
async function days(times: number): Promise<void> {
  for (let i = 0; i < 24 * times; i++) {
    await tests.look()
    await tests.settled()
    await clock.advance(hour)
  }
  await tests.look()
  await tests.settled()
}

beforeEach(async () => {
  const root = await mkdtemp(join(tmpdir(), 'millrace-scheduled-'))
  await writeFile(join(root, 'millrace.config.ts'), 'export default 1')
  clock = manualClock(Date.UTC(2026, 2, 2) * 1000)
  workspace = await openWorkspace(root, { project: project('shop', { orders, small, api, watch }), clock })
  ;[told, found, asked, stable] = [[], [], [], 'small@1']
  restart()
})
afterEach(() => workspace.close())

const verdicts = async (): Promise<unknown[]> =>
  (await workspace.store.listDecisions({ kind: 'alert' })).map(one => [one.verdict, one.inputs.red]).reverse()

describe('tests by schedule', () => {
  it('run once at each time, of the version that answers then, and make up for missed ones once', async () => {
    await days(2)
    expect(asked).toEqual(['small@1', 'small@1'])
    stable = 'small@2'
    await clock.advance(72 * hour)
    restart()
    await days(0)
    expect(asked).toEqual(['small@1', 'small@1', 'small@2'])
    expect([told, await verdicts()]).toEqual([[], []])
  })

  it('a red critical test alerts at once, another joins untold, and the first green run resolves it, over restarts too', async () => {
    found = [
      [check('auc', 'pass'), check('slow', 'fail', 'warning')],
      [check('auc', 'fail'), check('fresh', 'pass')],
      [check('auc', 'fail')],
      [check('auc', 'fail'), check('fresh', 'error')],
      [check('auc', 'pass')],
      [],
    ]
    await days(3)
    restart()
    await days(4)
    expect(told.map(one => [one.state, one.summary])).toEqual([
      ['firing', 'the tests of small@1 are red: auc is fail'],
      ['resolved', 'the tests of small@1 pass again'],
    ])
    expect(await verdicts()).toEqual([
      ['firing', ['auc']],
      ['joined', ['auc', 'fresh']],
      ['resolved', []],
    ])
    expect(told[1]?.startsAt).toBe(told[0]?.startsAt)
    expect((told[1]?.endsAt ?? 0) - (told[0]?.startsAt ?? 0)).toBe(72 * hour * 1000)
  })

  it('what could not be run is not passed', async () => {
    found = [new Error('the frame is gone'), []]
    await days(2)
    expect(told.map(one => [one.state, one.summary])).toEqual([
      ['firing', 'the tests of small@1 are red: they could not be run: the frame is gone'],
      ['resolved', 'the tests of small@1 pass again'],
    ])
  })

  it('nothing is tested where nothing answers; and one run at a time', async () => {
    stable = undefined
    await days(1)
    expect(asked).toEqual([])
    stable = 'small@1'
    await clock.advance(24 * hour)
    await Promise.all([tests.look(), tests.look(), tests.look()])
    await tests.settled()
    expect(asked).toEqual(['small@1'])
  })

  it('a run that ended before it was recorded is run again', async () => {
    const { store } = workspace
    const kept = store.addDecision.bind(store)
    store.addDecision = () => Promise.reject(new Error('the disk is full'))
    found = [[check('auc', 'fail')], [check('auc', 'fail')]]
    await clock.advance(24 * hour)
    restart()
    await tests.look()
    await clock.advance(24 * hour)
    await tests.look()
    await expect(tests.settled()).rejects.toThrow('the disk is full')
    store.addDecision = kept
    restart()
    await tests.look()
    await tests.settled()
    expect([asked.length, told.length]).toEqual([2, 1])
  })
})
