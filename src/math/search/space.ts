import { type SeededRandom, seeded } from '../random/seeded.ts'

export type ParameterValue = string | number | boolean

/** One thing that may be chosen. Ends are included; `log` spreads trials evenly over the orders of magnitude. */
export type Parameter =
  | { readonly kind: 'number'; readonly from: number; readonly to: number; readonly scale?: 'linear' | 'log' }
  | { readonly kind: 'whole'; readonly from: number; readonly to: number; readonly scale?: 'linear' | 'log' }
  | { readonly kind: 'choice'; readonly values: readonly ParameterValue[] }

export type Space = Readonly<Record<string, Parameter>>
export type Parameters = Readonly<Record<string, ParameterValue>>

/** What was proposed before, in the order of the proposals. */
export interface Trial {
  readonly parameters: Parameters
  /** Loss, the less the better; null for a trial that failed or gave no number; absent while it runs. */
  readonly loss?: number | null
  /** Share of the full effort it was given, 1 when absent. */
  readonly budget?: number
}

export interface Proposal {
  readonly parameters: Parameters
  /** Share of the full effort it is to be given. */
  readonly budget: number
}

/** Throws RangeError, naming the parameter, for a space that nothing can be drawn from. */
export function checkSpace(space: Space): void {
  const names = Object.keys(space)
  if (names.length === 0) throw new RangeError('the space has no parameter')
  for (const name of names) {
    const parameter = space[name] as Parameter
    if (parameter.kind === 'choice') {
      if (parameter.values.length === 0) throw new RangeError(`'${name}' has no values`)
      if (new Set(parameter.values).size !== parameter.values.length)
        throw new RangeError(`'${name}' has a value twice`)
      continue
    }
    const { kind, from, to, scale } = parameter
    if (!(Number.isFinite(from) && Number.isFinite(to) && from <= to))
      throw new RangeError(`'${name}' must range from a number to one that is no less`)
    if (kind === 'whole' && !(Number.isSafeInteger(from) && Number.isSafeInteger(to)))
      throw new RangeError(`'${name}' must range between whole numbers`)
    if (scale === 'log' && !(from > 0)) throw new RangeError(`'${name}' must be above 0 to be spread over magnitudes`)
  }
}

/** The value at a place from 0 to 1. */
export function valueAt(parameter: Parameter, place: number): ParameterValue {
  if (parameter.kind === 'choice') {
    const { values } = parameter
    return values[Math.min(values.length - 1, Math.floor(place * values.length))] as ParameterValue
  }
  const { kind, from, to, scale } = parameter
  // Whole numbers own a place of equal width each; on a log scale one that ends half way to the next
  const [low, high] = kind === 'whole' ? [from - 0.5, to + 0.5] : [from, to]
  const value =
    scale === 'log' ? Math.exp(Math.log(low) + place * (Math.log(high) - Math.log(low))) : low + place * (high - low)
  const bounded = Math.min(Math.max(kind === 'whole' ? Math.round(value) : value, from), to)
  return bounded === 0 ? 0 : bounded
}

/** Where a value is, from 0 to 1; of a choice the middle of its part. */
export function placeOf(parameter: Parameter, value: ParameterValue): number {
  if (parameter.kind === 'choice') return (parameter.values.indexOf(value) + 0.5) / parameter.values.length
  const { kind, from, to, scale } = parameter
  const [low, high] = kind === 'whole' ? [from - 0.5, to + 0.5] : [from, to]
  if (!(high > low)) return 0.5
  const at = Number(value)
  const place = scale === 'log' ? Math.log(at / low) / Math.log(high / low) : (at - low) / (high - low)
  return Math.min(Math.max(place, 0), 1)
}

/** Number of values; infinite for a number that ranges. */
export function sizeOf(parameter: Parameter): number {
  if (parameter.kind === 'choice') return parameter.values.length
  const { kind, from, to } = parameter
  return kind === 'whole' ? to - from + 1 : from === to ? 1 : Infinity
}

/** Equal for equal parameters, whatever their order. */
export function keyOf(parameters: Parameters): string {
  return JSON.stringify(Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Numbers that depend on the seed and on how much was proposed before, and on nothing else. */
export function randomAt(seed: number, trials: number): SeededRandom {
  return seeded((Math.imul(seed | 0, 0x85ebca6b) ^ Math.imul(trials + 1, 0x9e3779b9)) >>> 0)
}

export function drawFrom(space: Space, random: SeededRandom): Parameters {
  return Object.fromEntries(Object.entries(space).map(([name, parameter]) => [name, valueAt(parameter, random.next())]))
}

const tries = 200
/** Spaces up to this size are counted out when drawing finds nothing new. */
const maxCounted = 100_000

/**
 * The first of many draws that was not tried before. Where draws keep hitting what was, any of the rest; undefined when
 * everything was tried.
 */
export function drawNew(
  space: Space,
  tried: ReadonlySet<string>,
  random: SeededRandom,
  draw: () => Parameters = () => drawFrom(space, random),
): Parameters | undefined {
  for (let at = 0; at < tries; at++) {
    const parameters = draw()
    if (!tried.has(keyOf(parameters))) return parameters
  }
  const size = Object.values(space).reduce((product, parameter) => product * sizeOf(parameter), 1)
  if (!(size <= maxCounted)) return undefined
  const rest = [...combinations(space, Infinity)].filter(parameters => !tried.has(keyOf(parameters)))
  return rest[random.below(rest.length)]
}

/** Every combination, of ranging numbers so many evenly spread values; the last parameter changes fastest. */
export function* combinations(space: Space, points: number): Generator<Parameters> {
  const names = Object.keys(space)
  const lists = names.map(name => valuesOf(space[name] as Parameter, points))
  const places = names.map(() => 0)
  for (;;) {
    yield Object.fromEntries(names.map((name, at) => [name, lists[at]?.[places[at] as number] as ParameterValue]))
    let at = names.length - 1
    while (at >= 0 && (places[at] as number) + 1 === lists[at]?.length) places[at--] = 0
    if (at < 0) return
    places[at] = (places[at] as number) + 1
  }
}

function valuesOf(parameter: Parameter, points: number): ParameterValue[] {
  if (parameter.kind === 'choice') return [...parameter.values]
  const count = Math.min(points, sizeOf(parameter))
  const { kind, from, to, scale } = parameter
  if (kind === 'whole' && count === sizeOf(parameter)) return Array.from({ length: count }, (_, at) => from + at)
  if (count === 1) return [from]
  const values = Array.from({ length: count }, (_, at) => {
    const share = at / (count - 1)
    const value = at === count - 1 ? to : scale === 'log' ? from * (to / from) ** share : from + share * (to - from)
    return kind === 'whole' ? Math.round(value) : value
  })
  return [...new Set(values)]
}
