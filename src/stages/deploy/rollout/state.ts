import type { Task } from '../../../math/task.ts'
import type { Duration, Micros } from '../../../internal/time.ts'
import type { PairedMoments } from '../../../math/sequential/mean-difference.ts'

export type Share = `${number}%`
export type Labels = 'required' | 'advisory' | 'none'
/** What can go wrong with one answer. Each is watched by its own test. */
export type BadOutcome = 'error' | 'timeout' | 'invalid' | 'slow'
export type Outcome = 'ok' | BadOutcome

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
  /** Outcomes that are watched; all four. */
  readonly guardrails?: readonly BadOutcome[]
  /** Scores of the challenger at or above count as positive, for flips; 0.5. */
  readonly threshold?: number
  /** The same of the stable version; as the challenger's. */
  readonly stableThreshold?: number
  /** Disagreement between the two models measured offline on held-out rows. Online more than twice of it holds. */
  readonly expected?: { readonly meanDifference: number; readonly flipRate: number }
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
  readonly guardrails: readonly BadOutcome[]
  readonly threshold: number
  readonly stableThreshold: number
  readonly expected: { readonly meanDifference: number; readonly flipRate: number } | null
}

/** Bad events of one kind since the step began, and the logarithm of the e-value that earlier steps left. */
export interface GuardrailState {
  readonly canary: number
  readonly all: number
  readonly carried: number
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

export type Phase = 'shadow' | 'step' | 'bake' | 'done' | 'rolled-back'

/** All that a rollout remembers: JSON of constant size, whatever the traffic. */
export interface RolloutState {
  readonly version: 1
  readonly config: ResolvedConfig
  readonly seed: number
  readonly phase: Phase
  /** Index into `weights`; meaningful in phase `step`. */
  readonly step: number
  /** Share of traffic that the canary gets now. */
  readonly weight: number
  readonly since: Micros
  /** Set while a person is asked: `timeout` lifts itself when the evidence arrives, `alarm` and `paused` wait for a command. */
  readonly hold: null | 'timeout' | 'alarm' | 'paused'
  /** Requests of this step. */
  readonly requests: { readonly stable: number; readonly canary: number }
  readonly consecutiveErrors: number
  readonly guardrails: Readonly<Record<BadOutcome, GuardrailState>>
  readonly shadow: ShadowState
  readonly losses: PairedMoments
  readonly stableLoss: number
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
/** One answered request. An error of the canary that stable answered instead is still the canary's error. */
export interface RequestEvent extends At {
  readonly type: 'request'
  readonly arm: 'stable' | 'canary'
  readonly outcome: Outcome
}
/** Losses of both arms on the same rows, all older than the label horizon. */
export interface LabelsEvent extends At {
  readonly type: 'labels'
  readonly stable: ArrayLike<number>
  readonly canary: ArrayLike<number>
}
export interface TickEvent extends At {
  readonly type: 'tick'
}
export interface CommandEvent extends At {
  readonly type: 'command'
  readonly command: 'promote' | 'abort' | 'pause' | 'resume'
  readonly actor: string
}
export type RolloutEvent = ShadowEvent | RequestEvent | LabelsEvent | TickEvent | CommandEvent
