import type { EndedRepairs } from '../stages/readmit/ended.ts'
import { counted } from './words.ts'

/** `2 repairs of data/a.csv are not in effect any more: its content changed (millrace data quarantine …)`, a line a file. */
export function endedLines(dataset: string, ended: readonly EndedRepairs[]): string[] {
  return ended.map(
    ({ file, rows, reason }) =>
      `${counted(rows, 'repair')} of ${file} ${rows === 1 ? 'is' : 'are'} not in effect any more: ${reason} (millrace data quarantine ${dataset} lists what is bad now)`,
  )
}
