import type { CheckResult } from '../../define/report.ts'
import { handlesMissing, readModel } from '../../onnx/index.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import { columnStatistics } from './column-statistics.ts'
import type { Profile } from '../windows/profile.ts'
import { checksOfHeldOut } from './held-out.ts'
import { checksOfVersion, fittedOnTraining, type ScaledVersion } from './index.ts'

/**
 * Everything that is asked of a scaler before it may be registered, and again in CI: names, constants, precision and the
 * chain of digests of the version; refit and leak on its training frame; arithmetic and ranges on its held-out rows.
 */
export async function proveScaler(
  engine: DataEngine,
  version: ScaledVersion,
  frame: { readonly path: string; readonly test: FrameRows },
  profile: Profile,
): Promise<CheckResult[]> {
  const { model, artifact, inputs } = version
  const missingHandled = handlesMissing(readModel(version.onnx))
  const robust = artifact.features.filter(feature => (feature.kind ?? artifact.kind) === 'robust')
  const found = await columnStatistics(engine, frame.path, inputs, new Set(robust.map(feature => feature.name)))
  return [
    ...checksOfVersion(version),
    ...fittedOnTraining(model, artifact, found),
    ...checksOfHeldOut(model, artifact, profile, inputs, frame.test, missingHandled),
  ]
}
