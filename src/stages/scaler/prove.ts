import type { CheckResult } from '../../define/report.ts'
import { handlesMissing, readModel } from '../../onnx/index.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import { numbersOf, type ScalerArtifact } from './artifact.ts'
import { columnStatistics } from './column-statistics.ts'
import { proveGraph, scaledByGraph, scalingInGraph } from './graph.ts'
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
  const graph = scalingInGraph(version)
  return [
    ...checksOfVersion(version),
    ...(graph
      ? await proveGraph(engine, frame.path, model, graph)
      : fittedOnTraining(model, artifact, await statisticsOf(engine, frame.path, artifact))),
    ...checksOfHeldOut(
      model,
      graph ? scaledByGraph(artifact, graph) : artifact,
      profile,
      inputs,
      frame.test,
      missingHandled,
    ),
  ]
}

/** By feature; undefined for texts. */
async function statisticsOf(
  engine: DataEngine,
  path: string,
  artifact: ScalerArtifact,
): Promise<Parameters<typeof fittedOnTraining>[2]> {
  const numbers = numbersOf(artifact)
  const found = await columnStatistics(
    engine,
    path,
    numbers.map(({ name, kind }) => ({ name, quantiles: (kind ?? artifact.kind) === 'robust' })),
  )
  const places = new Map(numbers.map((feature, at) => [feature.name, at]))
  return artifact.features.map(({ name }) => found[places.get(name) ?? -1])
}
