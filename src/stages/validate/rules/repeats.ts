import type { DataEngine } from '../../../ports/data-engine.ts'

/** Bits that a filter has for a row, at least: with three of them set in one word, one row in a hundred is a repeat by chance. */
const bitsOfRow = 8

const fewestBits = 2 ** 16
/** 64 MB: beyond 60 million rows more of them are taken for repeats by chance. */
const maxBits = 2 ** 29

/** Hashes that are kept as suspect, 64 MB of them; a table with more is grouped by the engine, which spills. */
export const maxSuspects = 2 ** 23

/** Numbers of 64 bits, as many as come, in halves: no bigint is made of each. */
class Numbers {
  #halves = new Uint32Array(2048)
  length = 0

  push(first: number, second: number): void {
    if (2 * this.length === this.#halves.length) {
      const grown = new Uint32Array(this.#halves.length * 2)
      grown.set(this.#halves)
      this.#halves = grown
    }
    this.#halves[2 * this.length] = first
    this.#halves[2 * this.length + 1] = second
    this.length++
  }

  get values(): BigInt64Array {
    return new BigInt64Array(this.#halves.buffer, 0, this.length)
  }
}

/**
 * A Bloom filter of random numbers of 63 bits: one that was there before is never new. All bits of a number stand in one word,
 * for it is the ways to memory that cost.
 */
class SeenHashes {
  readonly #words: Int32Array

  constructor(rows: number) {
    const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, rows * bitsOfRow)))
    this.#words = new Int32Array(Math.min(maxBits, Math.max(fewestBits, wanted)) / 32)
  }

  /** Adds numbers; those that may have been there before go to `again`. */
  add(numbers: BigInt64Array, again: Numbers): void {
    const halves = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length * 2)
    const words = this.#words
    const last = words.length - 1
    for (let i = 0; i < numbers.length; i++) {
      const at = (halves[2 * i] as number) & last
      const random = halves[2 * i + 1] as number
      const bits = (1 << random) | (1 << (random >>> 5)) | (1 << (random >>> 10))
      const word = words[at] as number
      if ((word & bits) === bits) again.push(halves[2 * i] as number, random)
      else words[at] = word | bits
    }
  }
}

/**
 * The hashes that more than one row may have: every one that several have, and a few that are alone. One look, at a third to a
 * half of what grouping them costs, and nothing is held but a few bits a row. Undefined where more than `most` are suspect.
 */
export async function mayRepeat(
  engine: DataEngine,
  hashes: string,
  rows: number,
  most = maxSuspects,
): Promise<BigInt64Array | undefined> {
  const seen = new SeenHashes(rows)
  const suspects = new Numbers()
  for await (const batch of engine.stream(hashes)) {
    const [column] = batch.values()
    seen.add(column?.values as BigInt64Array, suspects)
    if (suspects.length > most) return undefined
  }
  return suspects.values
}
