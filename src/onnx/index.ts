export { checkBinding, type Feed, type ModelBinding, refuseModel, type RowInput, type ScoreReading } from './binding.ts'
export { assumedBinding, type BindingRequest, defaultBinding } from './default-binding.ts'
export type { OnnxCheck } from './check.ts'
export {
  categoryEncoder,
  codesOf,
  type Estimator,
  exportModel,
  type ExportRequest,
  graphOrder,
  type ModelInput,
  type TextInput,
} from './export.ts'
export { type GraphForest, graphForest } from './foreign-trees.ts'
export { graph, type GraphBuilder } from './graph-builder.ts'
export { featureRows } from './feature-rows.ts'
export { graphColumns } from './graph-columns.ts'
export { type GraphScaling, graphScaling, type InputScale } from './graph-scaling.ts'
export { inspectModel, type ModelSummary } from './inspect.ts'
export { parity, type ParityRows, type ParityRuntime } from './parity.ts'
export type { OnnxGraph, OnnxModel, OnnxNode } from './proto.ts'
export { type GraphScale, readScale } from './read-scaler.ts'
export { handlesMissing, scalerPart } from './scaler-part.ts'
export { type GraphEstimator, readEstimator } from './read-estimator.ts'
export { readModel } from './read-model.ts'
export { type ModelSignature, type SignatureInput, type SignatureOutput, signatureOf } from './signature.ts'
export { tensorOutput, type TensorOutput, withColumns } from './tensor-output.ts'
export { stampModel } from './stamp.ts'
export { type OnnxVerdict, verdictOf, verifyModel, type VerifyOptions, verifyParsed } from './verify.ts'
export { writeModel } from './write-model.ts'
