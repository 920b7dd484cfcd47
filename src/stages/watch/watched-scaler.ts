import type { CheckResult } from '../../define/report.ts'
import type { NumberProfile, Profile } from '../windows/profile.ts'
import { unlikeTraining } from './changes.ts'
import type { Evaluation } from './evaluate.ts'
import type { WindowAccumulator } from '../windows/window.ts'
import type { WatchedScaler } from '../scaler/artifact.ts'
import { checksOfWindow } from '../scaler/index.ts'
import type { WindowColumn } from '../windows/window.ts'

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
