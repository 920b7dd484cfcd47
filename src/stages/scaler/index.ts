import type { CheckResult } from '../../define/report.ts'
import type { Digest } from '../../internal/digest.ts'
import { graphOrder, inspectModel, verifyModel } from '../../onnx/index.ts'
import { mergeAssociativity, type NumberColumns, roundTrip } from './arithmetic.ts'
import { parametersOf, type ScaledFile, type ScalerArtifact } from './artifact.ts'
import { constantFeatures, constantMoved } from './constant.ts'
import { scalingInGraph } from './graph.ts'
import { hashChain } from './hash-chain.ts'
import { namesAndOrder } from './names.ts'
import { float32Precision } from './precision.ts'
import { doubleScaling, nanPath, servingRange } from './serving-range.ts'
import { unitChangeInWindow } from './unit-change.ts'
import type { ScalingWindow } from './window.ts'

export { parametersOf, readArtifact, type ScalerArtifact, scalerArtifact } from './artifact.ts'
export { scaledByGraph, scalingInGraph } from './graph.ts'
export { scalerParity } from './parity.ts'
export { type ColumnStatistics, fittedOnTraining } from './refit.ts'
export { declaredUnits, unitChange } from './units-of-versions.ts'

export interface ScaledVersion extends ScaledFile {
  /** Digest of the artifact's bytes. */
  readonly digest: Digest
  /** Names that the project declares now, where it is at hand. */
  readonly declared?: readonly string[]
  /** `facts.scaler` of the registered version; before the registration the digest itself. */
  readonly registered: string | undefined
}

/** Names in the ONNX file, in the order of the inputs. */
function namesIn(metadata: Readonly<Record<string, string>>): readonly string[] | undefined {
  try {
    return (JSON.parse(metadata['millrace.inputs'] ?? '') as { name: string }[]).map(input => input.name)
  } catch {
    return undefined
  }
}

/** Whether the figures in the graph are those of the artifact; the sentence of the ONNX verifier where they are not. */
function graphDiffers({ artifact, onnx, inputs }: ScaledVersion): string | undefined {
  if (artifact.outside) return undefined
  const { features, ...rest } = parametersOf(artifact)
  const ordered = graphOrder(inputs).flatMap(at => features[at] ?? [])
  const check = verifyModel(onnx, { scaler: { ...rest, features: ordered } }).find(
    one => one.id === 'onnx.scaler-parity',
  )
  return check?.status === 'fail' ? check.message : undefined
}

/** What can be said of a version without any row: S1, S4 at fit, S5, S13. Asked at registration, at deploy and in CI. */
export function checksOfVersion(version: ScaledVersion): CheckResult[] {
  const { model, artifact, declared, inputs, digest, registered } = version
  const graph = scalingInGraph(version)
  const { metadata } = inspectModel(version.onnx)
  return [
    namesAndOrder(model, artifact, {
      'the model': inputs.map(input => input.name),
      'the ONNX file': namesIn(metadata),
      ...(declared ? { 'the definition': declared } : {}),
    }),
    constantFeatures(model, artifact, graph),
    float32Precision(model, artifact, graph),
    hashChain(model, {
      registered,
      served: digest,
      onnx: metadata['millrace.scaler'],
      graph: graphDiffers(version),
    }),
  ]
}

/** S11 and S12 on rows. */
export function checksOfRows(
  model: string,
  artifact: ScalerArtifact,
  columns: NumberColumns,
  seed: number,
): CheckResult[] {
  return [mergeAssociativity(model, artifact, columns, seed), roundTrip(model, artifact, columns)]
}

/** S4, S7, S8, S9 and S10 on a window of traffic, or of held-out rows. */
export function checksOfWindow(
  target: CheckResult['target'],
  artifact: ScalerArtifact,
  window: ScalingWindow,
  missingHandled: boolean,
): CheckResult[] {
  return [
    constantMoved(target, artifact, window),
    servingRange(target, artifact, window),
    doubleScaling(target, artifact, window),
    unitChangeInWindow(target, artifact, window),
    nanPath(target, artifact, window, missingHandled),
  ]
}
