export { type KeyChange, type KeyParts } from './cache-key.ts'
export { codeDigest, type CodeDigest } from './code-digest/code-digest.ts'
export { Engine, type RunHandle } from './engine.ts'
export type { EngineEvent, EngineListener } from './events.ts'
export { explainStep, type Explanation } from './explain.ts'
export { StepFailure, type FailureClass } from './failure.ts'
export type { ArtifactAccess, EngineOptions } from './options.ts'
export { stepNode } from './run-step.ts'
export { statusOf } from './run-status.ts'
export {
  type InputSource,
  type RetryPolicy,
  type RunRequest,
  type RunResult,
  type StepContext,
  type StepDefinition,
  type StepFunction,
  type StepInput,
  type StepResult,
} from './step.ts'
