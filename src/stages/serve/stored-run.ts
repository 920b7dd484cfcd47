import { readSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import type { IdKey, IdTable } from '../../internal/id-table.ts'
import type { Score } from '../../math/metrics/row-loss.ts'
import type { WaitingPrediction } from './waiting-predictions.ts'

/** Rows in memory that are to be written. */
export interface Records {
  readonly table: IdTable
  readonly scoreWidth: number
  read(slot: number): WaitingPrediction
}

/** Rows of a bucket, about. */
const bucketRows = 16
/** Rows that are made into bytes at a time: nobody waits for longer. */
const chunkRows = 2_048
/** Bytes of a row before its scores: its key, moment, rollout, label, and whether its challenger's score may still come. */
const headBytes = 8 + 8 + 8 + 8 + 1
const scoreBytes = (width: number): number => 2 + 8 * width

const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** What is kept in memory of a row: 0 where it has been taken out. */
const markOf = ({ high }: IdKey): number => high & 0xffff || 1

function putScore(view: DataView, at: number, score: Score): void {
  if (typeof score === 'number') {
    view.setUint16(at, 0)
    view.setFloat64(at + 2, score)
    return
  }
  view.setUint16(at, score.length)
  score.forEach((one, i) => view.setFloat64(at + 2 + 8 * i, one))
}

function scoreAt(view: DataView, at: number): Score {
  const length = view.getUint16(at)
  if (length === 0) return view.getFloat64(at + 2)
  return Array.from({ length }, (_, i) => view.getFloat64(at + 2 + 8 * i))
}

/** Where the rows of a run lie: in the order of their buckets. */
interface Layout {
  /** Bits of a key that say nothing of its bucket. */
  readonly shift: number
  /** Where each bucket begins; one more for the end. */
  readonly begins: Uint32Array
  /** A mark of each row, by its place. */
  readonly marks: Uint16Array
  /** Places of the rows by the slots that they had in memory. */
  readonly placeOf: Uint32Array
  readonly scoreWidth: number
}

const bucketOf = ({ low }: IdKey, shift: number): number => (shift === 32 ? 0 : low >>> shift)

/** Rows that do not change any more, in a file: of each two bytes stay in memory, and it is read where they agree. */
export class StoredRun {
  readonly #file: FileHandle
  readonly #layout: Omit<Layout, 'placeOf'>
  readonly #bytes: number
  readonly #buffer: Buffer
  readonly #view: DataView
  #size: number

  constructor(file: FileHandle, layout: Omit<Layout, 'placeOf'>) {
    this.#file = file
    this.#layout = layout
    this.#bytes = headBytes + 2 * scoreBytes(layout.scoreWidth)
    this.#buffer = Buffer.alloc(this.#bytes)
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, this.#bytes)
    this.#size = layout.marks.reduce((sum, mark) => (mark === 0 ? sum : sum + 1), 0)
  }

  /** Rows that are still there. */
  get size(): number {
    return this.#size
  }

  /** The row of a key, which is in it no more then. Throws where the disk does. */
  take(key: IdKey): WaitingPrediction | undefined {
    const { begins, marks, shift } = this.#layout
    const bucket = bucketOf(key, shift)
    const mark = markOf(key)
    const end = begins[bucket + 1] as number
    for (let place = begins[bucket] as number; place < end; place++) {
      if (marks[place] !== mark || !this.#read(place, key)) continue
      marks[place] = 0
      this.#size--
      return this.#row()
    }
    return undefined
  }

  /** Whether the row at a place is of that key; it is in the buffer then. */
  #read(place: number, { low, high }: IdKey): boolean {
    const read = readSync(this.#file.fd, this.#buffer, 0, this.#bytes, place * this.#bytes)
    if (read < this.#bytes) throw new Error(`only ${read} of ${this.#bytes} bytes of a prediction could be read`)
    return this.#view.getUint32(0) === low && this.#view.getUint32(4) === high
  }

  #row(): WaitingPrediction {
    const view = this.#view
    return {
      at: view.getFloat64(8),
      epoch: view.getFloat64(16),
      label: view.getFloat64(24),
      isOpen: view.getUint8(32) === 1,
      stable: scoreAt(view, headBytes),
      canary: scoreAt(view, headBytes + scoreBytes(this.#layout.scoreWidth)),
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/** Sorts rows into buckets by their keys, by counting; each pass in a turn of its own. */
async function layoutOf({ table, scoreWidth }: Records): Promise<Layout & { readonly slots: Int32Array }> {
  const slots = new Int32Array(table.size)
  let count = 0
  let last = 0
  table.each(slot => {
    slots[count++] = slot
    last = Math.max(last, slot)
  })
  await nextTurn()
  const bits = Math.max(0, Math.floor(Math.log2(Math.max(1, count / bucketRows))))
  const shift = 32 - bits
  const begins = new Uint32Array(2 ** bits + 1)
  const buckets = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    const bucket = bucketOf(table.keyAt(slots[i] as number), shift)
    buckets[i] = bucket
    begins[bucket + 1] = (begins[bucket + 1] as number) + 1
  }
  for (let bucket = 1; bucket < begins.length; bucket++)
    begins[bucket] = (begins[bucket] as number) + (begins[bucket - 1] as number)
  await nextTurn()
  const next = begins.slice()
  const marks = new Uint16Array(count)
  const placeOf = new Uint32Array(last + 1)
  const sorted = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    const slot = slots[i] as number
    const bucket = buckets[i] as number
    const place = next[bucket] as number
    next[bucket] = place + 1
    marks[place] = markOf(table.keyAt(slot))
    placeOf[slot] = place
    sorted[place] = slot
  }
  return { shift, begins, marks, placeOf, scoreWidth, slots: sorted }
}

/**
 * Writes rows to a file, off the path of requests. `taken`: the slots that were taken out of them meanwhile, which are asked for at
 * the end.
 */
export async function writeRun(file: FileHandle, rows: Records, taken: ReadonlySet<number>): Promise<StoredRun> {
  const { slots, placeOf, ...layout } = await layoutOf(rows)
  const width = scoreBytes(layout.scoreWidth)
  const bytes = headBytes + 2 * width
  const buffer = Buffer.alloc(chunkRows * bytes)
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  for (let from = 0; from < slots.length; from += chunkRows) {
    await nextTurn()
    const chunk = slots.subarray(from, from + chunkRows)
    chunk.forEach((slot, i) => {
      const { low, high } = rows.table.keyAt(slot)
      const row = rows.read(slot)
      const at = i * bytes
      view.setUint32(at, low)
      view.setUint32(at + 4, high)
      view.setFloat64(at + 8, row.at)
      view.setFloat64(at + 16, row.epoch)
      view.setFloat64(at + 24, row.label)
      view.setUint8(at + 32, row.isOpen ? 1 : 0)
      putScore(view, at + headBytes, row.stable)
      putScore(view, at + headBytes + width, row.canary)
    })
    await file.appendFile(buffer.subarray(0, chunk.length * bytes))
  }
  for (const slot of taken) layout.marks[placeOf[slot] as number] = 0
  return new StoredRun(file, layout)
}
