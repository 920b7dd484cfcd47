export { type Columns, fitScaler, mergeScalers } from './fit.ts'
export {
  type FeatureScale,
  InfiniteValueError,
  isConstantByVariance,
  leaveUnscaled,
  type ScalerKind,
  type ScalerParameters,
} from './parameters.ts'
export {
  type Float32Scale,
  float32Scale,
  inverseTransform,
  scaleFloat32,
  scaleRowsFloat32,
  transform,
} from './transform.ts'
