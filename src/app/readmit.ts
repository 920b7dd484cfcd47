import { relative } from 'node:path'
import type { Workspace } from '../config/workspace.ts'
import { fail } from '../errors/index.ts'
import { whyUnreadable } from '../internal/why-unreadable.ts'
import { readmit, type ReadmitResult } from '../stages/readmit/readmit.ts'
import { datasetOf } from './dataset-of.ts'

export interface ReadmitInput {
  readonly dataset: string
  /** CSV, JSON lines or Parquet with the repaired rows; an absolute path. */
  readonly path: string
  /** How its place is told where it cannot be read (default: the path). */
  readonly shown?: string | undefined
}

/** Lets repaired rows in again: all of the file, or none. Throws `fileUnreadable`. */
export async function readmitFile(
  workspace: Workspace,
  { dataset, path, shown = path }: ReadmitInput,
): Promise<ReadmitResult> {
  const reason = await whyUnreadable(path)
  if (reason !== undefined) throw fail('fileUnreadable', { file: shown, reason })
  return readmit(workspace, datasetOf(workspace, dataset), relative(workspace.root, path))
}
