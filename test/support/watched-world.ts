import { type SeededRandom, seeded } from '../../src/math/random/seeded.ts'
import { advanceMonitor, type MonitorTransition, startMonitor } from '../../src/stages/watch/monitor/advance.ts'
import { buildProfile } from '../../src/stages/windows/build-profile.ts'
import { createWindow } from '../../src/stages/windows/window.ts'
import { evaluateWindow } from '../../src/stages/watch/evaluate.ts'
import type { Profile } from '../../src/stages/windows/profile.ts'
import type { Sensitivity } from '../../src/stages/watch/evaluate.ts'

export const day = 86_400_000_000
/** A Thursday, like day 0 of the calendar of windows. */
const firstDay = 20_000

/** What days differ by although nothing changes. */
export interface World {
  /** Standard deviation of the weekday's offset, and of what wanders from day to day with correlation `wander`. */
  readonly weekly?: number
  readonly noise?: number
  readonly wander?: number
}

/** A change from one day to the next. */
export interface WorldChange {
  /** Added to column `n1`, in standard deviations. */
  readonly shift?: number
  /** Points of share that pass from the first to the second category of `city` (40 % and 10 %). */
  readonly share?: number
  /** Points of `n2`'s rows that are missing besides those of the baseline (`nulls` percent). */
  readonly nulls?: number
  /** Factor of `km`, a log-normal column. */
  readonly unit?: number
}

export interface Setting {
  readonly world: World
  readonly seed: number
  readonly change?: WorldChange
  readonly trainingDays?: number
  readonly rows?: number
  readonly sensitivity?: Sensitivity
  readonly falseAlarms?: '30d' | '7d'
  /** Percent of `n2` that is missing in the baseline; 5. */
  readonly nulls?: number
}

const numbers = ['n1', 'n2', 'n3', 'n4', 'n5', 'km', 'count', 'flag'] as const
const cities = [0.4, 0.1, 0.2, 0.2, 0.1] as const
const kinds = Array.from({ length: 30 }, (_, i) => 1 / (i + 1))
const kindTotal = kinds.reduce((sum, x) => sum + x, 0)

function pick(random: SeededRandom, weights: readonly number[], total: number): number {
  let left = random.next() * total
  for (let i = 0; i < weights.length; i++) if ((left -= weights[i] as number) < 0) return i
  return weights.length - 1
}

interface Rows {
  readonly features: Float32Array
  readonly categories: string[]
  readonly scores: Float32Array
}

/** Days of traffic, one after another. Each column has its own weekdays and wandering; the first ones move the score. */
export class Traffic {
  readonly #random: SeededRandom
  readonly #world: World
  readonly #weekday: number[][]
  readonly #state: number[]

