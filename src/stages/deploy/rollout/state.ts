import type { Metric, ResolvedQuery, RolloutHours } from '../../../define/canary.ts'
import type { NamedValue } from '../../../define/model-test/columns.ts'
import type { Task } from '../../../math/task.ts'
import type { Duration, Micros } from '../../../internal/time.ts'
import type { PairedMoments } from '../../../math/sequential/mean-difference.ts'
import type { ServedMoments } from '../../../math/sequential/served-difference.ts'
import type { Segments } from './segments.ts'

export type Share = `${number}%`
/** What a person may be asked for: a step, all traffic (`100%`), or the end of the bake. */
export type Gate = Share | 'done'
export type Labels = 'required' | 'advisory' | 'none'
/** What became of one request in one arm: `slow` is an answer beyond `maxLatency`, `invalid` one that is no finite score. */
export type Outcome = 'ok' | 'error' | 'timeout' | 'invalid' | 'slow'
/**
 * What is compared between the arms, each by its own test: how often one fails, does not answer in time or is beyond the
 * stated latency where the other is not; and `latency`, which of them takes longer for the same request.
 */
export type Guardrail = 'error' | 'timeout' | 'slow' | 'latency'

export interface RolloutConfig {
  /** Identity of the deployment: salt of the routing and name in the records. */
  readonly deployment: string
  /** The challenger and the stable version, for the records: `lateness@4`. */
  readonly challenger: string
  readonly stable: string
  readonly task: Task
  /** Shares of traffic; `1% 5% 20% 50%`. Rising, below 100 %. */
  readonly steps?: readonly Share[]
  /** Rows that both arms must have scored before the first step; 1,000. 0 starts with the first step. */
  readonly shadowRows?: number
  /** Canary requests in each step before the next one; 200. */
  readonly minRequests?: number
  /** A step that has not enough evidence by then is held for a person; `30m`. Never promoted. */
  readonly maxWait?: Duration
  /** How long the challenger takes all traffic, with the way back open, before the rollout is done; `1h`. */
  readonly bake?: Duration
  /** `required`: no promotion without enough labelled rows. `advisory` (default): labels can only roll back. */
  readonly labels?: Labels
  /** Rate of false rollbacks by guardrails, all together; 0.01. */
  readonly alpha?: number
  /** Error rate of the confidence sequence of the paired loss difference; 0.05, half of it on each side. */
  readonly labelAlpha?: number
  /** Loss difference that is tolerated for promotion, relative to the stable loss; 0.01. */
  readonly margin?: number
  /** An answer that takes longer is `slow`, whichever arm gives it; by default no length is. */
  readonly maxLatency?: Duration
  /** By how much more than stable the challenger may take for most requests; 0.15. */
  readonly slower?: number
  /** What is compared; all, `slow` where a `maxLatency` is stated. */
  readonly guardrails?: readonly Guardrail[]
  /** Expressions of the row within each value of which the guardrails are also held; none. */
  readonly segments?: readonly NamedValue[]
  /** Bytes that the challenger's process may take beyond what it took when it was loaded; 1 GiB. */
  readonly maxMemory?: number
  /** How long the challenger is waited for once stable has answered, at least: four times as long as stable took; `1s`. */
  readonly timeout?: Duration
  /** Scores of the challenger at or above count as positive, for flips; 0.5. */
  readonly threshold?: number
  /** The same of the stable version; as the challenger's. */
  readonly stableThreshold?: number
  /** How far good versions of this model disagree: online more than twice of it holds. Of classifications 10 % of the labels. */
  readonly expected?: ExpectedDifference
  /** Figures of predictions that are told later, by which version served them; none. */
  readonly metrics?: Readonly<Record<string, Metric>>
  /** Error rate of their confidence sequences, shared by them; 0.05, half of it on each side. */
  readonly metricAlpha?: number
  /** Figures that are asked for, and what they must be; none. */
  readonly queries?: Readonly<Record<string, ResolvedQuery>>
  /** What waits for a person; nothing. */
  readonly approve?: readonly Gate[]
  /** When the share of traffic may rise; always. */
  readonly hours?: Required<RolloutHours>
  /** Deployments of which no rollout may run while the share rises; none. */
  readonly after?: readonly string[]
}

export interface ExpectedDifference {
  /** Share of rows that the two decide differently. */
  readonly flipRate?: number
  /** Mean distance of their scores. */
  readonly meanDifference?: number
}

/** The configuration with every default filled in. */
export interface ResolvedConfig {
  readonly deployment: string
  readonly challenger: string
  readonly stable: string
  readonly task: Task
  readonly weights: readonly number[]
  readonly shadowRows: number
  readonly minRequests: number
  readonly maxWait: Micros
  readonly bake: Micros
  readonly labels: Labels
  readonly alpha: number
  readonly labelAlpha: number
  readonly margin: number
  readonly maxLatency: Micros | null
  readonly slower: number
  readonly maxMemory: number
  readonly timeout: Micros
  readonly guardrails: readonly Guardrail[]
  /** Left out where there are none. */
  readonly segments?: readonly NamedValue[]
  readonly threshold: number
  readonly stableThreshold: number
  readonly expected: ExpectedDifference
  readonly metrics: Readonly<Record<string, Metric>>
  readonly metricAlpha: number
  readonly queries: Readonly<Record<string, ResolvedQuery>>
  /** Shares of traffic, 1 for all, and `done`. */
  readonly approve: readonly (number | 'done')[]
  readonly hours: Required<RolloutHours> | null
  readonly after: readonly string[]
}

/** That a person let a rollout go on. */
export interface Approval {
  readonly gate: number | 'done'
  readonly actor: string
  readonly at: Micros
  readonly reason?: string
}

