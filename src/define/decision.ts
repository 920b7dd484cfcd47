import type { Json } from '../internal/canonical-json.ts'
import type { Micros } from '../internal/time.ts'

/** What chose, and what each can end in. One record for every automatic choice; nothing happens silently. */
export const verdicts = {
  gate: ['passed', 'refused', 'unchanged'],
  trigger: ['fired', 'suppressed'],
  rollout: ['advanced', 'promoted', 'completed', 'held', 'approved', 'resumed', 'rolled-back'],
  contest: ['rolled-back', 'chosen', 'ended'],
  alert: ['pending', 'firing', 'joined', 'resolved', 'withdrawn'],
  promotion: ['promoted', 'withdrawn'],
  quarantine: ['quarantined', 'readmitted'],
  access: ['refused', 'accepted'],
  search: ['chosen'],
} as const

export type DecisionKind = keyof typeof verdicts
export type Verdict = (typeof verdicts)[DecisionKind][number]

/** The stored record of an automatic choice, with enough in it to make the choice again. */
export interface Decision {
  readonly id: string
  readonly kind: DecisionKind
  /** What it is about: `model lateness@3`, `deployment lateness-api`. */
  readonly subject: string
  readonly at: Micros
  readonly verdict: Verdict
  /** One sentence for the operator at 3 a.m. */
  readonly reason: string
  /** The rule that decided: its name and its threshold. */
  readonly rule: {
    readonly name: string
    readonly threshold?: Json
    readonly statistic?: string
    readonly value?: Json
  }
  /** Everything the rule looked at. */
  readonly inputs: Readonly<Record<string, Json>>
  /** Ids of reports, runs, versions and digests that it rests on. */
  readonly evidence: readonly string[]
  /** `system`, or who asked for it by hand. */
  readonly actor: string
}
