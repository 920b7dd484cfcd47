import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSqlite } from '../../adapters/metadata/sqlite/open.ts'
import type { MonitorOptions } from '../../define/monitor.ts'
import { dataset, deployment, gbt, model, monitor, parquet, t } from '../../index.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import type { Alert, Notifier } from '../../ports/notifier.ts'
import { type ManualClock, manualClock } from '../../testing/manual-clock.ts'
import { buildProfile } from '../windows/build-profile.ts'
import { LiveMonitor, type RetrainRequest } from './live.ts'
import type { Profile } from '../windows/profile.ts'

// A monitor as serving drives it, over a real store: rows, labels and time come in; reports, windows, alerts, decisions and
// retrains come out.

const hour = 3_600_000_000
const start = Math.floor((Date.UTC(2026, 2, 2) * 1000) / hour) * hour
const random = seeded(4)
const chance = (x: number): number => 1 / (1 + Math.exp(-x))

/** A baseline of one number, one text and a score that tells the label quite well. */
function baseline(shift = 0): Profile {
  const a = Float32Array.from({ length: 8_000 }, () => shift + random.normal())
  const scores = a.map(x => chance(2 * (x - shift)))
  return buildProfile({
    columns: [
      { name: 'a', kind: 'number', values: a },
      { name: 'city', kind: 'text', values: Array.from(a, (_, i) => (i % 2 ? 'ORD' : 'LAX')) },
    ],
    scores,
    labels: scores.map(score => (random.next() < score ? 1 : 0)),
  })
}
const first = baseline()
const second = baseline(3)

const rows = dataset('rows', {
  source: parquet('x.parquet'),
  columns: { at: t.timestamp('UTC'), a: t.float(), city: t.text(), b: t.bool() },
  eventTime: 'at',
})
const small = model('small', {
  task: 'binary',
  from: rows,
  label: c => c.b,
  inputs: c => ({ a: c.a, city: c.city }),
  split: { by: 'time', train: '2d', test: '1d' },
  train: gbt({ trees: 1 }),
})
const api = deployment('api', { model: small })

let clock: ManualClock
let store: MetadataStore
let live: LiveMonitor
let sent: Alert[]
let broken: boolean
let asked: RetrainRequest[]
let made: number
let over: Partial<MonitorOptions>

const notifier: Notifier = {
  name: 'people',
  send(alert) {
    if (broken) return Promise.reject(new Error('nobody answers'))
    sent.push(alert)
    return Promise.resolve()
  },
}

function open(): LiveMonitor {
  const definition = monitor('watch', { deployment: api, window: '1h', labelHorizon: '2h', ...over })
  live = new LiveMonitor({ store, clock, notifiers: [notifier] }, definition)
  live.onRetrain = request => asked.push(request)
  return live
}

interface Traffic {
  readonly shift?: number
  /** How well scores tell labels: 1 as in the baseline, 0 not at all, below 0 the wrong way round. */
  readonly skill?: number
  readonly labelled?: boolean
  readonly city?: string
}

/** Rows of now, with their labels where asked. */
function serve(count: number, { shift = 0, skill = 1, labelled = false, city }: Traffic = {}, at = clock.now()): void {
  for (let i = 0; i < count; i++) {
    const value = random.normal()
    const score = chance(2 * value)
    // two rows of a batch, of which the second one is meant
    const features = Float32Array.of(99, shift + value)
    const id = `p${made++}`
    live.predicted(id, at, { features, rows: 2, categories: ['ORD', city ?? (i % 2 ? 'ORD' : 'LAX')] }, 1, score)
    if (labelled) live.labelled(id, random.next() < 0.5 + skill * (score - 0.5) ? 1 : 0, at + 60_000_000)
  }
}

/** Whole hours of such traffic, one after another; the row after the last one ends it. */
async function hours(...each: readonly Traffic[]): Promise<void> {
  for (const one of each) {
    serve(600, one)
    await clock.advance(3_600_000)
  }
  serve(1)
  await live.settled()
}

