export { solveSymmetric } from './cholesky.ts'
export type { LinearData, LinearModel } from './design.ts'
export { fitLogistic, fitRidge, type LinearOptions, predictLinear } from './fit.ts'
