export { type Columns, fitScaler, type FitOptions } from './fit.ts'
export { mergeScalers } from './merge.ts'
export {
  type FeatureScale,
  InfiniteValueError,
  isIdentity,
  leaveUnscaled,
  type ScalerKind,
  type ScalerParameters,
  SpreadError,
} from './parameters.ts'
export {
  type Float32Scale,
  float32Scale,
  inverseTransform,
  scaleFloat32,
  scaleRowsFloat32,
  transform,
} from './transform.ts'
export { mergeSummaries, quantileOf, type QuantileSummary, summarise } from './quantile-summary.ts'
