import { randomInt } from 'node:crypto'
import { seeded } from '../../math/random/seeded.ts'
import type { Random } from '../../ports/clock.ts'

/** The same numbers for the same seed, on every machine. Not for secrets. */
export function seededRandom(seed: number): Random {
  const source = seeded(seed)
  return {
    next: () => source.next(),
    bytes(length) {
      const bytes = new Uint8Array(length)
      for (let i = 0; i < length; i++) bytes[i] = Math.floor(source.next() * 256)
      return bytes
    },
  }
}

/** Seeded from the machine's entropy; `seed` is what to write down to get the same numbers again. */
export function freshRandom(): { readonly random: Random; readonly seed: number } {
  const seed = randomInt(2 ** 32)
  return { random: seededRandom(seed), seed }
}
