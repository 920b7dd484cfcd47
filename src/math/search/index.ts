export { proposeGrid } from './grid.ts'
export { type HalvingOptions, proposeHalving } from './halving.ts'
export { proposeRandom } from './random.ts'
export {
  checkSpace,
  type Parameter,
  type Parameters,
  type ParameterValue,
  type Proposal,
  sizeOf,
  type Space,
  type Trial,
  valueAt,
} from './space.ts'
export { proposeTpe, type TpeOptions } from './tpe.ts'
