/**
 * Shapes of answers of the HTTP API that the dashboard shows too. Types only, and no imports: what `web/` knows of the
 * server is its API.
 */

/** What the rules of a rollout look at now, with the limit of each: for people, never for decisions. */
export interface RolloutEvidence {
  /** Weight of each step, with the bake at 1. */
  readonly ramp: readonly number[]
  readonly guardrails: readonly {
    readonly name: string
    readonly canary: number
    readonly all: number
    /** Natural logarithm of the e-value, and the value at which it rolls back. */
    readonly logE: number
    readonly limit: number
  }[]
  /** The guardrails within segments that are nearest to their limits; `segment` is null for the rare ones together. */
  readonly segments: readonly {
    readonly segment: string | null
    readonly kind: string
    readonly requests: number
    readonly canary: number
    readonly all: number
    readonly logE: number
    readonly limit: number
  }[]
  /** Confidence sequence of the challenger's loss minus stable's, per labelled row. */
  readonly loss: {
    readonly rows: number
    readonly mean: number
    readonly lower: number
    readonly upper: number
    readonly allowed: number
  } | null
  /** What predictions turned out to be worth: by how much the challenger is worse, with bounds (null before there are any). */
  readonly metrics: readonly {
    readonly name: string
    readonly stable: { readonly n: number; readonly mean: number }
    readonly canary: { readonly n: number; readonly mean: number }
    readonly worse: number
    readonly lower: number | null
    readonly upper: number | null
    readonly allowed: number
    readonly verdict: 'against' | 'for' | 'open'
  }[]
  /** What Prometheus is asked: the last answer since the step began, its limits, and answers in a row beyond them. */
  readonly queries: readonly {
    readonly name: string
    readonly min: number | null
    readonly max: number | null
    readonly value: number | null
    readonly at: number | null
    readonly failures: number
    readonly allowed: number
    readonly verdict: 'holds' | 'beyond' | 'open'
    readonly says: string
  }[]
  readonly shadow: {
    readonly rows: number
    readonly needed: number
    readonly meanDifference: number
    readonly flips: number
  }
}

/** Several challengers that are compared with the stable version, or were last. */
export interface ContestView {
  readonly stable: string
  readonly since: number
  /** When it ends where none was shown to be better. */
  readonly until: number
  readonly phase: 'running' | 'chosen' | 'ended'
  readonly chosen: string | null
  readonly challengers: readonly {
    /** `lateness@5`, and its number. */
    readonly challenger: string
    readonly version: number
    readonly standing: 'better' | 'not worse' | 'open' | 'out'
    readonly evidence: RolloutEvidence
  }[]
}

/** One evaluation without its checks, for lists and histories. */
export interface ReportLine {
  readonly id: string
  readonly kind: string
  readonly subject: string
  /** The run it was made in. */
  readonly runId: string | null
  readonly at: number
  readonly status: string
  readonly evaluated: number
  readonly bad: number
  readonly failed: number
  /** What part of the subject was looked at, in words; null where it was the whole. */
  readonly part: string | null
  readonly evidence: Readonly<Record<string, unknown>>
}

/** What became of requests in one arm, where both were asked. */
export interface ArmFigures {
  readonly rows: number
  readonly asked: number
  readonly errors: number
  readonly timeouts: number
  /** Milliseconds; null where it answered none. */
  readonly p50: number | null
  readonly p99: number | null
}

/** What was asked of a deployment, in pieces of `step` minutes, oldest first, and all of it together. */
export interface Traffic {
  readonly step: number
  readonly points: readonly {
    readonly at: number
    readonly rows: number
    readonly failed: number
    /** Milliseconds that callers waited; null where nothing was asked. */
    readonly p50: number | null
    readonly p99: number | null
    /** How near the guardrails of the rollout were to taking it back, by their names; null without a rollout. */
    readonly evidence: Readonly<Record<string, number>> | null
  }[]
  readonly all: {
    readonly rows: number
    readonly failed: number
    readonly p50: number | null
    readonly p99: number | null
  }
  readonly arms: { readonly stable: ArmFigures; readonly canary: ArmFigures }
}

/** Who asks, and what they may do. */
export interface Session {
  readonly name: string
  readonly scopes: readonly string[]
  /** Whether the server asks for tokens: where it does not, everybody on this machine may do everything. */
  readonly auth: boolean
}
