import type { CheckResult } from '../../define/report.ts'
import type { NumberProfile, Profile } from '../watch/profile.ts'
import { unlikeTraining } from '../watch/changes.ts'
import type { Evaluation } from '../watch/evaluate.ts'
import type { WindowAccumulator } from '../watch/window.ts'
import type { ScalerArtifact } from './artifact.ts'
import { checksOfWindow } from './index.ts'
import type { WindowColumn } from './window.ts'

/** A version's scaler as a monitor holds traffic against it. */
export interface WatchedScaler {
  readonly artifact: ScalerArtifact
  /** Whether the graph answers for missing values. */
  readonly missingHandled: boolean
}

/**
 * The streaming scaler checks on what a window has counted. `evaluation` is what the drift test saw in it: inputs that are
 * as in some window of training, a weekday or bad weather, are told from those that are not.
 */
export function scalerOfWindow(
  deployment: string,
  { artifact, missingHandled }: WatchedScaler,
  profile: Profile,
  window: WindowAccumulator,
  evaluation?: Pick<Evaluation, 'observed' | 'alpha'>,
): CheckResult[] {
  const numbers = profile.columns.filter((column): column is NumberProfile => column.kind === 'number')
  // The first window fires: it must be as sure of itself as two in a row are
  const rate = (evaluation?.alpha ?? 1) ** 2 / numbers.length
  const columns = numbers.map((_, at): WindowColumn => {
    const unlike = unlikeTraining(evaluation?.observed[at] ?? [], rate)
    return { ...window.scaling(at), ...(unlike === undefined ? {} : { unlike }) }
  })
  return checksOfWindow({ deployment }, artifact, columns, missingHandled)
}
