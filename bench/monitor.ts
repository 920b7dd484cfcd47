// Cost of watching one row (claim: at most 10 µs at 50 features), and what the drift test says of six months of real flights
// against a fixed PSI threshold and against the same test without natural variation.
import { DuckDBInstance } from '@duckdb/node-api'
import { seeded } from '../src/math/random/seeded.ts'
import { buildProfile, type ProfileColumn } from '../src/stages/windows/build-profile.ts'
import { evaluateWindow } from '../src/stages/watch/evaluate.ts'
import type { ColumnProfile, NumberProfile, Profile } from '../src/stages/windows/profile.ts'
import { createWindow } from '../src/stages/windows/window.ts'

function cost(): void {
  const random = seeded(1)
  const width = 50
  const rows = 20_000
  const features = Float32Array.from({ length: rows * width }, () => 100 + 15 * random.normal())
  const scores = Float32Array.from({ length: rows }, () => random.next())
  const columns: ProfileColumn[] = Array.from({ length: width }, (_, c) => ({
    name: `f${c}`,
    kind: 'number',
    values: Float32Array.from({ length: rows }, (_, row) => features[row * width + c] as number),
  }))
  const window = createWindow(buildProfile({ columns, scores }))
  for (let round = 0; round < 2; round++) {
    const start = process.cpuUsage().user
    for (let pass = 0; pass < 5; pass++)
      for (let row = 0; row < rows; row++) window.add(features, row * width, undefined, scores[row] as number)
    const micros = (process.cpuUsage().user - start) / (5 * rows)
    if (round === 1) console.log(`watch one row of 50 numbers and a score: ${micros.toFixed(2)} µs CPU`)
  }
  const start = performance.now()
  evaluateWindow(window.profile, window, {
    sensitivity: 'normal',
    falseAlarms: '30d',
    testsPerDay: 1,
    subject: 'bench',
    at: 0,
  })
  console.log(`evaluate it: ${(performance.now() - start).toFixed(1)} ms`)
}

interface Flights {
  at: Float64Array
  hour: Float32Array
  distance: Float32Array
  recent: Float32Array
  late: Float32Array
  origin: string[]
}

async function flights(): Promise<Flights> {
  const file = 'node_modules/vega-datasets/data/flights-3m.parquet'
  const connection = await (await DuckDBInstance.create()).connect()
  const result = await connection.runAndReadAll(`
    with f as (select date, origin, distance, delay > 15 as late, date_trunc('hour', date) as h
               from read_parquet('${file}') where date < '2001-07-01' and delay between -120 and 1440 using sample 20 percent (bernoulli, 1)),
    g as (select origin, h, count(*) as n, sum(late::int) as l from f group by all),
    r as (select origin, h, sum(n) over w as n, sum(l) over w as l from g
          window w as (partition by origin order by h range between interval 24 hours preceding and interval 3 hours preceding))
    select epoch_us(date)::double, hour(date)::float, distance::float, (r.l / r.n)::float, late::float, f.origin
    from f join r using (origin, h) order by date`)
  const columns = result.getColumns()
  const numbers = (i: number): number[] => (columns[i] ?? []).map(x => (x === null ? Number.NaN : Number(x)))
  return {
    at: Float64Array.from(numbers(0)),
    hour: Float32Array.from(numbers(1)),
    distance: Float32Array.from(numbers(2)),
    recent: Float32Array.from(numbers(3)),
    late: Float32Array.from(numbers(4)),
    origin: (columns[5] ?? []).map(String),
  }
}

function pick(f: Flights, keep: (at: number) => boolean): Flights {
  const rows: number[] = []
  for (let i = 0; i < f.at.length; i++) if (keep(f.at[i] as number)) rows.push(i)
  const of = (x: Float32Array): Float32Array => Float32Array.from(rows, i => x[i] as number)
  return {
    at: Float64Array.from(rows, i => f.at[i] as number),
    hour: of(f.hour),
    distance: of(f.distance),
    recent: of(f.recent),
    late: of(f.late),
    origin: rows.map(i => f.origin[i] as string),
  }
}