const reports = async () => (await store.listReports({ kind: 'drift', limit: 100 })).toReversed()
const verdicts = async () => (await reports()).map(({ evidence }) => evidence.verdict)
const series = async (name: string) =>
  (await store.listWindows('watch', { series: name, from: 0, to: start + 1_000 * hour })).map(one => one.body)
const triggers = async () =>
  (await store.listDecisions({ kind: 'trigger' })).toReversed().map(one => `${one.verdict} ${one.rule.name}`)
const alert = { retrain: { on: ['drift', 'performance'] } } as const
const moved: Traffic = { shift: 2, labelled: true }

beforeEach(async () => {
  clock = manualClock(start)
  store = await openSqlite(join(await mkdtemp(join(tmpdir(), 'millrace-live-')), 'state.db'))
  ;[sent, broken, asked, made, over] = [[], false, [], 0, {}]
})
afterEach(() => store.close())

/** The window in which watching began is over. */
async function begun(options: Partial<MonitorOptions> = {}): Promise<void> {
  over = options
  open().watch(first)
  serve(10)
  await clock.advance(3_600_000)
}

describe('a window', () => {
  it('in which watching began is counted and not judged; the next ones are, each at its own time', async () => {
    await begun()
    expect(live.latest).toBeUndefined()
    await hours({}, {})
    const [one, two] = await reports()
    expect(await reports()).toHaveLength(2)
    expect(one).toMatchObject({ subject: 'api', status: 'pass', at: start + 2 * hour })
    expect(one?.evidence).toMatchObject({ rows: 600, from: start + hour, to: start + 2 * hour, verdict: 'ok' })
    expect(two?.evidence).toMatchObject({ rows: 600, from: start + 2 * hour, to: start + 3 * hour })
    expect(live.latest).toMatchObject({ verdict: 'ok', report: { id: two?.id } })
    // one alarm in 30 days of 24 windows, and each of the smallest changes of the default
    expect(one?.evidence.alpha).toBeCloseTo(1 / 720, 10)
    expect(one?.checks[0]?.threshold).toMatch(/^mean or spread by 0\.14 sd, a share by 4 points, missing by 1 points/)
    expect(await series('window')).toEqual([
      { verdict: 'ok', reason: expect.any(String), report: one?.id },
      { verdict: 'ok', reason: expect.any(String), report: two?.id },
    ])
    expect(await series('column:a')).toMatchObject([{ rows: 600, verdict: 'ok' }, { rows: 600 }])
    expect(await series('score')).toMatchObject([{ name: 'score', rows: 600 }, { rows: 600 }])
  })

  it('has the row that was meant, of its batch, with its texts', async () => {
    await begun()
    await hours({ shift: 2 }, { city: 'JFK' })
    const [shifted, renamed] = (await reports()).map(({ checks }) =>
      Object.fromEntries(checks.map(one => [one.target.columns?.[0], one.status])),
    )
    expect(shifted).toEqual({ a: 'fail', city: 'pass', score: 'pass' })
    expect(renamed).toEqual({ a: 'pass', city: 'fail', score: 'pass' })
  })

  it('counts a row that is late for it into the open one', async () => {
    await begun()
    serve(300)
    serve(300, {}, clock.now() - 5 * hour)
    await clock.advance(3_600_000)
    serve(1)
    await live.settled()
    expect((await reports()).map(one => one.evidence.rows)).toEqual([600])
  })

  it('ends by itself when its time is over and no row came for ten seconds, no sooner', async () => {
    await begun()
    const ended = async (): Promise<number> => {
      live.tick()
      await live.settled()
      return (await reports()).length
    }
    serve(600)
    await clock.advance(3_600_000 - 1)
    expect(await ended()).toBe(0)
    serve(1)
    await clock.advance(1)
    expect(await ended()).toBe(0)
    await clock.advance(9_998)
    expect(await ended()).toBe(0)
    await clock.advance(1)
    expect(await ended()).toBe(1)
    // the next one began with its time, while somebody watched
    serve(400)
    await clock.advance(3_600_000)
    expect(await ended()).toBe(2)
    // nobody was there for longer than a window: the one that the next row opens began before anyone looked
    serve(400)
    await clock.advance(3 * 3_600_000)
    expect(await ended()).toBe(3)
    serve(400)
    await clock.advance(3_600_000)
    expect(await ended()).toBe(3)
    serve(400)
    await clock.advance(3_600_000)
    expect(await ended()).toBe(4)
  })

  it('is judged at the end of watching where its time is over, and else not', async () => {
    await begun()
    serve(600)
    live.finish()
    await live.settled()
    expect(await reports()).toHaveLength(0)
    await clock.advance(3_600_000)
    serve(600)
    await clock.advance(3_600_000)
    live.finish()
    // that one had begun in the midst of nothing, and so has what follows
    serve(600)
    await live.settled()
    expect(await reports()).toHaveLength(0)
    await clock.advance(3_600_000)
    serve(600)
    await clock.advance(3_600_000)
    live.finish()
    await live.settled()
    expect(await reports()).toHaveLength(1)
  })

  it('begins anew with a new version, whose baseline it is held against', async () => {
    await begun()
    serve(600)
    live.watch(second)
    serve(600, { shift: 3 })
    await clock.advance(3_600_000)
    await hours({ shift: 3 }, {})
    expect(await verdicts()).toEqual(['ok', 'drift'])
  })

  it('is none before there is a version', async () => {
    open()
    serve(600)
    live.tick()
    expect(live.capture(false)).toBeUndefined()
    expect(live.retraining).toBeNull()
  })
})

