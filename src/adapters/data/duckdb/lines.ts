import { createReadStream } from 'node:fs'

/** A line of a file as it stands there, without its end. */
export interface PhysicalLine {
  /** 1 is the first line of the file. */
  readonly number: number
  /** Bytes of the file before it. */
  readonly start: number
  readonly bytes: Buffer
  /** What ends it; nothing at the end of a file. */
  readonly end: Buffer
}

/** Bytes of a line beyond which no line after it is told: it would have to be held. */
const longest = 128 * 2 ** 20

const feed = 10
const back = 13

/** What ends a line: a newline, a return or both; or newlines alone, where a return is a space. */
type Ends = 'any' | 'newline'

/** Where the first line of a text ends, and where the next one starts; undefined while more has to be read to say. */
function endOf(bytes: Buffer, from: number, last: boolean, ends: Ends): readonly [number, number] | undefined {
  const newline = bytes.indexOf(feed, from)
  const before = newline < 0 ? bytes.subarray(from) : bytes.subarray(from, newline)
  const lone = ends === 'any' ? before.indexOf(back) : -1
  if (lone < 0) return newline < 0 ? undefined : [newline, newline + 1]
  const at = from + lone
  if (at + 1 === newline) return [at, newline + 1]
  // a return at the very end may have its newline still to come
  return at + 1 < bytes.length || last ? [at, at + 1] : undefined
}

/**
 * The lines of a file, stretch by stretch, each to be looked at to its end before the next: one await for each line would
 * take far longer than the reading.
 */
export async function* linesOf(path: string, ends: Ends = 'any'): AsyncGenerator<Iterable<PhysicalLine>> {
  let rest: Buffer = Buffer.alloc(0)
  let start = 0
  let number = 0
  function* take(last: boolean): Generator<PhysicalLine> {
    let from = 0
    for (let end = endOf(rest, from, last, ends); end; end = endOf(rest, from, last, ends)) {
      yield {
        number: ++number,
        start: start + from,
        bytes: rest.subarray(from, end[0]),
        end: rest.subarray(end[0], end[1]),
      }
      from = end[1]
    }
    rest = rest.subarray(from)
    start += from
  }
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    rest = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer])
    yield take(false)
    if (rest.length > longest) return
  }
  yield take(true)
  if (rest.length > 0) yield [{ number: ++number, start, bytes: rest, end: rest.subarray(rest.length) }]
}

/** Numbers of the lines that hold some places of a file, in bytes, lowest first. */
export async function linesAt(path: string, places: readonly number[]): Promise<number[]> {
  const found: number[] = []
  if (places.length === 0) return found
  let before = 0
  for await (const lines of linesOf(path))
    for (const { number, start } of lines) {
      while (found.length < places.length && (places[found.length] as number) < start) found.push(before)
      if (found.length === places.length) return found
      before = number
    }
  while (found.length < places.length) found.push(before)
  return found
}

/** Lines of a file that are not empty, by their number among those, from 0. */
export async function filledLines(path: string, wanted: readonly number[]): Promise<Map<number, PhysicalLine>> {
  const found = new Map<number, PhysicalLine>()
  const missing = new Set(wanted)
  let at = 0
  if (missing.size === 0) return found
  for await (const lines of linesOf(path, 'newline'))
    for (const line of lines) {
      if (line.bytes.every(byte => byte === 32 || byte === 9 || byte === back)) continue
      if (missing.delete(at)) found.set(at, { ...line, bytes: Buffer.from(line.bytes) })
      if (missing.size === 0) return found
      at++
    }
  return found
}
