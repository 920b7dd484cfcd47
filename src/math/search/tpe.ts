import type { SeededRandom } from '../random/seeded.ts'
import {
  checkSpace,
  drawNew,
  keyOf,
  type Parameter,
  type Parameters,
  placeOf,
  type Proposal,
  randomAt,
  type Space,
  type Trial,
  valueAt,
} from './space.ts'

export interface TpeOptions {
  /** Combinations at random before anything is concluded (default 10). */
  readonly startup?: number
  /** Draws of which the most promising is proposed (default 24). */
  readonly candidates?: number
}

/** Share of the trials that count as good, and how many at most. */
const goodShare = 0.15
const maxGood = 25

/**
 * Tree-structured Parzen estimator (Bergstra et al. 2011): draws where good trials are dense and the others are not. Running
 * and failed trials count as not good, so that parallel proposals keep apart. Undefined when everything was tried.
 */
export function proposeTpe(
  history: readonly Trial[],
  space: Space,
  seed = 0,
  { startup = 10, candidates = 24 }: TpeOptions = {},
): Proposal | undefined {
  checkSpace(space)
  if (!(Number.isInteger(startup) && startup >= 1)) throw new RangeError(`startup must be 1 or more, got ${startup}`)
  if (!(Number.isInteger(candidates) && candidates >= 1))
    throw new RangeError(`candidates must be 1 or more, got ${candidates}`)
  const random = randomAt(seed, history.length)
  const tried = new Set(history.map(trial => keyOf(trial.parameters)))
  const done = history
    .filter(trial => typeof trial.loss === 'number' && Number.isFinite(trial.loss))
    .sort((a, b) => (a.loss as number) - (b.loss as number))
  if (done.length < startup) {
    const parameters = drawNew(space, tried, random)
    return parameters && { parameters, budget: 1 }
  }
  const good = new Set(done.slice(0, Math.min(maxGood, Math.ceil(goodShare * done.length))))
  const names = Object.keys(space)
  const densities = names.map(name => {
    const parameter = space[name] as Parameter
    const placesOf = (trials: Iterable<Trial>): number[] =>
      Array.from(trials).flatMap(({ parameters }) =>
        Object.hasOwn(parameters, name) ? [placeOf(parameter, parameters[name] as string)] : [],
      )
    return {
      parameter,
      good: densityOf(parameter, placesOf(good)),
      rest: densityOf(parameter, placesOf(history.filter(trial => !good.has(trial)))),
    }
  })
  const draw = (): Parameters => {
    let best: Parameters = {}
    let most = -Infinity
    for (let at = 0; at < candidates; at++) {
      let promise = 0
      const places = densities.map(({ good: likely, rest }) => {
        const place = likely.draw(random)
        promise += Math.log(likely.at(place)) - Math.log(rest.at(place))
        return place
      })
      if (promise <= most) continue
      most = promise
      best = Object.fromEntries(names.map((name, i) => [name, valueAt(space[name] as Parameter, places[i] as number)]))
    }
    return best
  }
  const parameters = drawNew(space, tried, random, draw)
  return parameters && { parameters, budget: 1 }
}

interface Density {
  draw(random: SeededRandom): number
  at(place: number): number
}

function densityOf(parameter: Parameter, places: readonly number[]): Density {
  return parameter.kind === 'choice' ? shares(parameter.values.length, places) : bells(places)
}

/** How often each value was taken, and each once more. */
function shares(values: number, places: readonly number[]): Density {
  const counts = Array.from({ length: values }, () => 1)
  const which = (place: number): number => Math.min(values - 1, Math.floor(place * values))
  for (const place of places) counts[which(place)] = (counts[which(place)] as number) + 1
  const total = places.length + values
  return {
    draw(random) {
      let rest = random.next() * total
      for (let at = 0; at < values; at++) {
        rest -= counts[at] as number
        if (rest < 0) return (at + 0.5) / values
      }
      return (values - 0.5) / values
    },
    at: place => ((counts[which(place)] as number) * values) / total,
  }
}

/** A bell at each place, as wide as its farther neighbour is away, and a wide one over all. */
function bells(places: readonly number[]): Density {
  const sorted = [...places].sort((a, b) => a - b)
  const least = 1 / Math.min(100, sorted.length + 2)
  const all = [
    { centre: 0.5, width: 1 },
    ...sorted.map((centre, at) => {
      const away = Math.max(centre - (sorted[at - 1] ?? 0), (sorted[at + 1] ?? 1) - centre)
      return { centre, width: Math.min(Math.max(away, least), 1) }
    }),
  ]
  const height = ({ centre, width }: (typeof all)[number], place: number): number =>
    Math.exp(-0.5 * ((place - centre) / width) ** 2) / width
  return {
    draw(random) {
      const { centre, width } = all[random.below(all.length)] as (typeof all)[number]
      for (let turn = 0; turn < 50; turn++) {
        const place = centre + width * random.normal()
        if (place >= 0 && place <= 1) return place
      }
      return centre
    },
    at: place => all.reduce((sum, bell) => sum + height(bell, place), 0) / all.length + 1e-12,
  }
}