describe('the options of a monitor', () => {
  const day = 24 * hour
  /** Two whole windows of traffic after the one in which watching began. */
  async function judged(options: MonitorOptions, traffic: Traffic = {}) {
    const definition = monitor('watch', options)
    live = new LiveMonitor({ store, clock, notifiers: [notifier] }, definition)
    live.watch(first)
    for (let i = 0; i < 3; i++) {
      serve(2_000, traffic)
      await clock.advance(definition.window / 1_000)
    }
    serve(1)
    await live.settled()
    const [report] = await reports()
    const { from = 0, to = 0, alpha = 0 } = (report?.evidence ?? {}) as { from?: number; to?: number; alpha?: number }
    return { length: to - from, alpha, threshold: report?.checks[0]?.threshold, verdicts: await verdicts() }
  }

  it('are a day, one false alarm in thirty of them and changes of 0.14 deviations where nothing is said', async () => {
    const found = await judged({ deployment: api }, { shift: 0.3 })
    expect(found).toMatchObject({ length: day, alpha: 1 / 30, verdicts: ['drift', 'drift'] })
    expect(found.threshold).toMatch(/^mean or spread by 0\.14 sd/)
  })

  it('make windows shorter, alarms rarer and changes smaller', async () => {
    const options = { deployment: api, window: '6h', falseAlarms: 'one per 90d', sensitivity: 'high' } as const
    const found = await judged(options, { shift: 0.25 })
    expect(found.length).toBe(6 * hour)
    expect(found.alpha).toBeCloseTo(1 / 360, 10)
    expect(found.threshold).toMatch(/^mean or spread by 0\.07 sd, a share by 2 points, missing by 0\.5 points/)
    expect(found.verdicts).toEqual(['drift', 'drift'])
  })

  it.each([
    ['two days', {}, 2 * day],
    ['what it says', { labelHorizon: '6h' }, 6 * hour],
  ] as const)('a cohort that few labels came for is stated after %s', async (_, more, horizon) => {
    const definition = monitor('watch', { deployment: api, window: '1h', ...more })
    live = new LiveMonitor({ store, clock, notifiers: [] }, definition)
    live.watch(first)
    for (let i = 0; i < 10; i++) serve(1, { labelled: i < 4 })
    const stated: number[] = []
    // each hour a window ends, and what is known of the first one is stated
    for (let passed = 1; passed <= horizon / hour + 2; passed++) {
      await clock.advance(3_600_000)
      serve(1)
      await live.settled()
      const all = await series('performance')
      if (all.length > 0) stated.push(passed)
    }
    // the hour of the cohort, then the horizon
    expect(stated[0]).toBe(1 + horizon / hour)
  })
})

