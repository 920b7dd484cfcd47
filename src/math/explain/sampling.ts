import { seeded } from '../random/seeded.ts'
import type { Contributions } from './contributions.ts'
import { shapleyWeight } from './forest.ts'

/** A row that is mixed: of the explained one where `known` is 1, of a background row elsewhere. */
export interface MixedRow {
  readonly background: number
  readonly known: Uint8Array
}

export interface SamplingTask {
  readonly inputs: number
  readonly outputs: number
  /** Number of background rows. */
  readonly background: number
  /** Answers of mixed rows: rows × outputs. */
  readonly answers: (rows: readonly MixedRow[]) => Promise<ArrayLike<number>>
  /** About how many answers may be asked for. */
  readonly maxAnswers: number
  readonly seed: number
}

export interface SampledContributions extends Contributions {
  /** Standard error of each value, from drawing orders; absent where all subsets were asked. */
  readonly errors?: readonly Float64Array[]
  /** Background rows that the values are about. */
  readonly background: number
}

/** Fewest background rows that stand for the rest. */
const fewestBackground = 30
/** Fewest orders that an error can be told from. */
const fewestOrders = 10
const maxOrders = 500

/**
 * Shapley values of a function of which nothing is known but its answers, where an input that is not known has the value of a
 * background row: over all subsets of the inputs where those are few enough, otherwise over random orders, each with its
 * reverse (Štrumbelj and Kononenko 2014; Mitchell et al. 2022), with the standard error that this leaves. They add up either way.
 */
export async function sampledContributions(asked: SamplingTask): Promise<SampledContributions> {
  const subsets = asked.inputs <= 20 ? 2 ** asked.inputs : Number.POSITIVE_INFINITY
  const background = Math.min(asked.background, Math.floor(asked.maxAnswers / subsets))
  return background >= Math.min(fewestBackground, asked.background)
    ? ofSubsets({ ...asked, background }, subsets)
    : ofOrders(asked)
}

async function ofSubsets(asked: SamplingTask, subsets: number): Promise<SampledContributions> {
  const { inputs, outputs, background } = asked
  const means: Float64Array[] = []
  for (let subset = 0; subset < subsets; subset++) {
    const known = Uint8Array.from({ length: inputs }, (_, at) => (subset >> at) & 1)
    const answers = await asked.answers(Array.from({ length: background }, (_, row) => ({ background: row, known })))
    const mean = new Float64Array(outputs)
    for (let at = 0; at < background * outputs; at++)
      mean[at % outputs] = (mean[at % outputs] as number) + (answers[at] as number) / background
    means.push(mean)
  }
  const values = Array.from({ length: outputs }, () => new Float64Array(inputs))
  for (let subset = 0; subset < subsets; subset++) {
    const size = sizeOf(subset)
    for (let input = 0; input < inputs; input++) {
      if ((subset >> input) & 1) continue
      const weight = shapleyWeight(size, inputs - 1 - size)
      values.forEach((own, k) => {
        const rise = (means[subset | (1 << input)]?.[k] as number) - (means[subset]?.[k] as number)
        own[input] = (own[input] as number) + weight * rise
      })
    }
  }
  return { expected: [...(means[0] ?? [])], values, background }
}

function sizeOf(subset: number): number {
  let size = 0
  for (let rest = subset; rest > 0; rest >>= 1) size += rest & 1
  return size
}

async function ofOrders(asked: SamplingTask): Promise<SampledContributions> {
  const { inputs, outputs, background, maxAnswers, seed } = asked
  const random = seeded(seed)
  const orders = Math.min(maxOrders, Math.max(fewestOrders, Math.floor(maxAnswers / (inputs + 1))))
  const pairs = Math.ceil(orders / 2)
  const sums = Array.from({ length: outputs }, () => new Float64Array(inputs))
  const squares = Array.from({ length: outputs }, () => new Float64Array(inputs))
  const expected = Array.from({ length: outputs }, () => 0)
  const begin = random.below(background)
  for (let pair = 0; pair < pairs; pair++) {
    // Evenly over the background, which comes in the order of time
    const row = (begin + Math.floor((pair * background) / pairs)) % background
    const order = shuffled(inputs, () => random.next())
    const rises = Array.from({ length: outputs }, () => new Float64Array(inputs))
    for (const way of [order, [...order].reverse()]) {
      const known = new Uint8Array(inputs)
      const mixed: MixedRow[] = [{ background: row, known: known.slice() }]
      for (const input of way) {
        known[input] = 1
        mixed.push({ background: row, known: known.slice() })
      }
      const answers = await asked.answers(mixed)
      for (let k = 0; k < outputs; k++) {
        const own = rises[k] as Float64Array
        way.forEach((input, at) => {
          const rise = (answers[(at + 1) * outputs + k] as number) - (answers[at * outputs + k] as number)
          own[input] = (own[input] as number) + rise / 2
        })
        expected[k] = (expected[k] as number) + (answers[k] as number) / (2 * pairs)
      }
    }
    rises.forEach((own, k) => {
      own.forEach((rise, input) => {
        const [sum, square] = [sums[k] as Float64Array, squares[k] as Float64Array]
        sum[input] = (sum[input] as number) + rise
        square[input] = (square[input] as number) + rise * rise
      })
    })
  }
  return {
    expected,
    values: sums.map(own => own.map(sum => sum / pairs)),
    errors: sums.map((own, k) =>
      own.map((sum, input) => {
        const spread = Math.max(0, ((squares[k] as Float64Array)[input] as number) / pairs - (sum / pairs) ** 2)
        return Math.sqrt(spread / Math.max(1, pairs - 1))
      }),
    ),
    background: Math.min(pairs, background),
  }
}

function shuffled(length: number, random: () => number): number[] {
  const order = Array.from({ length }, (_, at) => at)
  for (let at = length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    ;[order[at], order[other]] = [order[other] as number, order[at] as number]
  }
  return order
}
