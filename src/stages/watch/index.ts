export { buildProfile, type ProfileColumn, type ProfileInput } from '../windows/build-profile.ts'
export type { ColumnDrift, DriftVerdict } from './column-drift.ts'
export { alarmRate, evaluateWindow, type EvaluateOptions, type Evaluation, type Sensitivity } from './evaluate.ts'
export { advanceMonitor, type MonitorAdvanced, type MonitorState, startMonitor } from './monitor/advance.ts'
export { belowFloor, type Cohort, type FloorVerdict, RealisedPerformance } from './monitor/performance.ts'
export {
  decideRetrain,
  noRetrains,
  retrainEnded,
  type RetrainEvidence,
  type RetrainPolicy,
  retrainStarted,
  type RetrainState,
} from './monitor/retrain.ts'
export type { Profile } from '../windows/profile.ts'
export { createWindow, WindowAccumulator, type WindowState } from '../windows/window.ts'
