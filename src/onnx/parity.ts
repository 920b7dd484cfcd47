import { scoreDistance, scoreScale } from '../math/metrics/score-distance.ts'
import { isClassification, type Task } from '../math/task.ts'
import { checkOf, type OnnxCheck } from './check.ts'

/** Rows as an inference runtime takes them, and the runtime itself, as far as parity needs them. */
export interface ParityRows {
  readonly rows: number
  readonly features: Float32Array | Float64Array
  readonly categories?: readonly string[]
}
export interface ParityRuntime {
  run(batch: ParityRows): Promise<{ readonly scores: Float32Array }>
}

export const parityTolerance = 1e-5

/**
 * Holds a runtime's scores against the trainer's: the same decision for every row (binary: by the threshold; several
 * outputs: the greatest; regression: none) and no score off by more than 1e-5, in units of what scores of the model are.
 * Converters of other frameworks compare in float32 what was learnt in float64: `foreign` lets one row of twenty be off, as
 * long as it is decided alike, and warns: what is tested and served is the file itself.
 */
export async function parity(
  task: Task,
  reference: Float32Array,
  runtime: ParityRuntime,
  batch: ParityRows,
  threshold = 0.5,
  foreign = false,
): Promise<OnnxCheck> {
  const { scores } = await runtime.run(batch)
  const outputs = reference.length / batch.rows
  const scale = scoreScale(task, reference)
  const problems: string[] = []
  let worst = 0
  let flips = 0
  let rowsOff = 0
  if (scores.length !== reference.length) {
    problems.push(`the runtime gave ${scores.length} scores where training gave ${reference.length}`)
  }
  for (let row = 0; row < batch.rows && problems.length === 0; row++) {
    const wanted = reference.subarray(row * outputs, (row + 1) * outputs)
    const got = scores.subarray(row * outputs, (row + 1) * outputs)
    let off = 0
    wanted.forEach((score, at) => {
      const difference = scoreDistance(got[at] as number, score, scale)
      off = Math.max(off, difference)
    })
    // no number stays none, whatever comes after it
    worst = Math.max(worst, off)
    if (!(off <= parityTolerance)) rowsOff++
    if (decision(task, wanted, threshold) !== decision(task, got, threshold)) flips++
  }
  if (rowsOff > 0)
    problems.push(
      `scores differ in ${rowsOff} of ${batch.rows} rows by up to ${worst}, at most ${parityTolerance} is allowed`,
    )
  if (flips > 0) problems.push(`${flips} of ${batch.rows} rows are decided differently`)
  const few = foreign && flips === 0 && Number.isFinite(worst) && rowsOff <= Math.max(1, batch.rows / 20)
  return checkOf('parity', `same decisions, scores within ${parityTolerance}`, few ? 'warning' : 'critical', {
    evaluated: batch.rows,
    problems,
    observed: { maxDifference: worst, flips, rows: rowsOff },
  })
}

function decision(task: Task, scores: Float32Array, threshold: number): number {
  if (!isClassification(task)) return 0
  if (task === 'binary') return (scores[0] as number) >= threshold ? 1 : 0
  return scores.indexOf(scores.reduce((top, score) => Math.max(top, score), -Infinity))
}
