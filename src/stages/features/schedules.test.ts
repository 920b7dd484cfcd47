import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { times } from '../../../test/fuzz/edges.ts'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { dataset, entity, features, parquet, t } from '../../index.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { DataEngine, Row, Value } from '../../ports/data-engine.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { memoryOnlineStore } from '../../testing/memory-online-store.ts'
import { columnOfValues } from '../log/column.ts'
import { withLog, type DatasetRows } from '../log/dataset-rows.ts'
import { loadLog } from '../log/log-table.ts'
import { DatasetLogs, type PushedRows } from '../log/take-rows.ts'
import { keyIn, planView, type ViewPlan } from './channels.ts'
import { featureValue } from './entity-window.ts'
import { materialise } from './materialise.ts'
import { offlineFeatures } from './offline.ts'
import { OnlineView } from './online.ts'

// Random lives of a dataset: rows by file, pushes, corrections, values told late, deletions, repeats, clocks that are set back, deliveries
// that fail, restarts, materialisations. After each, what is served, what training sees, and what plain rules say must be one.

const minute = 60_000_000
const unit = 20 * minute
const hour = 3 * unit
const start = 1_700_000_000_000_000

interface Ride {
  readonly id: string
  readonly who: string
  readonly at: number
  readonly paid: number | null
  /** Known at `known`. */
  readonly tip: number | null
  readonly known: number | null
}

const rides = dataset('rides', {
  source: parquet('none'),
  columns: {
    id: t.text(),
    who: t.text(),
    at: t.timestamp('UTC'),
    paid: t.nullable(t.float()),
    tip: t.nullable(t.float()),
    known: t.nullable(t.timestamp('UTC')),
  },
  eventTime: 'at',
  key: ['id'],
  knownAt: { tip: c => c.known },
  expect: c => [c.paid.between(-1e30, 1e30)],
})
const who = entity('person', { who: t.text() })
const aged = features('aged', {
  entity: who,
  from: rides,
  ttl: '12h',
  compute: f => ({ n: f.count('3h'), total: f.sum('paid', '6h'), latest: f.last('paid'), tips: f.sum('tip', '6h') }),
})
const ageless = features('ageless', {
  entity: who,
  from: rides,
  compute: f => ({ n: f.count('6h'), most: f.max('paid', '4h'), least: f.min('tip', '5h'), mean: f.mean('tip', '2h') }),
})
const varied = features('varied', {
  entity: who,
  from: rides,
  compute: f => ({
    different: f.distinct('paid', '6h'),
    spread: f.std('paid', '6h'),
    before: f.lag('paid', 1, '6h'),
    id: f.last('id', '6h'),
    usual: f.mostFrequent('paid', '6h'),
    half: f.quantile('tip', 0.5, '6h'),
    rich: f.count('6h', { where: c => c.tip.gt(0) }),
    // What nobody told yet makes it true
    poor: f.count('6h', { where: c => c.tip.coalesce(0).lte(0) }),
    whole: f.count({ tumbling: '2h' }),
  }),
  derive: v => ({ label: v.id.coalesce('none') }),
})
const plans: readonly ViewPlan[] = [planView(aged), planView(ageless), planView(varied as never)]

/** A version as the rules have it. */
interface Version {
  readonly place: number
  readonly known: number
  readonly ride: Ride
  readonly gone: boolean
}

/** The rules in their plainest form. */
class Oracle {
  readonly #rows = new Map<string, Version[]>()
  #place = 0

  byFile(ride: Ride): void {
    this.#rows.set(ride.id, [{ place: 0, known: -Infinity, ride, gone: false }])
  }

  push(ride: Ride, arrived: number, known: number | undefined, gone = false): void {
    const versions = this.#rows.get(ride.id) ?? []
    const last = versions.filter(one => one.place > 0).at(-1)
    const isSame = last?.gone === gone && (gone || JSON.stringify(last.ride) === JSON.stringify(ride))
    if (isSame) return
    const from = known ?? (versions.length > 0 ? arrived : -Infinity)
    this.#rows.set(ride.id, [...versions, { place: ++this.#place, known: from, ride, gone }])
  }

