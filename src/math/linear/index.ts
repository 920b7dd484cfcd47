export { fitLinear, type LinearFit, fitWithImportance } from './fit.ts'
export {
  type CategoryEffects,
  linearMargins,
  type LinearData,
  type LinearModel,
  type LinearTask,
  predictLinear,
  widthOfLinear,
} from './model.ts'
