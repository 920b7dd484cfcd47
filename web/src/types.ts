import type { ContestView as Contest, RolloutEvidence } from '../../src/server/api-types.ts'

export type {
  ArmFigures,
  ContestView as Contest,
  ReportLine,
  RolloutEvidence,
  Session,
  Traffic,
} from '../../src/server/api-types.ts'

/** The parts of the server's answers that are shown; `GET /openapi.json` has them whole. */
export interface Decision {
  readonly id: string
  readonly kind: string
  readonly subject: string
  readonly at: number
  readonly verdict: string
  readonly reason: string
  readonly rule: {
    readonly name: string
    readonly statistic?: string
    readonly value?: unknown
    readonly threshold?: unknown
  }
  readonly evidence: readonly string[]
  readonly actor: string
}
export interface Job {
  readonly id: string
  readonly useCase: string
  readonly input: Readonly<Record<string, unknown>>
  readonly actor: string
  readonly at: number
  readonly status: string
  readonly endedAt: number | null
  readonly answer: unknown
  readonly error: { readonly title: string; readonly hint: string; readonly code: string } | null
}
export interface JobProgress {
  readonly type: 'chapter' | 'progress' | 'warning'
  readonly at: number
  readonly text: string
}
export interface Check {
  readonly id: string
  readonly kind: string
  readonly target?: { readonly columns?: readonly string[]; readonly slice?: string }
  readonly status: string
  readonly severity: string
  readonly evaluated: number
  readonly bad: number
  readonly threshold: string
  readonly message: string
  readonly sample?: readonly Readonly<Record<string, unknown>>[]
}
export interface Report {
  readonly id: string
  readonly kind: string
  readonly subject: string
  readonly at: number
  readonly status: string
  readonly checks: readonly Check[]
}
export interface Stage {
  readonly id: string
  readonly title: string
  readonly state: string
  readonly figure: { readonly value: string; readonly label: string } | null
  readonly at: number | null
  readonly decision: Decision | null
  readonly command: string
}
export interface Run {
  readonly id: string
  readonly name: string
  readonly kind: string
  readonly status: string
  readonly trigger: string
  readonly startedAt: number
  readonly endedAt?: number
  readonly error?: { readonly title?: string }
  /** What was tried, of a trial of a search. */
  readonly trial?: string
}
export interface Step {
  readonly step: string
  readonly status: string
  readonly attempt: number
  readonly reason?: string
  readonly startedAt?: number
  readonly endedAt?: number
}
export interface ModelVersion {
  readonly model: string
  readonly version: number
  readonly digest: string
  readonly runId: string
  readonly createdAt: number
  readonly metrics: Readonly<Record<string, number>>
  /** The first version that is the same file, if it is another one. */
  readonly sameAs: number | null
}
export interface Edge {
  readonly from: string
  readonly to: string
  readonly relation: string
}
export interface Deployment {
  readonly name: string
  readonly model: string
  readonly stored: { readonly version: number; readonly since: number } | null
  readonly status: {
    readonly stable: { readonly version: number; readonly since: number } | null
    readonly requests: { readonly stable: number; readonly canary: number; readonly errors: number }
    readonly latencyMicros: { readonly p50: number; readonly p99: number }
  } | null
  readonly health: { readonly ready: boolean; readonly reasons: readonly string[] } | null
  readonly rollout: {
    readonly phase?: string
    readonly weight?: number
    readonly hold?: string | null
    readonly requests?: { readonly stable: number; readonly canary: number }
    readonly config?: { readonly challenger?: string; readonly stable?: string; readonly minRequests?: number }
    readonly rolling?: readonly string[]
  } | null
  readonly evidence: RolloutEvidence | null
  readonly contest: Contest | null
  readonly decisions: readonly Decision[]
}
export interface Window {
  readonly series: string
  readonly from: number
  readonly to: number
  readonly body: Readonly<Record<string, unknown>>
}
export interface Alert {
  readonly fingerprint: string
  readonly state: string
  readonly summary: string
  readonly startsAt: number
}
