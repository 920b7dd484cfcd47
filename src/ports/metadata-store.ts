import type { Decision, DecisionKind } from '../define/decision.ts'
import type { Report } from '../define/report.ts'
import type { Json } from '../internal/canonical-json.ts'
import type { Digest } from '../internal/digest.ts'
import type { Micros } from '../internal/time.ts'
import type { ProcessIdentity } from './executor.ts'

export type RunStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'
export type StepStatus = 'pending' | 'running' | 'succeeded' | 'reused' | 'failed' | 'skipped' | 'cancelled'

/** What a run is: a graph of steps, an experiment that an outside client tracks, files of rows that a version scored. */
export type RunKind = 'pipeline' | 'tracking' | 'score'

/** One execution of it. */
export interface RunRecord {
  readonly id: string
  readonly kind: RunKind
  readonly name: string
  readonly status: RunStatus
  /** Why it started: `manual`, `schedule`, `data`, `drift`, `performance`, … */
  readonly trigger: string
  readonly startedAt: Micros
  readonly endedAt?: Micros
  /** Code, environment and definition it ran with: commit, dirty diff digest, lockfile digest, definition digest, node. */
  readonly environment: Readonly<Record<string, Json>>
  readonly parameters: Readonly<Record<string, Json>>
  readonly error?: Readonly<Record<string, Json>>
  /** Who drives it now; renewed by heartbeats. */
  readonly lease?: { readonly owner: ProcessIdentity; readonly until: Micros }
}

export interface StepRecord {
  readonly runId: string
  readonly step: string
  readonly status: StepStatus
  readonly attempt: number
  readonly cacheKey?: Digest
  /** The components that the key was made of, for `explain`. */
  readonly keyParts?: Readonly<Record<string, Json>>
  /** Why it ran or was reused, in words. */
  readonly reason?: string
  /** Run that produced the reused outputs. */
  readonly reusedFrom?: string
  readonly startedAt?: Micros
  readonly endedAt?: Micros
  readonly outputs?: Readonly<Record<string, ArtifactRef>>
  readonly error?: Readonly<Record<string, Json>>
  readonly process?: ProcessIdentity
}

/** A typed pointer to bytes in the artifact store. */
export interface ArtifactRef {
  readonly type:
    | 'dataset'
    | 'features'
    | 'scaler'
    | 'declaration'
    | 'model'
    | 'onnx'
    | 'report'
    | 'profile'
    | 'metrics'
    | 'file'
    | 'json'
  readonly digest: Digest
  readonly size: number
  readonly meta?: Readonly<Record<string, Json>>
}

/** A finished step's outputs by its content key. */
export interface CacheEntry {
  readonly key: Digest
  readonly step: string
  readonly runId: string
  readonly outputs: Readonly<Record<string, ArtifactRef>>
  readonly keyParts: Readonly<Record<string, Json>>
  readonly at: Micros
}

/** `from` was used to make `to`. Both are digests or names such as `run:…`, `model:lateness@3`, `deployment:api`. */
export interface LineageEdge {
  readonly from: string
  readonly to: string
  readonly relation: string
}

export interface ModelVersion {
  readonly model: string
  /** 1, 2, 3, … never reused. */
  readonly version: number
  /** Of the ONNX file. */
  readonly digest: Digest
  readonly runId: string
  readonly createdAt: Micros
  readonly metrics: Readonly<Record<string, number>>
  /** Data snapshot, features, scaler, profile, report digests; trigger; commit. */
  readonly facts: Readonly<Record<string, Json>>
  readonly tags: Readonly<Record<string, string>>
}

export interface Experiment {
  readonly id: string
  readonly name: string
  readonly createdAt: Micros
  readonly updatedAt: Micros
  readonly deleted: boolean
  readonly tags: Readonly<Record<string, string>>
}

export interface MetricPoint {
  readonly key: string
  readonly value: number
  readonly timestamp: number
  readonly step: number
}