  /** For who looks at a failure: the versions of the rows that are or were a person's. */
  versionsOf(person: string): string {
    const own = [...this.#rows.values()].filter(list => list.some(one => one.ride.who === person))
    const shown = ({ place, known, gone, ride }: Version) => ({
      ...ride,
      place,
      from: known - start,
      gone,
      at: ride.at - start,
      known: ride.known === null ? null : ride.known - start,
    })
    return JSON.stringify(own.map(list => list.map(shown)))
  }

  newest(id: string): Ride | undefined {
    return this.#rows.get(id)?.at(-1)?.ride
  }

  /** Of each row the version that counts at `t` for one of its values. */
  #counting(
    value: (ride: Ride) => number | null,
    declared: ((ride: Ride) => number) | undefined,
    t: number,
    told: (ride: Ride) => boolean = ride => value(ride) !== null,
  ): Ride[] {
    return [...this.#rows.values()].flatMap(list => {
      let now: Version | undefined
      let given = false
      const ordered = list.toSorted((a, b) => (a.known === b.known ? 0 : a.known - b.known) || a.place - b.place)
      for (const [nth, one] of ordered.entries()) {
        const has = !one.gone && value(one.ride) !== null
        // Nothing is there to become known later
        const isTold = !one.gone && told(one.ride)
        const event = has || isTold ? Math.max(one.ride.at + 1, declared?.(one.ride) ?? -Infinity) : one.ride.at + 1
        const before = ordered[nth - 1]
        const isSame = before?.gone === false && before.ride.at === one.ride.at && before.ride.who === one.ride.who
        const isToldLate = isSame && declared !== undefined && !given
        const from = Math.max(event, isToldLate ? before.known : one.known)
        if (from <= t) now = one
        if (isTold) given = true
      }
      return now && !now.gone && value(now.ride) !== null ? [now.ride] : []
    })
  }

  features(person: string, t: number): Record<string, (number | string | null)[]> {
    const of = (list: Ride[]) => list.filter(one => one.who === person && one.at < t)
    const within = (list: Ride[], hours: number) => list.filter(one => one.at >= t - hours * hour)
    const all = of(this.#counting(() => 0, undefined, t))
    const paid = of(this.#counting(one => one.paid, undefined, t))
    const tip = of(
      this.#counting(
        one => one.tip,
        one => one.known ?? Infinity,
        t,
      ),
    )
    const poor = of(
      this.#counting(
        one => ((one.tip ?? 0) <= 0 ? 1 : null),
        one => one.known ?? Infinity,
        t,
        one => one.tip !== null,
      ),
    )
    const values = (list: Ride[], pick: 'paid' | 'tip') => list.map(one => one[pick] as number)
    const sum = (list: readonly number[]) => Number(list.reduce((total, x) => total + BigInt(x * 1024), 0n)) / 1024
    const newest = Math.max(...all.map(one => one.at))
    const isAged = all.length === 0 || t - newest > 12 * hour
    const latest = within(paid, 12)
    const youngest = Math.max(...latest.map(one => one.at))
    const least = values(within(tip, 5), 'tip')
    const most = values(within(paid, 4), 'paid')
    const mean = values(within(tip, 2), 'tip')
    const last = latest.filter(one => one.at === youngest)
    const six = within(paid, 6).toSorted((a, b) => a.at - b.at)
    const numbers = values(six, 'paid')
    const often = (x: number): number => numbers.filter(one => one === x).length
    const tips = values(within(tip, 6), 'tip').sort((a, b) => a - b)
    const middle = (tips.length - 1) / 2
    const half = ((tips[Math.floor(middle)] as number) + (tips[Math.ceil(middle)] as number)) / 2
    const id =
      within(all, 6)
        .toSorted((a, b) => a.at - b.at)
        .at(-1)?.id ?? null
    // Pieces of two hours are counted from a midnight
    const end = Math.floor(t / (2 * hour)) * 2 * hour
    return {
      aged: isAged
        ? [null, null, null, null]
        : [
            within(all, 3).length,
            sum(values(within(paid, 6), 'paid')),
            // Among rides of one moment the order of arrival decides; these have one value
            last[0]?.paid ?? null,
            sum(values(within(tip, 6), 'tip')),
          ],
      varied: [
        new Set(numbers).size,
        deviation(numbers),
        numbers.at(-2) ?? null,
        id,
        numbers.toSorted((a, b) => often(b) - often(a) || a - b)[0] ?? null,
        tips.length > 0 ? half : null,
        within(tip, 6).filter(one => (one.tip as number) > 0).length,
        within(poor, 6).length,
        all.filter(one => one.at >= end - 2 * hour && one.at < end).length,
        id ?? 'none',
      ],
      ageless: [
        within(all, 6).length,
        most.length > 0 ? Math.max(...most) : null,
        least.length > 0 ? Math.min(...least) : null,
        mean.length > 0 ? sum(mean) / mean.length : null,
      ],
    }
  }
}

/** Of numbers that are whole in units of 1/1024. */
function deviation(list: readonly number[]): number | null {
  const n = BigInt(list.length)
  const whole = list.map(x => BigInt(x * 1024))
  const sum = whole.reduce((a, b) => a + b, 0n)
  const squares = whole.reduce((a, b) => a + b * b, 0n)
  return n < 2n ? null : Math.sqrt(Number(n * squares - sum * sum) / Number(n * (n - 1n))) / 1024
}

