import type { Micros } from '../internal/time.ts'
import type { RunStatus, StepStatus } from '../ports/metadata-store.ts'

/** What happens, as it happens: for progress displays and server-sent events. The record is in the store. */
export type EngineEvent =
  | {
      readonly type: 'run'
      readonly runId: string
      readonly name: string
      readonly status: RunStatus
      readonly at: Micros
      readonly reason?: string
    }
  | {
      readonly type: 'step'
      readonly runId: string
      readonly step: string
      readonly status: StepStatus
      readonly attempt: number
      readonly at: Micros
      readonly reason?: string
    }
  | {
      readonly type: 'progress'
      readonly runId: string
      readonly step: string
      readonly fraction: number
      readonly message?: string
      readonly at: Micros
    }

export type EngineListener = (event: EngineEvent) => void
