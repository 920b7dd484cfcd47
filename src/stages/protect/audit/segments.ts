import { createReadStream } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { named } from '../../../internal/publish.ts'

/** Segment files of a log, oldest first. */
export async function segmentsOf(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter(name => /^\d{8}\.jsonl$/.test(name)).sort()
}

export function segmentName(number: number): string {
  return `${String(number).padStart(8, '0')}.jsonl`
}

export interface Line {
  readonly segment: string
  /** 1, 2, 3, … within the segment. */
  readonly number: number
  readonly text: string
}

export async function* linesOf(folder: string): AsyncGenerator<Line> {
  for (const segment of await segmentsOf(folder)) {
    let number = 0
    const path = join(folder, segment)
    const input = createReadStream(path, 'utf8')
    // The interface swallows what the stream rejects with
    let failed: unknown
    input.once('error', error => {
      failed = error
    })
    for await (const text of createInterface({ input, crlfDelay: Infinity })) yield { segment, number: ++number, text }
    if (failed !== undefined) throw named(failed, path)
  }
}

/** Cuts what a crash left of a line that was never acknowledged. Gives the bytes cut. */
export async function cutTornTail(path: string): Promise<number> {
  const handle = await open(path, 'r+').catch((error: unknown) => {
    throw named(error, path)
  })
  try {
    const { size } = await handle.stat()
    const length = Math.min(size, 1 << 20)
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length)
    const end = buffer.lastIndexOf(0x0a) + 1
    const torn = length - end
    if (torn > 0) {
      await handle.truncate(size - torn)
      await handle.sync()
    }
    return torn
  } finally {
    await handle.close()
  }
}
