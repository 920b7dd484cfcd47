import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs'
import type { CsvOptions } from '../../../ports/data-engine.ts'

/** What of a UTF-8 text the engine does not read right. */
export interface TextForm {
  readonly mark: boolean
  /** Ends of lines, wherever they stand. */
  readonly ends: ReadonlySet<'\n' | '\r\n' | '\r'>
  /** A quote is open at its end. */
  readonly open: boolean
  /** Somewhere spaces stand between the beginning of a cell and a quote, or after the quote that ends one. */
  readonly spaced: boolean
}

export const byteOrderMark = Buffer.from('\uFEFF')

const feed = 10
const back = 13
const space = 32

/** Where the spaces before a place begin; at 0 where it is not known what is before them. */
function textBefore(bytes: Buffer, at: number): number {
  let from = at
  while (bytes[from - 1] === space) from--
  return from
}

/** Files up to this size are read at once: of many small ones each wait would take longer than the reading. */
const smallFile = 1 << 20

/** The form of a text; quotes are those of CSV, none where they are not given. */
export async function formOf(path: string, csv?: CsvOptions): Promise<TextForm> {
  const reader = new FormReader(csv)
  const small = wholeFile(path)
  if (small) {
    // whoever looks at thousands of files lets others have their turn
    await new Promise<void>(resolve => setImmediate(resolve))
    reader.take(small)
  } else for await (const chunk of createReadStream(path, { highWaterMark: 1 << 22 })) reader.take(chunk as Buffer)
  return reader.done()
}

function wholeFile(path: string): Buffer | undefined {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    if (size > smallFile) return undefined
    const bytes = Buffer.allocUnsafe(size)
    return bytes.subarray(0, readSync(file, bytes, 0, size, 0))
  } finally {
    closeSync(file)
  }
}

/** Looks from quote to quote and from return to return, as few as there are: most bytes are never looked at one by one. */
class FormReader {
  readonly #ends = new Set<'\n' | '\r\n' | '\r'>()
  readonly #quote: Buffer
  readonly #escape: Buffer
  readonly #delimiter: Buffer
  readonly #overlap: number
  #mark: boolean | undefined
  #quoted = false
  #spaced = false
  /** What was taken and is not yet judged, or is needed to judge what follows: `#done` bytes of it are. */
  #rest = Buffer.alloc(0)
  #judged = 0

  constructor(csv: CsvOptions | undefined) {
    const { delimiter = ',', quote = '"', escape = quote } = csv ?? { quote: '' }
    this.#delimiter = Buffer.from(delimiter)
    this.#quote = Buffer.from(quote)
    this.#escape = Buffer.from(escape)
    this.#overlap = Math.max(this.#delimiter.length, this.#quote.length + this.#escape.length, 4)
  }

  take(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    this.#mark ??= bytes.subarray(0, 3).equals(byteOrderMark)
    this.#judge(bytes, Math.max(this.#judged, bytes.length - this.#overlap))
    const from = Math.max(0, this.#judged - this.#overlap)
    this.#rest = Buffer.from(bytes.subarray(from))
    this.#judged -= from
  }

  done(): TextForm {
    this.#judge(this.#rest, this.#rest.length)
    return { mark: this.#mark === true, ends: this.#ends, open: this.#quoted, spaced: this.#spaced }
  }

  /** Judges the bytes up to `to`, and a quote that begins before it. */
  #judge(bytes: Buffer, to: number): void {
    this.#readEnds(bytes, this.#judged, to)
    this.#judged = this.#quote.length === 0 ? to : this.#readQuotes(bytes, this.#judged, to)
  }

  #readEnds(bytes: Buffer, from: number, to: number): void {
    for (let at = bytes.indexOf(back, from); at >= 0 && at < to; at = bytes.indexOf(back, at + 1))
      this.#ends.add(bytes[at + 1] === feed ? '\r\n' : '\r')
    if (this.#ends.has('\n')) return
    for (let at = bytes.indexOf(feed, from); at >= 0 && at < to; at = bytes.indexOf(feed, at + 1))
      if (bytes[at - 1] !== back) {
        this.#ends.add('\n')
        return
      }
  }

  #readQuotes(bytes: Buffer, from: number, to: number): number {
    let at = from
    while (at < to) {
      const next = bytes.indexOf(this.#quote, at)
      if (next < 0 || next >= to) {
        if (this.#quoted) at = this.#escaped(bytes, at, to) ?? to
        else at = to
        continue
      }
      if (!this.#quoted) {
        this.#quoted = this.#startsCell(bytes, next)
        if (!this.#quoted && bytes[next - 1] === space)
          this.#spaced ||= this.#startsCell(bytes, textBefore(bytes, next))
        at = next + this.#quote.length
        continue
      }
      const escaped = this.#escaped(bytes, at, next + 1)
      if (escaped === undefined) {
        this.#quoted = false
        at = next + this.#quote.length
        if (bytes[at] === space && this.#delimiter[0] !== space) this.#spaced = true
      } else at = escaped
    }
    return at
  }

  /** After the first escaped quote that begins from `at` on and before `before`. */
  #escaped(bytes: Buffer, at: number, before: number): number | undefined {
    if (this.#escape.length === 0) return undefined
    for (let found = bytes.indexOf(this.#escape, at); found >= 0 && found < before; ) {
      const after = found + this.#escape.length
      if (bytes.subarray(after, after + this.#quote.length).equals(this.#quote)) return after + this.#quote.length
      found = bytes.indexOf(this.#escape, after)
    }
    return undefined
  }

  #startsCell(bytes: Buffer, at: number): boolean {
    const before = bytes[at - 1]
    if (before === undefined || before === feed || before === back) return true
    if (this.#mark === true && at === byteOrderMark.length && bytes.subarray(0, at).equals(byteOrderMark)) return true
    return at >= this.#delimiter.length && bytes.subarray(at - this.#delimiter.length, at).equals(this.#delimiter)
  }
}

/** Whether all bytes of a file are UTF-8. */
export async function isUtf8File(path: string): Promise<boolean> {
  const decoding = new TextDecoder('utf-8', { fatal: true })
  try {
    for await (const bytes of createReadStream(path, { highWaterMark: 1 << 20 }))
      decoding.decode(bytes as Uint8Array, { stream: true })
    decoding.decode()
    return true
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}
