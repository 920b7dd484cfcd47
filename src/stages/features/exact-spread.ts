const bits = new DataView(new ArrayBuffer(8))

/** Bits after the point that a double has. */
function fractionBits(x: number): number {
  if (Number.isInteger(x)) return 0
  bits.setFloat64(0, x)
  const exponent = (bits.getUint32(0) >>> 20) & 2047
  return exponent === 0 ? 1074 : 1075 - exponent
}

/** x · 2^scale, which is whole. */
function wholeOf(x: number, scale: number): bigint {
  const own = fractionBits(x)
  const half = Math.floor(own / 2)
  return BigInt(x * 2 ** half * 2 ** (own - half)) << BigInt(scale - own)
}

const length = (x: bigint): number => x.toString(16).length * 4

/** So many bits of a spread are looked at: more than a double has. */
const keptBits = 116

/**
 * The standard deviation of numbers that come and go, from sums that are whole numbers and so exact: the same numbers give the same
 * deviation, to the last bit, in whichever order they come and go, however far from 0 they lie.
 */
export class ExactSpread {
  #scale = 0
  #sum = 0n
  #squares = 0n
  #n = 0
  /** There is no deviation while one is there. */
  #infinite = 0

  #add(x: number, sign: 1n | -1n): void {
    const own = fractionBits(x)
    if (own > this.#scale) {
      const more = BigInt(own - this.#scale)
      this.#sum <<= more
      this.#squares <<= 2n * more
      this.#scale = own
    }
    const whole = wholeOf(x, this.#scale)
    this.#sum += sign * whole
    this.#squares += sign * whole * whole
  }

  add(x: number): void {
    this.#n++
    if (Number.isFinite(x)) this.#add(x, 1n)
    else this.#infinite++
  }

  take(x: number): void {
    this.#n--
    if (Number.isFinite(x)) this.#add(x, -1n)
    else this.#infinite--
  }

  clear(): void {
    this.#scale = 0
    this.#sum = 0n
    this.#squares = 0n
    this.#n = 0
    this.#infinite = 0
  }

  /** Of a sample (n − 1); NaN for fewer than two numbers. */
  get deviation(): number {
    const n = this.#n
    if (n < 2 || this.#infinite > 0) return Number.NaN
    const spread = BigInt(n) * this.#squares - this.#sum * this.#sum
    // By even places, so that the root moves by whole ones
    const gone = Math.max(0, Math.ceil((length(spread) - keptBits) / 2))
    const root = Math.sqrt(Number(spread >> BigInt(2 * gone)) / (n * (n - 1)))
    const places = gone - this.#scale
    const half = Math.trunc(places / 2)
    return root * 2 ** half * 2 ** (places - half)
  }
}
