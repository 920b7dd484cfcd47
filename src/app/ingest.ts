import type { Workspace } from '../config/workspace.ts'
import { fail } from '../errors/index.ts'
import { whyUnopenable } from '../internal/why-unreadable.ts'
import { ingest, type IngestRecord } from '../stages/ingest/ingest.ts'
import { datasetOf } from './dataset-of.ts'

export interface IngestInput {
  readonly dataset: string
  /** The file, which stays where it is. */
  readonly path: string
  /** How it is called in the dataset. */
  readonly name: string
  /** How its place is told where it cannot be read (default: the path). */
  readonly shown?: string | undefined
  /** Whether what was refused before is judged again. */
  readonly anew?: boolean | undefined
}

/** What became of it; `again` where its content had come before. */
export type IngestAnswer = IngestRecord & { readonly again: boolean }

/** Takes a file into a dataset if it holds. Throws `fileUnreadable`. */
export async function ingestFile(workspace: Workspace, input: IngestInput): Promise<IngestAnswer> {
  const { path, name, anew = false, shown = path } = input
  const dataset = datasetOf(workspace, input.dataset)
  const reason = await whyUnopenable(path)
  if (reason !== undefined) throw fail('fileUnreadable', { file: shown, reason })
  const { result, again } = await ingest(workspace, dataset, { path, name }, { anew })
  return { ...result, again }
}
