import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Workspace } from '../config/workspace.ts'
import type { Dataset } from '../define/dataset.ts'
import { fail } from '../errors/index.ts'
import { Inbox } from '../stages/ingest/inbox.ts'
import { ingest, type IngestRecord } from '../stages/ingest/ingest.ts'
import type { Output } from './command.ts'

const marks = { passed: '✓', quarantined: '!', refused: '✗' } as const

/** One result as a line for people. */
export function ingestedLine(name: string, result: IngestRecord, again: boolean): string {
  const where = result.place === null ? '' : ` → ${result.place}`
  const called = result.name === name ? '' : ` as ${result.name}`
  const before = again ? ` (this content came before${called})` : ''
  return `${marks[result.verdict]} ${name}: ${result.reason}${where}${before}`
}

export interface WatchOptions {
  /** Until the folder is empty. */
  readonly once: boolean
  /** How long a file has to stand unchanged before it is taken. */
  readonly settledMs: number
  readonly signal: AbortSignal
  readonly out: Output
}

/**
 * Takes what arrives in a folder into a dataset, and away from the folder. Goes on until `signal`, or with `once` until the
 * folder is empty. Gives the results.
 */
export async function watchInbox(
  workspace: Workspace,
  dataset: Dataset,
  folder: string,
  { once, settledMs, signal, out }: WatchOptions,
): Promise<IngestRecord[]> {
  const path = resolve(workspace.root, folder)
  const isFolder = await stat(path).then(
    found => found.isDirectory(),
    () => false,
  )
  if (!isFolder) throw fail('sourceUnreadable', { source: folder, reason: 'it is no folder' })
  const inbox = new Inbox(path, settledMs, () => workspace.clock.elapsed())
  const results: IngestRecord[] = []
  out.note(`watching ${folder} for files of ${dataset.name}${once ? '' : '; end with Ctrl-C'}`)
  while (!signal.aborted) {
    const { settled, waiting } = await inbox.look()
    for (const file of settled) {
      const taken = await ingest(workspace, dataset, file).catch(error => {
        // another process that watches was faster
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      })
      if (!taken) continue
      results.push(taken.result)
      out.line(ingestedLine(file.name, taken.result, taken.again))
      if (!(await inbox.clear(file, taken.result.verdict === 'refused')))
        out.note(`${file.name} has changed since: what it is now is judged again`)
    }
    if (once && !waiting) break
    await sleep(500, undefined, { signal }).catch(() => undefined)
  }
  return results
}
