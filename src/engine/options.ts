import type { ArtifactStore } from '../ports/artifact-store.ts'
import type { Clock } from '../ports/clock.ts'
import type { Executor, ProcessIdentity } from '../ports/executor.ts'
import type { MetadataStore, RunRecord } from '../ports/metadata-store.ts'
import type { EngineEvent, EngineListener } from './events.ts'
import type { Journal } from './journal.ts'
import type { RunRequest, RunResult, StepDefinition } from './step.ts'

/** How a step's own process opens the artifact store: a module (file URL), its function and that function's argument. */
export interface ArtifactAccess {
  readonly module: string
  readonly export: string
  readonly argument: string
}

export interface EngineOptions {
  readonly store: MetadataStore
  readonly artifacts: ArtifactStore
  readonly clock: Clock
  /** Runs process steps; it also tells which processes live. */
  readonly executor: Executor
  /** Needed for process steps only. */
  readonly artifactAccess?: ArtifactAccess
  /** Folder for the run folders of process steps and scratch files. */
  readonly work: string
  /** Gives the steps of a run that another process began, for `resume` and `recover`; undefined when they are unknown. */
  readonly resolve?: (run: RunRecord) => Promise<readonly StepDefinition[] | undefined>
  readonly listener?: EngineListener
  /** Steps at once. Default 2. */
  readonly concurrency?: number
  /** Default 5,000. */
  readonly heartbeatMs?: number
  /** Default 30,000. */
  readonly leaseMs?: number
}

/** What everything that drives one run shares. */
export interface Drive {
  readonly options: EngineOptions
  readonly runId: string
  readonly owner: ProcessIdentity
  readonly journal: Journal
  readonly signal: AbortSignal
  readonly emit: (event: EngineEvent) => void
  /** A run that one of its steps asks for. */
  readonly runBelow: (request: RunRequest, signal: AbortSignal) => Promise<RunResult>
}
