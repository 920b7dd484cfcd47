import type { Decision } from '../define/decision.ts'
import type { Report } from '../define/report.ts'
import type { Json } from '../internal/canonical-json.ts'
import type { Digest } from '../internal/digest.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import type { Clock, Random } from '../ports/clock.ts'
import type { ArtifactRef, RunStatus, StepRecord } from '../ports/metadata-store.ts'

/** Where an input comes from: an output of another step of the graph, or an artifact that exists already. */
export type InputSource = { readonly step: string; readonly output: string } | ArtifactRef

/** How often each class of failure is tried again, and how long is waited before. A refusing gate never is. */
export interface RetryPolicy {
  /** The machine's fault: killed from outside, disk, network. Default 3. */
  readonly infrastructure?: number
  /** The step said "later" (exit code 75, or an error with `retryable: true`). Default 3. */
  readonly temporary?: number
  /** Any other failure. Default 0. */
  readonly error?: number
  /** First wait in milliseconds, doubled each time up to a minute. Default 1000. */
  readonly backoffMs?: number
}

/** A pure function of its inputs' contents, its parameters, its code, its environment and its seed. */
export interface StepDefinition {
  readonly name: string
  readonly inputs: Readonly<Record<string, { readonly from: InputSource }>>
  /** Steps that must have succeeded before, beyond those whose outputs are inputs. */
  readonly after?: readonly string[]
  readonly parameters: Json
  /** Digest of the step's own code: see `codeDigest`. */
  readonly code: Digest
  /** Digest of each module that the code digest was made of; only for explaining a change. */
  readonly modules?: Readonly<Record<string, Digest>>
  /** Lockfile digest, Node major version, values of declared environment variables. */
  readonly environment: Json
  readonly seed?: number
  /** `never`: runs every time. Default `auto`: reused when all of the above is as it was. */
  readonly cache?: 'auto' | 'never'
  readonly retry?: RetryPolicy
  readonly timeoutMs?: number
  readonly runsIn: 'inline' | 'process'
  /** Of an inline step. */
  readonly run?: StepFunction
  /** Of a process step: a module file and the name of the function, or of the object with a `run`, that it exports. */
  readonly module?: { readonly file: string; readonly export: string }
  /** Declared environment variables of a process step. */
  readonly env?: Readonly<Record<string, string>>
}

export type StepFunction = (context: StepContext) => Promise<StepResult> | StepResult

export interface StepInput {
  readonly ref: ArtifactRef
  /** A read-only local file with the bytes, checked against the digest. */
  path(): Promise<string>
  bytes(): Promise<Uint8Array>
  json<T extends Json>(): Promise<T>
}

/** The same for inline and process steps. */
export interface StepContext {
  readonly runId: string
  readonly step: string
  readonly attempt: number
  readonly inputs: Readonly<Record<string, StepInput>>
  readonly parameters: Json
  readonly seed: number
  readonly random: Random
  readonly clock: Clock
  /** Aborted when the run is cancelled or the step's time is up. */
  readonly signal: AbortSignal
  readonly artifacts: ArtifactStore
  /** A scratch folder of this attempt. */
  folder(): Promise<string>
  /** Puts content (or a file's) into the artifact store; give what comes back among the outputs. */
  save(
    type: ArtifactRef['type'],
    content: Uint8Array | string | { readonly file: string },
    meta?: Readonly<Record<string, Json>>,
  ): Promise<ArtifactRef>
  /** `fraction` 0 to 1. */
  progress(fraction: number, message?: string): void
  metric(key: string, value: number, step?: number): void
  /**
   * A run of its own below this one: started, or gone on with where its id is known. It is ended with this one. Of inline
   * steps alone.
   */
  readonly run?: (request: RunRequest) => Promise<RunResult>
}

export interface RunRequest {
  /** Name of the pipeline. */
  readonly name: string
  readonly steps: readonly StepDefinition[]
  /** Default `manual`. */
  readonly trigger?: string
  readonly environment?: Readonly<Record<string, Json>>
  readonly parameters?: Readonly<Record<string, Json>>
  /** Default: a fresh one. */
  readonly runId?: string
}

export interface RunResult {
  readonly runId: string
  readonly status: RunStatus
  /** In the order of the plan. */
  readonly steps: readonly StepRecord[]
  /** What ended it: the first step that failed, and how. */
  readonly error?: Readonly<Record<string, Json>>
}

/**
 * What a step gives. It is a gate too: a decision with the verdict `refused`, or a report with the status `fail` or
 * `error`, stops what depends on it, and the run fails with that reason.
 */
export interface StepResult {
  readonly outputs: Readonly<Record<string, ArtifactRef>>
  readonly reports?: readonly Report[]
  readonly decisions?: readonly Decision[]
}

/** Why a gate said no, or undefined where it did not. */
export function refusalOf(result: StepResult): string | undefined {
  const decision = result.decisions?.find(one => one.verdict === 'refused')
  if (decision !== undefined) return decision.reason
  const report = result.reports?.find(one => one.status === 'fail' || one.status === 'error')
  if (report === undefined) return undefined
  const bad = report.checks.filter(check => check.status === 'fail' || check.status === 'error')
  const first = bad[0]?.message ?? bad[0]?.error
  return `${report.kind} of ${report.subject}: ${bad.length} of ${report.checks.length} checks failed${first ? `: ${first}` : ''}`
}
