import type { Workspace } from '../config/workspace.ts'
import { scoreFiles, type ScoreResult } from '../stages/score/score.ts'
import type { Listener } from './use-case.ts'
import { versionOf } from './version-of.ts'

export interface ScoreInput {
  /** `lateness@3`; without a number the champion. */
  readonly version: string
  /** Absolute paths. */
  readonly files: readonly string[]
  /** Absolute path: of a Parquet file, or of a folder for parts. */
  readonly out: string
  /** How `out` is told (default: the path). */
  readonly shown?: string | undefined
  /** Columns of the files that go into the result beside the scores. */
  readonly keep?: readonly string[] | undefined
  /** The moment of rows whose file has no time of the event, microseconds (default: now). */
  readonly at?: number | undefined
}

/** Scores files of rows with a version. */
export async function scoreWith(workspace: Workspace, input: ScoreInput, listener: Listener): Promise<ScoreResult> {
  const { version, ...options } = input
  const record = await versionOf(workspace.store, version)
  listener.chapter(`score with ${record.model}@${record.version}`)
  return scoreFiles(workspace, record, { ...options, told: rows => listener.say(`${rows} rows`) })
}
