import { createReadStream, createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { Decompress } from 'fzstd'
import { fail } from '../../../errors/catalogue.ts'
import { formatOfBytes, otherFormat } from '../../../internal/file-format.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type { CsvOptions } from '../../../ports/data-engine.ts'
import { head } from './csv-header.ts'
import { leavesOpen, withoutInitialSpaces, withSpacesThatCount } from './csv-lines.ts'
import { linesOf, type PhysicalLine } from './lines.ts'
import type { Scratch } from './session.ts'
import { byteOrderMark, formOf } from './text-form.ts'

/** A text that the engine reads right: the file itself, or a copy of it with the same lines. */
export interface PlainText {
  readonly path: string
  /**
   * Texts of lines with a quote that nothing closes, by their first byte in `path`. The engine would take all that follows for
   * a part of the cell, and say nothing; in the copy they have too many cells.
   */
  readonly open: ReadonlyMap<number, string>
  /** Its lines end with a newline alone. */
  readonly newlines: boolean
}

/** The text that is read for a file. */
export type Plain = (path: string) => Promise<PlainText>

/** Lines that are looked for whose quote nothing closes: for each the text is read once more. */
const maxOpen = 100

/** Characters that are kept of such a line. */
const maxShown = 200

/**
 * A text as one that the engine reads: UTF-8, not compressed, without a byte order mark, with line ends of one kind, no quote
 * that is left open, none beside a space, and no space before a cell where those are skipped. Nothing is copied of a file that is so already. CSV where `csv` is given, else JSON lines. Throws
 * `sourceUnreadable`.
 */
export async function plainText(
  path: string,
  { source, file }: { readonly source: string; readonly file: string },
  csv: CsvOptions | undefined,
  scratch: Scratch,
): Promise<PlainText> {
  // of many files, the one that is at fault
  const of = /[*?[,]/.test(source) ? `${file}: ` : ''
  const refuse = (reason: string, cause?: unknown) =>
    fail('sourceUnreadable', { source, reason: `${of}${reason}` }, cause)
  const start = await firstBytes(path)
  const format = formatOfBytes(start)
  if (format && !format.compression) throw refuse(otherFormat(format, csv ? 'CSV' : 'JSON lines'))
  const encoding = format ? undefined : encodingOf(start, csv?.encoding)
  if (encoding === 'utf-32') throw refuse('it is UTF-32: write it as UTF-8')
  if (!format && encoding === undefined) return oneForm(path, csv, refuse, scratch)
  const copy = await scratch('txt')
  try {
    const stages = format ? decompressor(format.compression) : decoder(encoding as string)
    await pipeline(createReadStream(path), stages, createWriteStream(copy))
  } catch (error) {
    const system = typeof (error as NodeJS.ErrnoException).syscall === 'string'
    if (system || !format) throw error
    throw refuse(`it is ${format.name}, damaged or not written to its end (${messageOf(error)})`, error)
  }
  if ((await firstBytes(copy)).length === 0) throw refuse('it is empty')
  return format ? plainText(copy, { source, file }, csv, scratch) : oneForm(copy, csv, refuse, scratch)
}

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** Encoding from which a text is decoded; undefined of UTF-8. What a byte order mark says goes before what is declared. */
function encodingOf(start: Buffer, declared: CsvOptions['encoding']): string | undefined {
  if (start.subarray(0, 3).equals(byteOrderMark)) return undefined
  const [a, b, c, d] = start
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 && start.length > 3 ? 'utf-32' : 'utf-16le'
  if (a === 0xfe && b === 0xff) return 'utf-16be'
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return 'utf-32'
  if (declared === 'utf-16') return a === 0 && b !== 0 ? 'utf-16be' : 'utf-16le'
  return declared === undefined || declared === 'utf-8' ? undefined : 'windows-1252'
}

/** Bytes that are no text become U+FFFD. */
function decoder(encoding: string): Transform {
  const decoding = new TextDecoder(encoding)
  return new Transform({
    transform(chunk: Uint8Array, _, done) {
      done(null, decoding.decode(chunk, { stream: true }))
    },
    flush(done) {
      done(null, decoding.decode())
    },
  })
}

function decompressor(compression: 'gzip' | 'zstd' | undefined): Transform {
  if (compression !== 'zstd') return createGunzip()
  let ended = false
  const stage: Transform = new Transform({
    transform(chunk: Uint8Array, _, done) {
      taking(done, () => decompress.push(Uint8Array.from(chunk)))
    },
    flush(done) {
      taking(done, () => {
        decompress.push(new Uint8Array(0), true)
        if (!ended) throw new Error('unexpected end of file')
      })
    },
  })
  const decompress = new Decompress((chunk, last) => {
    ended ||= last === true
    stage.push(Buffer.from(chunk))
  })
  return stage
}

function taking(done: (error?: Error) => void, work: () => void): void {
  try {
    work()
    done()
  } catch (error) {
    done(error instanceof Error ? error : new Error(messageOf(error)))
  }
}

/** The text itself where its lines are all of one form, else a copy in which they are. */
async function oneForm(
  path: string,
  csv: CsvOptions | undefined,
  refuse: (reason: string) => Error,
  scratch: Scratch,
): Promise<PlainText> {
  // Where initial spaces are skipped there is a copy without them, whatever the rest is like
  if (csv?.skipInitialSpace !== true) {
    const form = await formOf(path, csv)
    const mixed = csv ? form.ends.size > 1 : form.ends.has('\r')
    const returns = form.ends.has('\r') || form.ends.has('\r\n')
    const isOdd = form.mark || mixed || form.open || form.spaced
    if (!isOdd && !(returns && csv && (await startsOverLines(path, csv))))
      return { path, open: new Map(), newlines: !returns }
  }
  const copy = await scratch('txt')
  const open = new Set<number>()
  for (;;) {
    const writing = new CopyOfLines(path, csv, open)
    await pipeline(Readable.from(writing.chunks()), createWriteStream(copy))
    if (writing.openFrom === undefined) return { path: copy, open: writing.texts, newlines: true }
    if (writing.openFrom === writing.first) throw refuse('a quote in its first line is never closed')
    if (open.size === maxOpen)
      throw refuse(`more than ${maxOpen} lines have a quote that is never closed, from line ${Math.min(...open)} on`)
    open.add(writing.openFrom)
  }
}

/** Whether the first record has a line end within quotes: the engine would take that one for what ends lines. */
async function startsOverLines(path: string, csv: CsvOptions): Promise<boolean> {
  const [first = ''] = (await head(path)).replace(/^[\r\n]+/, '').split(/[\r\n]/, 1)
  return leavesOpen(first, csv, false)
}

/** A text line by line, each ended by a newline; ends within quotes stay as they are. */
class CopyOfLines {
  /** Texts of the lines that are known to leave a quote open, by their first byte in the copy. */
  readonly texts = new Map<number, string>()
  /** Number of the line of the record in which a quote is open at the end of the text. */
  openFrom: number | undefined
  /** Number of the first line that is not empty. */
  first = 0
  readonly #path: string
  readonly #csv: CsvOptions | undefined
  readonly #open: ReadonlySet<number>
  /** Delimiters of the first record: a line with more has too many cells. */
  #delimiters = 0
  #written = 0

  constructor(path: string, csv: CsvOptions | undefined, open: ReadonlySet<number>) {
    this.#path = path
    this.#csv = csv && inBytes(csv)
    this.#open = open
  }

  async *chunks(): AsyncGenerator<Buffer> {
    const { delimiter = ',', quote = '"' } = this.#csv ?? { quote: '' }
    let [quoted, from] = [false, 1]
    for await (const lines of linesOf(this.#path)) {
      const made: Buffer[] = []
      for (const line of lines) {
        let bytes = line.number === 1 && startsWithMark(line) ? line.bytes.subarray(3) : line.bytes
        if (this.#csv?.skipInitialSpace === true)
          bytes = Buffer.from(withoutInitialSpaces(bytes.toString('latin1'), this.#csv, quoted), 'latin1')
        if (!quoted) from = line.number
        if (this.first === 0 && bytes.length > 0) this.first = line.number
        const isFirst = from === this.first
        if (!quoted && this.#open.has(line.number)) {
          this.texts.set(this.#written, Array.from(bytes.toString('utf8').trim()).slice(0, maxShown).join(''))
          // cells that are empty at the end of a line would be let pass
          this.#add(made, Buffer.from(`x${`${delimiter}x`.repeat(this.#delimiters + 1)}`, 'latin1'), line)
          continue
        }
        if (quoted || isFirst || (quote !== '' && bytes.includes(quote, 0, 'latin1'))) {
          const text = bytes.toString('latin1')
          if (isFirst) this.#delimiters += text.split(delimiter).length - 1
          if (this.#csv) {
            const kept = withSpacesThatCount(text, this.#csv, quoted)
            if (kept !== text) bytes = Buffer.from(kept, 'latin1')
            quoted = leavesOpen(text, this.#csv, quoted)
          }
        }
        this.#add(made, bytes, quoted ? { end: line.end } : line, quoted)
      }
      yield Buffer.concat(made)
    }
    this.openFrom = quoted ? from : undefined
  }

  #add(made: Buffer[], bytes: Buffer, { end }: Pick<PhysicalLine, 'end'>, quoted = false): void {
    const ended = quoted || end.length === 0 ? end : newline
    made.push(bytes, ended)
    this.#written += bytes.length + ended.length
  }
}

const newline = Buffer.from('\n')

const startsWithMark = ({ bytes }: PhysicalLine): boolean => bytes.subarray(0, 3).equals(byteOrderMark)

/** Options whose texts are compared with bytes as latin-1 gives them. */
function inBytes(csv: CsvOptions): CsvOptions {
  const bytes = (text: string | undefined) => text && Buffer.from(text).toString('latin1')
  const { delimiter, quote, escape } = csv
  return {
    ...csv,
    ...(delimiter === undefined ? {} : { delimiter: bytes(delimiter) ?? '' }),
    ...(quote === undefined ? {} : { quote: bytes(quote) ?? '' }),
    ...(escape === undefined ? {} : { escape: bytes(escape) ?? '' }),
  }
}
