import type { Dataset } from '../../define/dataset.ts'
import type { FeatureView } from '../../define/features.ts'
import type { RolloutCommand } from '../deploy/rollout/index.ts'
import type { FeatureStatus } from '../features/entity-window.ts'
import type { PushResult, PushedRows } from '../log/take-rows.ts'
import type { ExplainedAnswer } from '../explain/explainer.ts'
import type { ExplanationMethod } from '../explain/method.ts'
import type { TrafficHistory } from './traffic.ts'
import type { ToldValue } from './recorder.ts'
import type { Task } from '../../math/task.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Micros } from '../../internal/time.ts'
import type { Row, Value } from '../../ports/data-engine.ts'

/** One row to predict for. */
export interface PredictRequest {
  /** The caller's id of the prediction; made when absent. Labels come back under it. */
  readonly id?: string
  /** Columns of the request body by name, as declared; times in microseconds. */
  readonly row: Readonly<Record<string, Value>>
  /** Moment of the prediction (default now). Features are as they were known then. */
  readonly at?: Micros
  /** Keeps a caller on one arm; overrides the deployment's `stickyBy`. */
  readonly key?: string
  /** The arm that answers, whatever the key says: for who may operate the deployment. Counts for no step. */
  readonly arm?: 'stable' | 'canary'
}

export interface Prediction {
  readonly id: string
  /** Probability of the positive class, or of the likeliest one, or the predicted value. */
  readonly score: number
  /** Of several classes: the probability of each. */
  readonly scores?: Readonly<Record<string, number>>
  /** `score ≥ threshold` for binary tasks, the likeliest of several classes. */
  readonly label?: boolean | string
  readonly arm: 'stable' | 'canary'
  readonly version: number
  /** True when the canary failed and stable answered instead. */
  readonly fallback?: boolean
  /** Views that say `uncovered: 'null'` and whose records do not reach back to the moment: their features had no value. */
  readonly uncovered?: readonly string[]
  /** Views whose online store did not answer, where the project says `unreachable: 'stale'`: their features are those that were read last, or none. */
  readonly unreachable?: readonly string[]
}

/** Why rows are scored as they are: for each the score, and what every input adds to what is expected. */
export interface Explanation {
  readonly version: number
  readonly method: ExplanationMethod
  /** The method in words. */
  readonly how: string
  /** Training rows that the answers are compared with. */
  readonly background: number
  readonly explanations: readonly (Pick<Prediction, 'score' | 'scores' | 'label'> & {
    readonly answers: readonly ExplainedAnswer[]
  })[]
}

export interface Label {
  /** Id of the prediction. */
  readonly id: string
  /** What came true: 0 or 1, the number of the class, or the value. */
  readonly label: number
  /** When it became known (default now). */
  readonly at?: Micros
}

/** A column that a request must or may carry. */
export interface RequestColumn {
  readonly name: string
  readonly type: 'int' | 'float' | 'text' | 'bool' | 'timestamp' | 'vector'
  readonly nullable: boolean
  /** By the clocks of which zone a time without one is. */
  readonly zone?: string
  /** Numbers that a vector has. */
  readonly length?: number
}

export interface DeploymentStatus {
  readonly name: string
  readonly model: string
  readonly stable: { readonly version: number; readonly digest: string; readonly since: Micros } | null
  /** The running or last rollout: phase, weight, evidence so far, decisions. */
  readonly rollout: Readonly<Record<string, Json>> | null
  /** Several challengers that are compared, or were last. */
  readonly contest: Readonly<Record<string, Json>> | null
  /** Rows that each arm answered, and rows that the arm they were given to failed to answer. */
  readonly requests: { readonly stable: number; readonly canary: number; readonly errors: number }
  /** Labelled rows of the rollout that count only once the label horizon after their prediction is over. */
  readonly labels: { readonly waiting: number; readonly horizon: Micros }
  readonly latencyMicros: { readonly p50: number; readonly p99: number }
}

/** One served name in this process. */
export interface ServedDeployment {
  readonly name: string
  readonly columns: readonly RequestColumn[]
  readonly task: Task
  /** Names of the classes that labels are numbered by; none where the task has no such. */
  readonly classes: readonly string[]
  /** Who would answer a row: only what one arm answers is put into one call. */
  armOf(request: PredictRequest & { readonly id: string }): 'stable' | 'canary'
  /** Throws `requestInvalid` naming the column; one bad row refuses its call and loses nothing. */
  predict(requests: readonly PredictRequest[]): Promise<readonly Prediction[]>
  /** Why the stable version answers as it does. Counts as no prediction. Throws as `predict` does. */
  explain(requests: readonly PredictRequest[]): Promise<Explanation>
  /** Gives the number of labels whose prediction was found. */
  feedback(labels: readonly Label[]): Promise<number>
  /** Gives the number of values that are new and whose prediction was found. Throws `metricUnknown`. */
  observe(values: readonly ToldValue[]): Promise<number>
  status(): DeploymentStatus
  /** What was asked in `count` pieces of `step` minutes up to now, oldest first. */
  traffic(count: number, step: number): ReturnType<TrafficHistory['since']>
  /** Loaded, warm, and its golden rows answered right. Cached; costs no inference. */
  health(): { readonly ready: boolean; readonly reasons: readonly string[] }
  /** Operator's word on the running rollout, with why: whatever the evidence says. */
  command(command: RolloutCommand, actor: string, reason?: string): Promise<DeploymentStatus>
  /** Starts a rollout of that version as challenger. */
  rollOut(version: number, actor: string): Promise<DeploymentStatus>
  /** Begins to compare several versions with the stable one. Throws `contestRefused`, and `contestRunning` or `rolloutRunning`. */
  startContest(versions: readonly number[]): Promise<DeploymentStatus>
  /** Takes one of those that are compared, whatever the evidence says: its rollout begins. Throws `noContest`, `contestChallenger`. */
  choose(version: number, actor: string, reason?: string): Promise<DeploymentStatus>
}

/** The features of one entity at one moment. */
export interface EntityFeatures {
  /**
   * `present`, `missing` (the entity has no event that counts), `stale` (the newest is older than the view's ttl), `uncovered` (the
   * records do not reach back to the moment, and the view says that nothing is computed then), `unreachable` (the store does not
   * answer, and these are what was read last).
   */
  readonly status: FeatureStatus | 'unreachable'
  /** Event time of the newest event that counts; null where there is none, or where it was not looked at. */
  readonly event: Micros | null
  /** In declared order; null for null, times as RFC 3339 texts, vectors as lists. */
  readonly values: readonly (number | string | boolean | readonly number[] | null)[]
}

/** Everything that this process serves. */
export interface Serving {
  list(): readonly ServedDeployment[]
  get(name: string): ServedDeployment | undefined
  /** Ends a deployment: its name answers no more. Throws `nothingToEnd`. */
  end(name: string, actor: string): Promise<void>
  /** Takes rows into the log of a dataset and its online feature views. Resolves when they are durable. */
  push(dataset: Dataset, rows: PushedRows): Promise<PushResult>
  /**
   * The feature views by name that one request is answered with: as they were applied, and as the project declares those that
   * were not.
   */
  featureViews(): Promise<ReadonlyMap<string, FeatureView>>
  /** Resolves when requests are answered with what was applied so far. */
  followApplied(): Promise<void>
  /** Features of entities, rows with the key columns of a view that is kept online, at a moment. */
  features(view: FeatureView, rows: readonly Row[], at: Micros): Promise<readonly EntityFeatures[]>
  close(): Promise<void>
}