/** A JSON document with a revision, for state that is replaced as a whole: deployments, rollouts, triggers, tokens. */
export interface Document<T extends Json = Json> {
  readonly kind: string
  readonly id: string
  readonly revision: number
  readonly value: T
  readonly at: Micros
}

/** One point of a monitor: statistics of one column in one window. */
export interface WindowRecord {
  readonly monitor: string
  readonly series: string
  readonly from: Micros
  readonly to: Micros
  readonly body: Readonly<Record<string, Json>>
}

/** What one process did in a run since it last wrote: one transaction, guarded by the run's lease. */
export interface RunChange {
  readonly runId: string
  readonly lease: { readonly owner: ProcessIdentity; readonly until: Micros }
  readonly steps?: readonly StepRecord[]
  readonly cache?: readonly CacheEntry[]
  readonly edges?: readonly LineageEdge[]
  readonly decisions?: readonly Decision[]
  readonly reports?: readonly Report[]
  /** Documents to remove if they still have that revision: locks that are let go. */
  readonly remove?: readonly { readonly kind: string; readonly id: string; readonly revision: number }[]
  /** The end of the run; a run with a final status holds no lease. */
  readonly end?: {
    readonly status: RunStatus
    readonly endedAt: Micros
    readonly error?: Readonly<Record<string, Json>>
  }
}

export interface RunFilter {
  readonly kind?: RunKind
  readonly name?: string
  readonly status?: RunStatus
  readonly limit?: number
}

/** A document that must still have that revision: whoever takes over writes it anew. */
export interface Fence {
  readonly kind: string
  readonly id: string
  readonly revision: number
}

/**
 * What Millrace remembers. Every method is one transaction; acknowledged means it survives `kill -9`. Several processes
 * may use one store at once: writers wait for each other, and compare-and-set (`expected`) decides races.
 */
export interface MetadataStore {
  readonly name: string

  /**
   * All that `work` does with the store it is given, or nothing of it where it throws. Only that store may be used
   * meanwhile: another call would wait for the transaction, which waits for it.
   */
  transaction<T>(work: (store: MetadataStore) => Promise<T>): Promise<T>
  /**
   * The same store for one who leads: each write happens in one transaction with the check that `fence` still holds, and is
   * `leadershipLost` where it does not. Who slept while another took over cannot spoil anything.
   */
  fenced(fence: Fence): MetadataStore

  /** What of all that is stored is not as it was written, the first few places in words; it reads everything. */
  damage(): Promise<readonly string[]>

  /** The run and its tags appear together, or not at all. */
  createRun(run: RunRecord, tags?: Readonly<Record<string, string>>): Promise<void>
  /**
   * Replaces the given members; a final status also gives up the lease, and one that is `running` again has neither an end nor an
   * error unless they are given. Throws `runUnknown`.
   */
  updateRun(id: string, patch: Partial<Omit<RunRecord, 'id' | 'kind'>>): Promise<void>
  getRun(id: string): Promise<RunRecord | undefined>
  /** Newest first. */
  listRuns(filter?: RunFilter): Promise<readonly RunRecord[]>
  /**
   * Takes or renews the lease when it is free, expired, already the owner's own, or still held by `dead`, which the
   * caller has found to be gone. Of several who take over at once exactly one gets true.
   */
  acquireRunLease(
    id: string,
    owner: ProcessIdentity,
    until: Micros,
    now: Micros,
    dead?: ProcessIdentity,
  ): Promise<boolean>
  /**
   * Writes what happened in a run, and renews its lease, if the lease is still `owner`'s; writes nothing and gives
   * false if it is not. A process that was stopped and woke up after another took its run over cannot spoil it.
   */
  commitRun(change: RunChange): Promise<boolean>

  putStep(step: StepRecord): Promise<void>
  /** All in one transaction. */
  putSteps(steps: readonly StepRecord[]): Promise<void>
  listSteps(runId: string): Promise<readonly StepRecord[]>
  /** The newest records of that step in other runs, newest first, for `explain`. */
  stepHistory(step: string, limit: number): Promise<readonly StepRecord[]>