/**
 * Why a rollout stands still. `timeout`, `queries`, `hours` and `after` (another deployment's rollout) lift themselves when what they
 * wait for is there; `approval`, `alarm` and `paused` wait for a person; `contest` waits in its shadow until one of several is chosen.
 */
export type Hold = 'timeout' | 'queries' | 'hours' | 'after' | 'approval' | 'alarm' | 'paused' | 'contest'

/**
 * Requests on which the arms differ in one way: how many speak against the challenger, and how many in all. Requests on which
 * both are bad, or both well, say nothing. Sums, so that those of several instances add up.
 */
export interface GuardrailState {
  readonly canary: number
  readonly all: number
}

export interface ShadowState {
  readonly rows: number
  readonly sumDifference: number
  readonly sumSquare: number
  readonly flips: number
  readonly nonFinite: number
  /** Rows at which disagreement is looked at next: doubling looks bound the false alarms of repeated looking. */
  readonly nextLook: number
}

/** What a query said last. */
export interface QueryAnswer {
  readonly at: Micros
  /** Null where it said nothing. */
  readonly value: number | null
  /** Why it said nothing. */
  readonly reason?: string
  /** Answers in a row that were beyond a limit; who says nothing does not count. */
  readonly failures: number
}

export type Phase = 'shadow' | 'step' | 'bake' | 'done' | 'rolled-back'

/** All that a rollout remembers: JSON of constant size, whatever the traffic. */
export interface RolloutState {
  readonly version: 1
  readonly config: ResolvedConfig
  readonly seed: number
  /** Salt of the routing: who is in the canary is drawn anew for every rollout. */
  readonly salt: string
  readonly phase: Phase
  /** Index into `weights`; meaningful in phase `step`. */
  readonly step: number
  /** Share of traffic that the canary gets now. */
  readonly weight: number
  readonly since: Micros
  readonly hold: Hold | null
  /** What persons have let pass. */
  readonly approved: readonly Approval[]
  /** Of the deployments that it waits for, those with a rollout now. */
  readonly rolling: readonly string[]
  /** Rows that each arm has answered in this step. */
  readonly requests: { readonly stable: number; readonly canary: number }
  readonly guardrails: Readonly<Record<Guardrail, GuardrailState>>
  /** Left out where none are declared. */
  readonly segments?: Segments
  readonly shadow: ShadowState
  readonly losses: PairedMoments
  readonly stableLoss: number
  readonly metrics: Readonly<Record<string, ServedMoments>>
  /** Units of which the metrics were counted: one that comes again does not count again. */
  readonly units: number
  /** By name, of those that were asked. */
  readonly queries: Readonly<Record<string, QueryAnswer>>
  /** Number of decisions so far. */
  readonly sequence: number
}

interface At {
  readonly at: Micros
}
/** Scores of both arms for the same rows, with labels where they are known already (NaN where not). */
export interface ShadowEvent extends At {
  readonly type: 'shadow'
  readonly stable: Float32Array
  readonly canary: Float32Array
  /** 1 where the two decide differently; where it is not given, their thresholds say. */
  readonly flipped?: Uint8Array
  readonly labels?: Float32Array
}
/**
 * One request that both arms were given: what became of it in each, whoever answered the caller. A request of many rows is one;
 * it moves a rollout by one step at most.
 */
export interface RequestEvent extends At {
  readonly type: 'request'
  /** Rows that each arm answered, by the share `weight`: those of an earlier share do not count for this step. */
  readonly rows: { readonly stable: number; readonly canary: number }
  readonly weight: number
  readonly outcome: { readonly stable: Outcome; readonly canary: Outcome }
  /** Names of the segments that its rows are in, each once; none where there are too many of them to say anything of one. */
  readonly segments?: readonly string[]
  /** Milliseconds that each took, where both answered. */
  readonly took?: { readonly stable: number; readonly canary: number }
}
/** Losses of both arms on the same rows, all older than the label horizon. */
export interface LabelsEvent extends At {
  readonly type: 'labels'
  readonly stable: ArrayLike<number>
  readonly canary: ArrayLike<number>
}
/**
 * Units that one arm served, drawn with a chance that is known, with what they were worth. Each list has a member a unit.
 */
export interface MetricsEvent extends At {
  readonly type: 'metrics'
  /** Number of the first of them in the rollout. */
  readonly first: number
  readonly canary: readonly (0 | 1)[]
  readonly chance: readonly number[]
  /** Null where a unit has no value. */
  readonly values: Readonly<Record<string, readonly (number | null)[]>>
}
/** What a query said, or that it said nothing. */
export interface QueryEvent extends At {
  readonly type: 'query'
  readonly name: string
  readonly value: number | null
  readonly reason?: string
}
/** The challenger's process has taken more memory than it may. */
export interface MemoryEvent extends At {
  readonly type: 'memory'
  readonly bytes: number
}
export interface TickEvent extends At {
  readonly type: 'tick'
}
/** Of the deployments that it waits for, others have a rollout now than before. */
export interface RollingEvent extends At {
  readonly type: 'rolling'
  readonly deployments: readonly string[]
}
export type RolloutCommand = 'promote' | 'abort' | 'pause' | 'resume' | 'approve'
export interface CommandEvent extends At {
  readonly type: 'command'
  readonly command: RolloutCommand
  readonly actor: string
  /** Why, in the operator's words. */
  readonly reason?: string
}
export type RolloutEvent =
  | ShadowEvent
  | RequestEvent
  | LabelsEvent
  | MetricsEvent
  | QueryEvent
  | MemoryEvent
  | RollingEvent
  | TickEvent
  | CommandEvent
