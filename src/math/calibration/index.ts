export { applySteps, type CalibrationSteps, fitIsotonic, stepAt } from './isotonic.ts'
export { type CalibrationLine, fitPlatt, fitTemperature } from './platt.ts'