describe('what drifts', () => {
  it('is pending, told, and resolved, each stored with its decision', async () => {
    await begun()
    await hours(moved, moved, {}, {}, {})
    expect(await verdicts()).toEqual(['drift', 'drift', 'ok', 'ok', 'ok'])
    expect(sent.map(one => one.state)).toEqual(['pending', 'firing', 'resolved'])
    const decisions = (await store.listDecisions({ kind: 'alert' })).toReversed()
    expect(decisions.map(one => one.verdict)).toEqual(['pending', 'firing', 'resolved'])
    const [pending, firing, resolved] = sent as [Alert, Alert, Alert]
    expect(sent.map(one => one.evidence)).toEqual(decisions.map(one => one.id))
    expect(firing).toMatchObject({ name: 'drift', severity: 'ticket', labels: { monitor: 'watch' } })
    expect(firing.summary).toMatch(/^a: mean \+\d\.\d\d sd/)
    expect(new Set(sent.map(one => one.fingerprint)).size).toBe(1)
    expect([pending.startsAt, firing.startsAt, resolved.startsAt]).toEqual([2, 3, 3].map(h => start + h * hour))
    expect([firing.endsAt, resolved.endsAt]).toEqual([undefined, start + 6 * hour])
    expect((await store.getDocument('alert', firing.fingerprint))?.value).toMatchObject({ state: 'resolved' })
    // without a policy nothing is even asked
    expect(await triggers()).toEqual([])
  })

  it('is stored although nobody can be told, with the reason', async () => {
    await begun()
    broken = true
    await hours(moved)
    expect(await verdicts()).toEqual(['drift'])
    expect((await store.listDocuments('alert-undelivered')).map(one => one.value)).toEqual([
      { notifier: 'people', fingerprint: expect.any(String), reason: 'nobody answers' },
    ])
    expect(await store.listDocuments('alert')).toHaveLength(1)
  })

  it('goes on after a restart: the second window fires', async () => {
    await begun()
    await hours(moved)
    open().watch(first)
    await live.restore()
    serve(1)
    await clock.advance(3_600_000)
    await hours(moved)
    expect(sent.map(one => one.state)).toEqual(['pending', 'firing'])
  })
})

