/** Kept apart from the rest of the values of a row: its width is that of what a model says. */
interface Column {
  /** Bytes a slot. */
  readonly bytes: number
  /** Room for so many slots; what is there stays. */
  reserve(slots: number): void
}

const smallest = 64

/** One number a slot. */
export class NumberColumn implements Column {
  readonly bytes = 8
  #values = new Float64Array(0)

  reserve(slots: number): void {
    const wider = new Float64Array(slots)
    wider.set(this.#values)
    this.#values = wider
  }
  get(slot: number): number {
    return this.#values[slot] as number
  }
  set(slot: number, value: number): void {
    this.#values[slot] = value
  }
}

/** A number or a list of numbers a slot, as wide as the longest. */
export class ScoreColumn implements Column {
  #slots = 0
  #width = 1
  #values = new Float64Array(0)
  /** 0: a number, not a list of one. */
  #lengths = new Uint16Array(0)

  get bytes(): number {
    return 2 + 8 * this.#width
  }
  /** Numbers of the longest. */
  get width(): number {
    return this.#width
  }
  reserve(slots: number): void {
    this.#slots = slots
    const lengths = new Uint16Array(slots)
    lengths.set(this.#lengths)
    this.#lengths = lengths
    this.#move(this.#width)
  }
  #move(width: number): void {
    const wider = new Float64Array(this.#slots * width)
    const kept = this.#values.length / this.#width
    if (width === this.#width) wider.set(this.#values)
    else
      for (let slot = 0; slot < kept; slot++)
        wider.set(this.#values.subarray(slot * this.#width, (slot + 1) * this.#width), slot * width)
    this.#values = wider
    this.#width = width
  }
  get(slot: number): number | readonly number[] {
    const length = this.#lengths[slot] as number
    const from = slot * this.#width
    return length === 0 ? (this.#values[from] as number) : [...this.#values.subarray(from, from + length)]
  }
  set(slot: number, score: number | readonly number[]): void {
    if (typeof score === 'number') {
      this.#lengths[slot] = 0
      this.#values[slot * this.#width] = score
      return
    }
    if (score.length > this.#width) this.#move(score.length)
    this.#lengths[slot] = score.length
    this.#values.set(score, slot * this.#width)
  }
}

/** The bits by which an id is known. */
export interface IdKey {
  readonly low: number
  readonly high: number
}

export interface TableLimits {
  readonly maxRows: number
  /** Of rows in use; while the table grows it takes up to twice as much. */
  readonly maxBytes: number
}

/** Hash, links and places of a slot. */
const ownBytes = 24

/** Another for each process: nobody can choose ids that meet. */
const seeds = new Uint32Array(2)
crypto.getRandomValues(seeds)

/**
 * Finds rows of numbers by text ids, outside of the heap that JavaScript collects: millions of rows cost the rest of the process
 * nothing, and some sixty bytes each. An id is known by 64 bits of it. Beyond `maxRows`, or `maxBytes` of rows, the oldest are forgotten.
 */
export class IdTable {
  readonly #maxRows: number
  readonly #maxBytes: number
  readonly #columns: readonly Column[]
  #capacity = 0
  /** Two a slot: the bits by which its id is known. */
  #hashes = new Uint32Array(0)
  /** A ring through the slots in use by age, and a list of the free ones by `next`. */
  #next = new Int32Array(0)
  #previous = new Int32Array(0)
  #oldest = -1
  #newest = -1
  #free = -1
  #size = 0
  /** Slots plus one by the low bits of the hash, twice as many places as slots; 0 is a free place. */
  #places = new Uint32Array(0)
  #low = 0
  #high = 0

  constructor(columns: readonly Column[], { maxRows, maxBytes }: TableLimits) {
    this.#columns = columns
    this.#maxRows = maxRows
    this.#maxBytes = maxBytes
  }

  /** The next row makes it forget the oldest. */
  get full(): boolean {
    if (this.#size >= this.#maxRows) return true
    const bytes = this.#columns.reduce((sum, column) => sum + column.bytes, ownBytes)
    return this.#size > 0 && this.#size * bytes >= this.#maxBytes
  }

  get size(): number {
    return this.#size
  }

  /** Two multiplicative hashes over the code units (after MurmurHash's mixing). */
  #hash(id: string): void {
    let low = seeds[0] as number
    let high = seeds[1] as number
    for (let i = 0; i < id.length; i++) {
      const unit = id.charCodeAt(i)
      low = Math.imul(low ^ unit, 0x9e3779b1)
      high = Math.imul(high ^ unit, 0x85ebca77)
      low ^= low >>> 15
    }
    low = Math.imul(low ^ (low >>> 16) ^ (high >>> 13), 0xc2b2ae35)
    high = Math.imul(high ^ (high >>> 16) ^ (low >>> 11), 0x27d4eb2f)
    this.#low = (low ^ (low >>> 15)) >>> 0
    this.#high = (high ^ (high >>> 13)) >>> 0
  }

  #place(low: number, high: number): number {
    const mask = this.#places.length - 1
    for (let place = low & mask; ; place = (place + 1) & mask) {
      const slot = (this.#places[place] as number) - 1
      if (slot < 0) return place
      if (this.#hashes[2 * slot] === low && this.#hashes[2 * slot + 1] === high) return place
    }
  }

  /** The same of every table of this process. */
  keyOf(id: string): IdKey {
    this.#hash(id)
    return { low: this.#low, high: this.#high }
  }

  /** The key of the row in a slot. */
  keyAt(slot: number): IdKey {
    return { low: this.#hashes[2 * slot] as number, high: this.#hashes[2 * slot + 1] as number }
  }

  /** The slot of an id; -1 where there is none. */
  find(id: string): number {
    if (this.#capacity === 0) return -1
    this.#hash(id)
    return (this.#places[this.#place(this.#low, this.#high)] as number) - 1
  }

  /** The slot of an id, which is its newest row if it had none; what its columns hold then is anything. */
  add(id: string): number {
    if (this.#free < 0) this.#grow()
    this.#hash(id)
    const [low, high] = [this.#low, this.#high]
    const known = (this.#places[this.#place(low, high)] as number) - 1
    if (known >= 0) return known
    while (this.full) this.remove(this.#oldest)
    const slot = this.#free
    this.#free = this.#next[slot] as number
    this.#hashes[2 * slot] = low
    this.#hashes[2 * slot + 1] = high
    // After a row was forgotten another place may be the right one
    this.#places[this.#place(low, high)] = slot + 1
    this.#previous[slot] = this.#newest
    this.#next[slot] = -1
    if (this.#newest >= 0) this.#next[this.#newest] = slot
    else this.#oldest = slot
    this.#newest = slot
    this.#size++
    return slot
  }

  /** Forgets the row in a slot. */
  remove(slot: number): void {
    const place = this.#place(this.#hashes[2 * slot] as number, this.#hashes[2 * slot + 1] as number)
    this.#vacate(place)
    const [before, after] = [this.#previous[slot] as number, this.#next[slot] as number]
    if (before >= 0) this.#next[before] = after
    else this.#oldest = after
    if (after >= 0) this.#previous[after] = before
    else this.#newest = before
    this.#next[slot] = this.#free
    this.#free = slot
    this.#size--
  }

  /** What stands behind a place that becomes free moves up, as far as it is searched for from there. */
  #vacate(freed: number): void {
    const mask = this.#places.length - 1
    let hole = freed
    for (let place = (hole + 1) & mask; this.#places[place] !== 0; place = (place + 1) & mask) {
      const home = (this.#hashes[2 * ((this.#places[place] as number) - 1)] as number) & mask
      if (((place - home) & mask) < ((place - hole) & mask)) continue
      this.#places[hole] = this.#places[place] as number
      hole = place
    }
    this.#places[hole] = 0
  }

  /** Calls with each slot in use, the oldest row first. `visit` may remove the row that it is given. */
  each(visit: (slot: number) => void): void {
    for (let slot = this.#oldest; slot >= 0; ) {
      const next = this.#next[slot] as number
      visit(slot)
      slot = next
    }
  }

  /** A number from 0 (inclusive) to 1 by the row's id: the same for the same id, and even over ids. */
  drawOf(slot: number): number {
    return (this.#hashes[2 * slot + 1] as number) / 2 ** 32
  }

  /** `drawOf` of an id that need not be there. */
  draw(id: string): number {
    this.#hash(id)
    return this.#high / 2 ** 32
  }

  #grow(): void {
    const before = this.#capacity
    this.#capacity = Math.max(smallest, 2 * before)
    const wider = <T extends Int32Array | Uint32Array>(old: T, made: T): T => {
      made.set(old)
      return made
    }
    this.#hashes = wider(this.#hashes, new Uint32Array(2 * this.#capacity))
    this.#next = wider(this.#next, new Int32Array(this.#capacity))
    this.#previous = wider(this.#previous, new Int32Array(this.#capacity))
    for (let slot = before; slot < this.#capacity; slot++) this.#next[slot] = slot + 1
    this.#next[this.#capacity - 1] = this.#free
    this.#free = before
    this.#places = new Uint32Array(2 * this.#capacity)
    this.each(slot => {
      const [low, high] = [this.#hashes[2 * slot] as number, this.#hashes[2 * slot + 1] as number]
      this.#places[this.#place(low, high)] = slot + 1
    })
    for (const column of this.#columns) column.reserve(this.#capacity)
  }
}