let engine: DataEngine
let root: string
beforeAll(async () => {
  engine = await openDuckdb()
  root = mkdtempSync(join(tmpdir(), 'millrace-schedules-'))
})
afterAll(async () => {
  await engine.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

const same = (a: Value | undefined, b: Value | undefined): boolean => {
  if (typeof a !== 'number' || typeof b !== 'number') return (a ?? null) === (b ?? null)
  return Object.is(Math.fround(a) + 0, Math.fround(b) + 0)
}

async function snapshotOf(list: readonly Ride[]): Promise<string> {
  const column = (name: keyof Ride, type: 'text' | 'timestamp' | 'float') =>
    columnOfValues(
      name,
      type,
      list.map(one => one[name]),
    )
  const relation = await engine.load('rides_by_file', [
    column('id', 'text'),
    column('who', 'text'),
    column('at', 'timestamp'),
    column('paid', 'float'),
    column('tip', 'float'),
    column('known', 'timestamp'),
    columnOfValues(
      'millrace_seq',
      'int',
      list.map((_, i) => i),
    ),
  ])
  return `SELECT * FROM ${relation.sql}`
}

/** Many small worlds side by side in one dataset: their rows and people have nothing in common. */
async function live(seed: number, worlds: number, steps: number): Promise<void> {
  const random = seeded(seed)
  const any = <T>(list: readonly T[]): T => list[random.below(list.length)] as T
  const clock = manualClock(start)
  const folder = mkdtempSync(join(root, 'world-'))
  const store = memoryOnlineStore()
  const oracles = Array.from({ length: worlds }, () => new Oracle())
  const of = (id: string): Oracle => oracles[Number.parseInt(id.slice(1), 10)] as Oracle
  const moment = (): number => start + random.below(60) * unit + any([0, 1, -1, unit / 2])
  const paid = (): number | null => any([null, 0, 1.5, -2, 0.25, 2 ** 70, -(2 ** 70), 3 + 2 ** -10])
  const ride = (world: number, id: string): Ride => {
    const at = moment()
    const number = Number(id.split('#')[1])
    // Those from 6 on go from one person to another, and have no value that is told late
    const moves = number >= 6
    return {
      id,
      who: `w${world}/${moves ? any(['a', 'b']) : ['a', 'b'][number % 2]}`,
      // No two rides of a world at one moment: which came last is then the order of arrival, which `online.test.ts` has
      at: at + number * 7,
      paid: paid(),
      tip: any([null, 1, 2.5, -0.5]),
      known: any([null, at, at + unit, at + 5 * unit, at - unit]),
    }
  }
  const files: Ride[] = []
  for (let world = 0; world < worlds; world++)
    for (let i = 0; i < random.below(4); i++) files.push(ride(world, `w${world}#${i}`))
  for (const one of files) of(one.id).byFile(one)
  const ofFile = new Map(files.map(one => [one.id, one]))
  const snapshot = await snapshotOf(files)

  let views: OnlineView[] = []
  let fails = false
  let logs = undefined as unknown as DatasetLogs
  const until = start + 100 * unit
  const restart = async (): Promise<void> => {
    views = plans.map(plan => new OnlineView(plan, store))
    logs = new DatasetLogs(
      { folder, clock },
      async (_, versions) => {
        for (const view of views) {
          await view.push(versions, until)
          if (fails) throw new Error('the process is killed')
        }
      },
      async (_, key) => ofFile.get(String(key['id'])) as Row | undefined,
    )
    for await (const version of logs.after(rides, 0)) for (const view of views) await view.push([version], until)
  }
  await restart()
  const rowsNow = async (): Promise<{ rows: DatasetRows; seq: number; drop: () => Promise<void> }> => {
    const log = await loadLog({ folder }, engine, rides)
    return {
      rows: await withLog(engine, rides, snapshot, log?.sql),
      seq: log?.seq ?? 0,
      drop: async () => log?.drop(),
    }
  }
  const fill = async (): Promise<void> => {
    const { rows, seq, drop } = await rowsNow()
    for (const plan of plans) await materialise(engine, plan, rows, until, store, { seq })
    await drop()
  }
  await fill()

  const check = async (): Promise<void> => {
    const { rows, drop } = await rowsNow()
    const asked = Array.from({ length: worlds * 3 }, (_, i) => ({
      who: `w${i % worlds}/${any(['a', 'b', 'nobody'])}`,
      at: moment() + random.below(30) * unit,
    }))
    const labels = await engine.load('asked', [
      columnOfValues(
        'who',
        'text',
        asked.map(one => one.who),
      ),
      columnOfValues(
        'millrace_ordinal',
        'int',
        asked.map((_, i) => i),
      ),
      columnOfValues(
        'millrace_at',
        'float',
        asked.map(one => one.at),
      ),
    ])
    for (const [v, plan] of plans.entries()) {
      const offline = await offlineFeatures(engine, plan, rows, `SELECT * FROM ${labels.sql}`, asked.length, {
        // Joined or swept, it is one and the same
        maxMomentsTogether: any([0, 2, 64]),
        maxLooks: any([0, 8]),
        sweepsWhereCheaper: any([true, false]),
      })
      const windows = await (views[v] as OnlineView).load(asked.map(one => keyIn(plan, () => one.who)))
      const out = new Float64Array(plan.features.length)
      const texts: (string | null)[] = []
      asked.forEach((one, i) => {
        const wanted = of(one.who).features(one.who, one.at)[plan.view.name] ?? []
        const status = (views[v] as OnlineView).compute(windows[i], one.at, out, 0, texts)
        plan.features.forEach(({ name, spec }, f) => {
          const column = offline.get(`${plan.view.name}.${name}`)
          const found = column?.[i] ?? null
          const trained = column instanceof Float64Array ? featureValue(spec, found as number, null) : found
          const served = featureValue(spec, out[f] as number, texts[f])
          const said = `seed ${seed}: ${plan.view.name}.${name} of ${one.who} at ${one.at - start} (${of(one.who).versionsOf(one.who)})`
          if (!same(wanted[f], trained)) throw new Error(`${said}: offline ${trained}, should be ${wanted[f]}`)
          if (status !== 'uncovered' && !same(wanted[f], served))
            throw new Error(`${said}: online ${String(served)} (${status}), should be ${wanted[f]}`)
        })
      })
    }
    await drop()
  }

  const sent: { readonly pushed: PushedRows; readonly tell: () => void }[] = []
  for (let step = 0; step < steps; step++) {
    // A clock may be set back
    clock.set(moment() + random.below(40) * unit)
    const arrived = clock.now()
    const requests = Array.from({ length: worlds }, (_, world) => {
      const rows: Ride[] = []
      const gone: Row[] = []
      const known = any([undefined, undefined, undefined, moment()])
      for (let i = 0; i <= random.below(3); i++) {
        const id = `w${world}#${random.below(9)}`
        if (rows.some(one => one.id === id)) continue
        const before = of(id).newest(id)
        const file = ofFile.get(id)
        const made = ride(world, id)
        const kind = random.below(6)
        if (kind === 0 && before) gone.push({ id })
        else if (kind === 1 && before) rows.push({ ...before, tip: made.tip, known: made.known })
        else if (kind === 2 && before) rows.push(before)
        // A row that came by file stays with its person: only files know whose it was
        else rows.push(file ? { ...made, who: file.who } : made)
      }
      const pushed: PushedRows = {
        rows: rows as unknown as Row[],
        gone: gone.filter(({ id }) => !rows.some(one => one.id === id)),
        ...(known === undefined ? {} : { known }),
        ...(random.below(2) === 0 ? { id: `r${step}-${world}` } : {}),
      }
      const tell = (): void => {
        for (const one of rows) of(one.id).push(one, arrived, known)
        for (const { id } of pushed.gone ?? []) {
          const now = of(String(id)).newest(String(id))
          if (now) of(now.id).push(now, arrived, known, true)
        }
      }
      return { pushed, tell }
    })
    fails = random.below(5) === 0
    const told = await Promise.allSettled(requests.map(({ pushed }) => logs.push(rides, pushed)))
    // What was not acknowledged is sent again, perhaps to the process that takes its place
    const isKilled = fails
    fails = false
    if (isKilled && random.below(2) === 0) await restart()
    for (const [i, one] of told.entries())
      if (one.status === 'rejected') await logs.push(rides, requests[i]?.pushed as PushedRows)
    for (const { tell } of requests) tell()
    sent.push(...requests)
    const named = sent.filter(({ pushed }) => pushed.id !== undefined)
    if (named.length > 0 && random.below(3) === 0) await logs.push(rides, any(named).pushed)
    const what = random.below(6)
    if (what === 0) await restart()
    if (what === 1) await fill()
    if (step % 4 === 3) await check()
  }
  await logs.close()
}

it('is served and trained on as plain rules say, whatever comes in whatever order', { timeout: 120_000 }, async () => {
  const runs = Math.max(1, times)
  const first = Number(process.env.MILLRACE_FUZZ_SEED ?? 1)
  for (let run = 0; run < runs; run++) await live(first + run, 40, 12)
  expect(runs).toBeGreaterThan(0)
})