describe('a retrain', () => {
  it('is asked for after two windows of drift and a thousand labels, once, until it ends', async () => {
    await begun({ ...alert, retrain: { ...alert.retrain, cooldown: '2h' } })
    await hours(moved, moved, moved)
    expect(await triggers()).toEqual(['suppressed persistence', 'fired drift', 'suppressed one at a time'])
    expect(asked.map(one => [one.cause, one.decision.verdict])).toEqual([['drift', 'fired']])
    const [{ decision }] = asked as [RetrainRequest]
    expect(live.retraining).toBe(decision.id)
    expect(decision).toMatchObject({ subject: 'model small', reason: expect.stringMatching(/^a: mean/) })
    expect(decision.evidence).toEqual([(await reports())[1]?.id])
    expect(decision.inputs).toMatchObject({ windows: 2, newLabels: 1_200 })
    live.retrainWaits('small@2 waits')
    await hours(moved)
    expect((await store.listDecisions({ kind: 'trigger' }))[0]?.reason).toContain('small@2 waits')
    live.retrained()
    await live.settled()
    expect(live.retraining).toBeNull()
    expect((await store.getDocument('retrain', 'small'))?.value).toMatchObject({ active: null })
    await hours(moved)
    expect(asked).toHaveLength(2)
  })

  it('of drift waits for labels, and counts them anew for a new version', async () => {
    await begun(alert)
    await hours({ shift: 2 }, { shift: 2 })
    expect(await triggers()).toEqual(['suppressed persistence', 'suppressed new labels'])
    live.watch(second)
    serve(1, { shift: 3 })
    await clock.advance(3_600_000)
    await hours(moved, moved)
    expect((await triggers()).slice(2)).toEqual(['suppressed persistence', 'fired drift'])
    // those of the first row of the window in which the version became stable count, too
    expect(asked[0]?.decision.inputs.newLabels).toBe(1_200)
  })

  it('is asked for when labels say that the model has become worse, once for each cohort', async () => {
    await begun(alert)
    await hours({ labelled: true }, { labelled: true, skill: -1 }, { labelled: true })
    expect(await triggers()).toEqual(['fired performance'])
    expect(asked[0]?.decision.reason).toMatch(/^AUC 0\.\d+ on 600 labelled rows/)
    const cohorts = await series('performance')
    expect(cohorts.map(one => one.labelled)).toContain(600)
    expect(cohorts.every(one => one.published === true)).toBe(true)
  })

  it('of performance is not asked for where the policy does not name it, nor without labels', async () => {
    await begun({ retrain: { on: ['drift'] } })
    await hours({ labelled: true, skill: -1 }, {})
    expect(await triggers()).toEqual(['suppressed trigger'])
  })

  it('waits while a challenger is tried', async () => {
    await begun(alert)
    live.challenger = () => 'small@2'
    await hours(moved, moved)
    expect((await store.listDecisions({ kind: 'trigger' }))[0]).toMatchObject({
      rule: { name: 'one rollout at a time', value: 'small@2' },
    })
    live.challenger = () => undefined
    await hours(moved)
    expect(asked).toHaveLength(1)
  })

  it('is decided for who asks from outside, and told in advance without a trace', async () => {
    await begun({ retrain: { on: ['data'], cooldown: '3h' } })
    const seen = { trigger: 'data', reason: 'a file came', evidence: ['sha256:1'] } as const
    expect(live.wouldDecide(seen).verdict).toBe('fired')
    expect(live.wouldDecide({ ...seen, refused: 'rows are bad' }).rule.name).toBe('data')
    expect([await triggers(), live.retraining]).toEqual([[], null])
    const decision = await live.ask(seen)
    expect(decision).toMatchObject({ verdict: 'fired', evidence: ['sha256:1'], reason: 'a file came' })
    expect(await store.getDecision(decision.id)).toMatchObject({ verdict: 'fired' })
    expect(asked.map(one => one.decision.id)).toEqual([decision.id])
    // another process takes it up where this one was
    open()
    expect(live.retraining).toBeNull()
    await live.restore()
    expect(live.retraining).toBe(decision.id)
    live.retrained()
    await live.settled()
    expect((await live.ask(seen)).rule.name).toBe('cooldown')
    expect(asked).toHaveLength(1)
    const due = await live.ask({ trigger: 'schedule', reason: 'it is four', evidence: [] })
    expect(due.verdict).toBe('fired')
    expect(live.scheduled).toBe(clock.now())
  })

  it('that fails is told once it has, and resolved by a later one that does not', async () => {
    await begun(alert)
    const end = async (failed?: { reason: string; evidence: string }): Promise<void> => {
      live.retrained(failed)
      await live.settled()
      await clock.advance(60_000)
    }
    await end()
    expect(sent).toEqual([])
    const from = clock.now()
    await end({ reason: 'auc is 0.5', evidence: 'd1' })
    await end({ reason: 'auc is 0.6', evidence: 'd2' })
    const until = clock.now()
    await end()
    await end()
    const labels = { monitor: 'watch', model: 'small' }
    const common = { name: 'retrain-failed', severity: 'ticket', labels, startsAt: from }
    expect(sent).toMatchObject([
      { ...common, state: 'firing', summary: 'auc is 0.5', evidence: 'd1' },
      { ...common, state: 'firing', summary: 'auc is 0.6', evidence: 'd2' },
      { ...common, state: 'resolved', summary: 'a later retrain of small gave a challenger', endsAt: until },
    ])
    expect(sent[0]?.endsAt).toBeUndefined()
    expect(sent[2]?.evidence).toBeUndefined()
    expect((await store.getDocument('alert', sent[0]?.fingerprint ?? ''))?.value).toMatchObject({ state: 'resolved' })
  })
})