  getCache(keys: readonly Digest[]): Promise<ReadonlyMap<Digest, CacheEntry>>
  putCache(entry: CacheEntry): Promise<void>
  removeCache(key: Digest): Promise<void>

  addEdges(edges: readonly LineageEdge[]): Promise<void>
  edgesFrom(nodes: readonly string[]): Promise<readonly LineageEdge[]>
  edgesTo(nodes: readonly string[]): Promise<readonly LineageEdge[]>

  addDecision(decision: Decision): Promise<void>
  /** Newest first. */
  listDecisions(filter?: {
    readonly kind?: DecisionKind
    readonly subject?: string
    readonly limit?: number
  }): Promise<readonly Decision[]>
  getDecision(id: string): Promise<Decision | undefined>

  addReport(report: Report): Promise<void>
  listReports(filter?: {
    readonly kind?: Report['kind']
    readonly subject?: string
    /** Only those made in that run. */
    readonly runId?: string
    readonly limit?: number
  }): Promise<readonly Report[]>
  getReport(id: string): Promise<Report | undefined>

  /** Gives the next version number to it. */
  addModelVersion(version: Omit<ModelVersion, 'version'>): Promise<ModelVersion>
  getModelVersion(model: string, version: number): Promise<ModelVersion | undefined>
  /** Newest first. */
  listModelVersions(model?: string): Promise<readonly ModelVersion[]>
  setModelTags(model: string, version: number, tags: Readonly<Record<string, string>>): Promise<void>
  setAlias(model: string, alias: string, version: number | undefined): Promise<void>
  aliases(model: string): Promise<Readonly<Record<string, number>>>

  getDocument<T extends Json>(kind: string, id: string): Promise<Document<T> | undefined>
  listDocuments<T extends Json>(kind: string): Promise<readonly Document<T>[]>
  /**
   * Writes when the stored revision is `expected` (0: absent; undefined: whatever it is). Gives the new revision, or
   * undefined when it lost. `volatile`: survives `kill -9` but need not survive power loss, for locks, whose holders do
   * not either; it saves a sync of the disk.
   */
  putDocument(
    kind: string,
    id: string,
    value: Json,
    at: Micros,
    expected?: number,
    volatile?: boolean,
  ): Promise<number | undefined>
  /** Removes it, when `expected` is given only if that is still its revision. */
  removeDocument(kind: string, id: string, expected?: number): Promise<void>

  addWindows(windows: readonly WindowRecord[]): Promise<void>
  listWindows(
    monitor: string,
    filter?: { readonly series?: string; readonly from?: Micros; readonly to?: Micros; readonly limit?: number },
  ): Promise<readonly WindowRecord[]>

  createExperiment(experiment: Omit<Experiment, 'id'> & { readonly id?: string }): Promise<Experiment>
  getExperiment(id: string): Promise<Experiment | undefined>
  getExperimentByName(name: string): Promise<Experiment | undefined>
  listExperiments(): Promise<readonly Experiment[]>
  updateExperiment(id: string, patch: Partial<Omit<Experiment, 'id' | 'createdAt'>>): Promise<void>
  /** Params, metrics and tags in one transaction. Params are immutable: another value for a key is `paramImmutable`. */
  logBatch(
    runId: string,
    batch: {
      readonly params?: Readonly<Record<string, string>>
      readonly metrics?: readonly MetricPoint[]
      readonly tags?: Readonly<Record<string, string>>
    },
  ): Promise<void>
  deleteTag(runId: string, key: string): Promise<boolean>
  runParams(runId: string): Promise<Readonly<Record<string, string>>>
  runTags(runId: string): Promise<Readonly<Record<string, string>>>
  /** Latest point of every metric: greatest (step, timestamp, value). */
  latestMetrics(runId: string): Promise<readonly MetricPoint[]>
  /** Ordered by (timestamp, step, value). */
  metricHistory(runId: string, key: string, offset: number, limit: number): Promise<readonly MetricPoint[]>

  close(): Promise<void>
}
