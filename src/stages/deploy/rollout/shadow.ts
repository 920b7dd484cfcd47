import { fail } from '../../../errors/index.ts'
import { rowLoss } from '../../../math/metrics/row-loss.ts'
import { isClassification } from '../../../math/task.ts'
import { judgeLabels, withLosses } from './labels.ts'
import { proceed } from './proceed.ts'
import type { RolloutState, ShadowEvent } from './state.ts'
import { type Transition, decide, noDecisions, rollBack } from './transition.ts'
import { short } from './words.ts'

/** Alarm of the two models' disagreement: more than twice what is expected of good ones, beyond three standard errors. */
function disagreement(state: RolloutState): { statistic: string; value: number; threshold: number } | undefined {
  const { rows: n, sumDifference, sumSquare, flips: flipped } = state.shadow
  const { meanDifference, flipRate } = state.config.expected
  if (n === 0) return undefined
  const mean = sumDifference / n
  const error = Math.sqrt(Math.max(0, sumSquare / n - mean * mean) / n)
  const flips = flipped / n
  const limits = [
    ['mean difference of scores', mean, meanDifference, error],
    ['flip rate', flips, flipRate, Math.sqrt((flips * (1 - flips)) / n)],
  ] as const
  for (const [statistic, value, expected, doubt] of limits) {
    const threshold = 2 * (expected ?? Number.POSITIVE_INFINITY) + 3 * doubt
    if (value > threshold) return { statistic, value, threshold }
  }
  return undefined
}

/** Takes what both arms made of the same rows. */
export function onShadow(state: RolloutState, event: ShadowEvent): Transition {
  const { stable, canary, labels, at } = event
  if (stable.length !== canary.length || (labels && labels.length !== stable.length))
    throw fail('rolloutEvent', { event: 'shadow', reason: 'scores and labels have unequal lengths' })
  const { threshold, stableThreshold, task, challenger } = state.config
  let { sumDifference, sumSquare, flips, nonFinite } = state.shadow
  const first: number[] = []
  const second: number[] = []
  for (let i = 0; i < stable.length; i++) {
    const s = stable[i] as number
    const c = canary[i] as number
    // what stable cannot score either speaks against nobody
    if (!Number.isFinite(s)) continue
    if (!Number.isFinite(c) || (isClassification(task) && (c < 0 || c > 1))) {
      nonFinite++
      continue
    }
    const difference = Math.abs(c - s)
    sumDifference += difference
    sumSquare += difference * difference
    if (event.flipped ? event.flipped[i] === 1 : c >= threshold !== s >= stableThreshold) flips++
    const label = labels ? (labels[i] as number) : Number.NaN
    if (Number.isFinite(label)) {
      first.push(rowLoss(task, label, s))
      second.push(rowLoss(task, label, c))
    }
  }
  const rows = state.shadow.rows + stable.length
  const look = rows >= state.shadow.nextLook
  let { nextLook } = state.shadow
  while (nextLook <= rows) nextLook *= 2
  const counted: RolloutState = {
    ...state,
    shadow: { rows, sumDifference, sumSquare, flips, nonFinite, nextLook },
  }
  if (nonFinite > 0) {
    const rule = { name: 'finite scores', statistic: 'scores out of range', value: nonFinite, threshold: 0 }
    return rollBack(counted, at, `${challenger} gave ${nonFinite} scores that are not finite or out of range`, rule)
  }
  const next = withLosses(counted, first, second)
  const judged = first.length > 0 ? judgeLabels(next, at) : undefined
  if (judged) return judged
  const alarm = look && state.hold !== 'alarm' && state.hold !== 'paused' ? disagreement(next) : undefined
  if (alarm && state.phase !== 'bake') {
    const reason = `${challenger} disagrees with ${state.config.stable} more than good versions do: ${alarm.statistic} ${short(alarm.value)}, at most ${short(alarm.threshold)} expected; resume, promote or abort`
    return decide(next, { hold: 'alarm' }, at, 'held', reason, { name: 'shadow disagreement', ...alarm })
  }
  return next.phase === 'shadow' || first.length > 0 ? proceed(next, at) : { state: next, decisions: noDecisions }
}
