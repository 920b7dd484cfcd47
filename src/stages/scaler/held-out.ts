import type { CheckResult } from '../../define/report.ts'
import { batchOf } from '../evaluate/subject.ts'
import type { FrameRows, CardInput } from '../../ports/trainer.ts'
import type { Profile } from '../windows/profile.ts'
import { createWindow } from '../windows/window.ts'
import type { ScalerArtifact } from './artifact.ts'
import type { NumberColumns } from './arithmetic.ts'
import { checksOfRows, checksOfWindow } from './index.ts'

/** Between training and held-out rows time has passed: what moved in it is told, and stops nothing. */
const tellsOnly = new Set(['scaler-serving-range', 'scaler-constant-moved'])

function told(check: CheckResult): CheckResult {
  return tellsOnly.has(check.id) && check.status === 'fail' ? { ...check, status: 'warn', severity: 'warning' } : check
}

/** The checks that need rows, on held-out rows as if they were a window of traffic. */
export function checksOfHeldOut(
  model: string,
  artifact: ScalerArtifact,
  profile: Profile,
  inputs: readonly CardInput[],
  frame: FrameRows,
  missingHandled: boolean,
): CheckResult[] {
  const window = createWindow(profile)
  const all = Int32Array.from({ length: frame.rows }, (_, row) => row)
  window.addBatch(batchOf(inputs, frame.inputs, all), new Float32Array(frame.rows))
  const numbers = inputs.filter(input => input.kind === 'number').map((_, at) => window.scaling(at))
  const columns: NumberColumns = inputs.map((input, at) =>
    input.kind === 'number' ? (frame.inputs[at] as Float32Array) : undefined,
  )
  return [
    ...checksOfRows(model, artifact, columns, 1),
    ...checksOfWindow({ model }, artifact, numbers, missingHandled).map(told),
  ]
}