  constructor(world: World, seed: number) {
    this.#random = seeded(seed)
    this.#world = world
    const random = this.#random
    this.#weekday = numbers.map(() => {
      const own = Array.from({ length: 7 }, () => random.normal())
      const mean = own.reduce((sum, x) => sum + x / 7, 0)
      const spread = Math.sqrt(own.reduce((sum, x) => sum + (x - mean) ** 2 / 7, 0))
      return own.map(x => ((x - mean) / spread) * (world.weekly ?? 0))
    })
    this.#state = numbers.map(() => random.normal())
  }

  next(index: number, rows: number, change: WorldChange = {}, nulls = 5): Rows {
    const random = this.#random
    const { noise = 0, wander = 0 } = this.#world
    const offset = numbers.map((_, c) => {
      const state = wander * (this.#state[c] as number) + Math.sqrt(1 - wander ** 2) * random.normal()
      this.#state[c] = state
      return ((this.#weekday[c] as number[])[index % 7] as number) + noise * state
    })
    const made: Rows = {
      features: new Float32Array(rows * numbers.length),
      categories: [],
      scores: new Float32Array(rows),
    }
    const moved = (change.share ?? 0) / 100
    const shares = cities.map((share, i) => (i === 0 ? share - moved : i === 1 ? share + moved : share))
    for (let row = 0; row < rows; row++) {
      const x = offset.map(own => own + random.normal())
      x[0] = (x[0] as number) + (change.shift ?? 0)
      const missing = random.next() < (nulls + (change.nulls ?? 0)) / 100
      const values = [
        x[0] as number,
        missing ? Number.NaN : (x[1] as number),
        x[2] as number,
        (x[3] as number) * 40 + 300,
        -Math.log(1 - random.next()) * Math.exp(0.3 * (offset[4] as number)),
        Math.exp((x[5] as number) * 0.6 + 5) * (change.unit ?? 1),
        Math.max(0, Math.min(6, Math.round(3 + 1.5 * (x[6] as number)))),
        random.next() < 0.1 ? 1 : 0,
      ]
      made.features.set(values, row * numbers.length)
      const city = pick(random, shares, 1)
      made.categories.push(`city ${city}`, `kind ${pick(random, kinds, kindTotal)}`)
      const raw = 0.8 * (x[0] as number) + 0.5 * (x[2] as number) + (city === 0 ? 0.4 : 0)
      made.scores[row] = 1 / (1 + Math.exp(-raw - 0.5 * random.normal()))
    }
    return made
  }
}

function profileOf(days: readonly Rows[], rows: number): Profile {
  const total = days.length * rows
  const scores = new Float32Array(total)
  const at = new Float64Array(total)
  const features = numbers.map(() => new Float32Array(total))
  const texts: string[][] = [[], []]
  days.forEach((one, d) => {
    for (let row = 0; row < rows; row++) {
      const i = d * rows + row
      at[i] = (firstDay + d + row / rows) * day
      scores[i] = one.scores[row] as number
      for (let c = 0; c < numbers.length; c++)
        (features[c] as Float32Array)[i] = one.features[row * numbers.length + c] as number
      texts[0]?.push(one.categories[row * 2] as string)
      texts[1]?.push(one.categories[row * 2 + 1] as string)
    }
  })
  const importance = 1 / (numbers.length + 2)
  return buildProfile({
    columns: [
      ...numbers.map((name, c) => ({ name, kind: 'number' as const, values: features[c] as Float32Array, importance })),
      { name: 'city', kind: 'text', values: texts[0] as string[], importance },
      { name: 'kind', kind: 'text', values: texts[1] as string[], importance },
    ],
    scores,
    at,
    naturalWindow: '1d',
  })
}

/** A deployment in such a world, day after day, through the windows that serving fills. */
export function* watched(setting: Setting): Generator<MonitorTransition, never> {
  const { world, seed, change, trainingDays = 28, rows = 1_000, sensitivity = 'normal', falseAlarms = '30d' } = setting
  const traffic = new Traffic(world, seed)
  const training = Array.from({ length: trainingDays }, (_, d) =>
    traffic.next(firstDay + d, rows, undefined, setting.nulls),
  )
  const profile = profileOf(training, rows)
  let state = startMonitor('watch')
  for (let d = trainingDays; ; d++) {
    const made = traffic.next(firstDay + d, rows, change, setting.nulls)
    const window = createWindow(profile)
    window.addBatch({ rows, ...made }, made.scores)
    const from = (firstDay + d) * day
    const to = from + day
    const options = { sensitivity, falseAlarms, testsPerDay: 1, subject: 'api', at: to, from, to } as const
    const advanced = advanceMonitor(state, evaluateWindow(profile, window, options), to)
    // the state lives in a store between windows
    state = JSON.parse(JSON.stringify(advanced.state)) as typeof state
    yield advanced
  }
}

/** Windows until the alert fires, or undefined when it does not within `most`. */
export function windowsToAlert(setting: Setting, most: number): { windows: number; summary: string } | undefined {
  let windows = 0
  for (const { alerts } of watched(setting)) {
    windows++
    const fired = alerts.find(one => one.state === 'firing')
    if (fired) return { windows, summary: fired.summary }
    if (windows === most) return undefined
  }
  return undefined
}