function profileOf(f: Flights, naturalWindow: '1d' | '7d'): Profile {
  return buildProfile({
    columns: [
      { name: 'hour', kind: 'number', values: f.hour },
      { name: 'distance', kind: 'number', values: f.distance },
      { name: 'origin', kind: 'text', values: f.origin },
    ],
    // the share of late departures of the day before stands for the model's score: it is what the model goes by
    scores: f.recent,
    at: f.at,
    labels: f.late,
    naturalWindow,
  })
}

function without(profile: Profile): Profile {
  const strip = <C extends ColumnProfile>(column: C): C => ({ ...column, variation: [] })
  return { ...profile, columns: profile.columns.map(strip), score: strip<NumberProfile>(profile.score) }
}

function verdicts(profile: Profile, f: Flights, label: string, from: number, to: number): [boolean, boolean, boolean] {
  const fill = (p: Profile) => {
    const window = createWindow(p)
    for (let i = 0; i < f.at.length; i++)
      window.add(
        Float32Array.of(f.hour[i] as number, f.distance[i] as number),
        0,
        [f.origin[i] as string],
        f.recent[i] as number,
      )
    return evaluateWindow(p, window, {
      sensitivity: 'normal',
      falseAlarms: '30d',
      testsPerDay: 1,
      subject: 'flights',
      at: to,
      from,
      to,
    })
  }
  const ours = fill(profile)
  const plain = fill(without(profile))
  if (label)
    console.log(
      `${label}  ${ours.verdict.padEnd(5)} (without natural variation ${plain.verdict.padEnd(5)})  ` +
        ours.columns.map(c => `${c.name} PSI ${c.psi.toFixed(3)} ${c.change?.text} ${c.verdict}`).join(', '),
    )
  return [ours.verdict === 'drift', plain.verdict === 'drift', ours.columns.some(c => c.psi > 0.1)]
}

cost()
const day = 86_400e6
const first = Date.UTC(2001, 0, 1) * 1000
const all = await flights()
for (const [length, span] of [
  ['7d', 7],
  ['1d', 1],
] as const) {
  const train = 75
  const training = pick(all, at => at < first + train * day)
  const profile = profileOf(training, length)
  console.log(`\nwindows of ${length}: ${training.at.length} training rows`)
  type Row = [number, number, number, number]
  const tally: { held: Row; later: Row } = { held: [0, 0, 0, 0], later: [0, 0, 0, 0] }
  // false alarms: each training window against a baseline of the other ones, which holds no drift but the natural
  for (let from = 0; from + span <= train; from += span * (span === 1 ? 5 : 1)) {
    const inside = (at: number): boolean => at >= first + from * day && at < first + (from + span) * day
    const result = verdicts(
      profileOf(
        pick(training, at => !inside(at)),
        length,
      ),
      pick(training, inside),
      '',
      first + from * day,
      first + (from + span) * day,
    )
    tally.held[0]++
    for (const [i, alarm] of result.entries()) if (alarm) tally.held[(i + 1) as 1 | 2 | 3]++
  }
  for (let from = train; from + span <= 181; from += span) {
    const part = pick(all, at => at >= first + from * day && at < first + (from + span) * day)
    const when = new Date((first + from * day) / 1000).toISOString().slice(0, 10)
    const result = verdicts(profile, part, span === 7 ? when : '', first + from * day, first + (from + span) * day)
    tally.later[0]++
    for (const [i, alarm] of result.entries()) if (alarm) tally.later[(i + 1) as 1 | 2 | 3]++
  }
  for (const [what, [n, ours, plain, fixed]] of Object.entries(tally))
    console.log(
      `${what === 'held' ? 'training windows against the rest' : 'later windows'}: ${n}; alarms with natural variation ${ours}, without ${plain}, PSI > 0.1 ${fixed}`,
    )
}
