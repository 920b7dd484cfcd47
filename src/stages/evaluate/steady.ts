import type { CheckResult } from '../../define/report.ts'
import type { LabelledScores } from '../../math/metrics/catalogue.ts'
import { scoreDistance, scoreScale } from '../../math/metrics/score-distance.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { Clock } from '../../ports/clock.ts'
import { batchOf, type FrameRows, type Subject } from './subject.ts'

/** Most rows that are scored again, and in another order. */
const maxAgain = 20_000
/** Most rows that are scored alone, and fewest however slow that is. */
const maxAlone = 2_000
const fewestAlone = 64
/** Longest that scoring rows alone takes, in milliseconds, once those are done. */
const maxTime = 3_000
/** Rows of the batches of the other order, in turn. */
const batches = [64, 7, 128, 33, 2]
/** The same batch gives the same sums; in another company their order may be another. */
const tolerances = { again: 1e-6, company: 1e-5 }
const maxShown = 5

type Way = 'again' | 'in another order' | 'alone'

/**
 * Equal answers again, in another order and company, and alone: of rows enough that a model which answers one in five hundred
 * otherwise is found. `judged` has the scores of all rows in their order.
 */
export async function steady(
  name: string,
  { task, scores, outputs }: LabelledScores,
  subject: Subject,
  frame: FrameRows,
  { seed, clock }: { readonly seed: number; readonly clock: Clock },
): Promise<CheckResult> {
  const random = seeded(seed)
  const scale = scoreScale(task, scores)
  const found = new Map<number, { readonly way: Way; readonly score: number; readonly other: number }>()
  const ways: Record<Way, number> = { again: 0, 'in another order': 0, alone: 0 }
  const evaluated: Record<Way, number> = { again: 0, 'in another order': 0, alone: 0 }
  const compare = async (way: Way, rows: Int32Array, tolerance: number): Promise<void> => {
    const others = (await subject.loaded.run(batchOf(subject.inputs, frame.inputs, rows))).scores
    evaluated[way] += rows.length
    rows.forEach((row, at) => {
      for (let k = 0; k < outputs; k++) {
        const [score, other] = [scores[row * outputs + k] as number, others[at * outputs + k] as number]
        if (scoreDistance(other, score, scale) <= tolerance) continue
        if (!found.has(row)) found.set(row, { way, score, other })
        ways[way]++
        return
      }
    })
  }
  const block = 4096
  const again = Math.min(maxAgain, frame.rows)
  for (let from = 0; from < again; from += block)
    await compare('again', range(from, Math.min(block, frame.rows - from)), tolerances.again)
  const mixed = shuffled(frame.rows, bound => random.below(bound)).subarray(0, maxAgain)
  for (let from = 0, turn = 0; from < mixed.length; turn++) {
    const rows = mixed.subarray(from, from + (batches[turn % batches.length] as number))
    await compare('in another order', rows, tolerances.company)
    from += rows.length
  }
  const since = clock.elapsed()
  const alone = shuffled(frame.rows, bound => random.below(bound)).subarray(0, maxAlone)
  for (const [at, row] of alone.entries()) {
    if (at >= fewestAlone && clock.elapsed() - since > maxTime) break
    await compare('alone', Int32Array.of(row), tolerances.company)
  }
  const bad = found.size
  const said = Object.entries(ways).flatMap(([way, rows]) =>
    rows > 0 ? [`${rows} of ${evaluated[way as Way]} ${way}`] : [],
  )
  return {
    id: 'steady',
    kind: 'batchConsistent',
    target: { model: name },
    severity: 'critical',
    status: bad === 0 ? 'pass' : 'fail',
    observed: { bad, again: ways.again, reordered: ways['in another order'], alone: ways.alone },
    evaluated: evaluated.again,
    bad,
    threshold: 'the same score again, in another order and batch, and alone',
    message:
      bad === 0
        ? `${evaluated.again} rows score the same again and in another order, ${evaluated.alone} of them alone`
        : `rows score differently: ${said.join(', ')}`,
    ...(bad === 0
      ? {}
      : {
          sample: [...found].slice(0, maxShown).map(([row, { way, score, other }]) => ({
            row,
            ...Object.fromEntries(
              subject.inputs.map((input, i) => [input.name, shown(frame.inputs[i]?.[row])] as const).slice(0, 20),
            ),
            score,
            [way]: other,
          })),
        }),
  }
}

/** Missing numbers have no JSON form. */
const shown = (value: number | string | undefined): number | string | null =>
  value === undefined || Number.isNaN(value) ? null : value

const range = (from: number, length: number): Int32Array => Int32Array.from({ length }, (_, at) => from + at)

function shuffled(length: number, below: (bound: number) => number): Int32Array {
  const order = range(0, length)
  for (let at = length - 1; at > 0; at--) {
    const other = below(at + 1)
    const kept = order[at] as number
    order[at] = order[other] as number
    order[other] = kept
  }
  return order
}