describe('what a journal keeps', () => {
  it('is what changed since, and makes another process go on in the same window', async () => {
    await begun(alert)
    serve(300, { labelled: true })
    const whole = live.capture(true) as { window: { rows: number; fresh: boolean }; newLabels: number }
    expect(whole).toMatchObject({ window: { rows: 300, fresh: true, partial: false }, newLabels: 300 })
    expect(live.capture(false)).toBeUndefined()
    serve(1)
    const more = live.capture(false) as { window: { rows: number; fresh: boolean; counts: number[] } }
    expect(more.window).toMatchObject({ rows: 1, fresh: false })
    expect(more.window.counts.length).toBeLessThan(20)
    // one that is corrected is no further one, and one that comes for nobody is none yet
    live.labelled('p10', 1, clock.now())
    live.labelled('nobody', 1, clock.now())
    expect(live.capture(false)).toBeUndefined()
    const before = live
    open().watch(first)
    live.takeBack(whole as never)
    live.takeBack(more as never)
    expect(live.keeps).toBe('monitor:watch')
    expect(live.capture(true)).toEqual(before.capture(true))
    serve(299)
    await clock.advance(3_600_000)
    serve(1)
    await live.settled()
    expect((await reports()).map(one => one.evidence.rows)).toEqual([600])
  })

  it('is no window of another version, and none that was judged before the crash', async () => {
    await begun()
    serve(600)
    const kept = live.capture(true)
    await clock.advance(3_600_000)
    serve(1)
    await live.settled()
    expect(await reports()).toHaveLength(1)
    open().watch(first)
    await live.restore()
    live.takeBack(kept as never)
    serve(1)
    await live.settled()
    expect(await reports()).toHaveLength(1)
    // the one after it is judged as any other
    serve(599)
    await clock.advance(3_600_000)
    serve(1)
    await live.settled()
    expect(await reports()).toHaveLength(2)
    open().watch(second)
    live.takeBack(kept as never)
    expect(live.capture(true)).toMatchObject({ window: null })
  })

  it('are predictions whose labels come later, and labels whose predictions do', async () => {
    await begun(alert)
    open().watch(first)
    live.recall({ id: 'a', at: clock.now(), stable: 0.3 } as never)
    live.labelled('a', 1, clock.now() + 1)
    expect(live.capture(true)).toMatchObject({ newLabels: 1 })
    live.recallLabel('b', 1, clock.now())
    live.predicted('b', clock.now(), { features: Float32Array.of(0), rows: 1, categories: ['ORD'] }, 0, 0.5)
    expect(live.capture(true)).toMatchObject({ newLabels: 2 })
  })
})

it('what goes wrong with storing is thrown where it is waited for, once', async () => {
  await begun()
  serve(600)
  await clock.advance(3_600_000)
  const { addReport } = store
  store.addReport = () => Promise.reject(new Error('disk full'))
  serve(1)
  await expect(live.settled()).rejects.toThrow('disk full')
  store.addReport = addReport
  await expect(live.settled()).resolves.toBeUndefined()
})
