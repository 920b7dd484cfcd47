export type { Arena, ArenaShape } from './arena.ts'
export { openArena } from './arena.ts'
export { type Crew, solo } from './crew.ts'
export {
  gainImportance,
  nextNode,
  outputsOf,
  type TrainingMatrix,
  type Tree,
  type TreeEnsemble,
} from './ensemble.ts'
export { type CompiledTrees, compileTrees } from './evaluate.ts'
export { performJob } from './kernels.ts'
export { type TreeOptions } from './options.ts'
export { constantMargins } from './progress.ts'
export { type Round, type TrainingHooks, trainTrees } from './train.ts'
export { type LinearMemory, newMemory } from './web-assembly.ts'
