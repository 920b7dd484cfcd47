import type { CheckResult } from '../../define/report.ts'
import type { NumberProfile, Profile } from '../watch/profile.ts'
import type { WindowAccumulator } from '../watch/window.ts'
import type { ScalerArtifact } from './artifact.ts'
import { checksOfWindow } from './index.ts'

/** A version's scaler as a monitor holds traffic against it. */
export interface WatchedScaler {
  readonly artifact: ScalerArtifact
  /** Whether the graph answers for missing values. */
  readonly missingHandled: boolean
}

/** The streaming scaler checks on what a window has counted. */
export function scalerOfWindow(
  deployment: string,
  { artifact, missingHandled }: WatchedScaler,
  profile: Profile,
  window: WindowAccumulator,
): CheckResult[] {
  const numbers = profile.columns.filter((column): column is NumberProfile => column.kind === 'number')
  const columns = numbers.map((_, at) => window.scaling(at))
  return checksOfWindow({ deployment }, artifact, columns, missingHandled)
}
