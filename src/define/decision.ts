import type { Json } from '../internal/canonical-json.ts'
import type { Micros } from '../internal/time.ts'

/** What chose. One record for every automatic choice; nothing happens silently. */
export type DecisionKind = 'gate' | 'trigger' | 'rollout' | 'alert' | 'promotion' | 'quarantine' | 'access'

/** The stored record of an automatic choice, with enough in it to make the choice again. */
export interface Decision {
  readonly id: string
  readonly kind: DecisionKind
  /** What it is about: `model lateness@3`, `deployment lateness-api`. */
  readonly subject: string
  readonly at: Micros
  /** `fired`, `suppressed`, `passed`, `refused`, `promoted`, `rolled-back`, `held`, `advanced`, … */
  readonly verdict: string
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
