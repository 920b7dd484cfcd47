import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dataset } from '../../define/dataset.ts'
import { readCheckedLines } from '../../internal/checked-lines.ts'
import { named } from '../../internal/publish.ts'
import type { Micros } from '../../internal/time.ts'
import type { RowVersion } from './row-version.ts'
import { readStored, type StoredRow } from './stored-row.ts'

/** Rows that came together, of one request. */
export interface Frame {
  readonly at: Micros
  /** By what name the sender will know the request again, the digest of what it held, and how many rows that were. */
  readonly request?: readonly [id: string, digest: string, rows: number]
  readonly rows: readonly StoredRow[]
}

export const segmentName = (number: number): string => `${String(number).padStart(9, '0')}.jsonl`

/** A version as it stands in the log, without those before it. */
export type LoggedVersion = Omit<RowVersion, 'before'>

/** The versions in a segment, in order, as it is on disk now; `onDamage` hears of lines that are not as they were written. */
export async function* versionsOf(
  folder: string,
  number: number,
  columns: Dataset['columns'],
  onDamage: () => void = () => undefined,
): AsyncGenerator<LoggedVersion> {
  for await (const chunk of chunksFrom(join(folder, segmentName(number)), 0)) {
    const { values, damaged } = readCheckedLines<Frame>(chunk.text)
    if (damaged > 0 || chunk.isCut) onDamage()
    for (const frame of values) for (const stored of frame.rows) yield readStored(stored, frame.at, columns)
  }
}

/** Whole lines of a file. */
export interface Chunk {
  readonly text: string
  /** What stands after the last line that has an end was never acknowledged. */
  readonly isCut: boolean
}

/** Bytes of a segment that are held at a time, but for a line that is longer. */
const chunkBytes = 2 ** 20

/** What a file has from a byte on, where a line begins. */
export async function* chunksFrom(path: string, from: number): AsyncGenerator<Chunk> {
  try {
    const file = await open(path, 'r')
    try {
      let rest: Buffer = Buffer.alloc(0)
      for (let at = from; ; ) {
        const bytes = Buffer.alloc(chunkBytes)
        const { bytesRead } = await file.read(bytes, 0, chunkBytes, at)
        if (bytesRead === 0) break
        at += bytesRead
        const all = Buffer.concat([rest, bytes.subarray(0, bytesRead)])
        const end = all.lastIndexOf(10) + 1
        rest = all.subarray(end)
        if (end > 0) yield { text: all.toString('utf8', 0, end), isCut: false }
      }
      if (rest.length > 0) yield { text: '', isCut: true }
    } finally {
      await file.close()
    }
  } catch (error) {
    throw named(error, path)
  }
}

/** The numbers of the segments in a folder, ascending. All but the last are complete: nothing is appended to them. */
export async function segmentsIn(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [] as string[]
    throw error
  })
  return names.flatMap(name => (/^\d{9}\.jsonl$/.test(name) ? [Number(name.slice(0, 9))] : [])).sort((a, b) => a - b)
}
