/** Beyond this a number is added up as its 2^-200th part, so that no sum on the way overflows. */
const large = 2 ** 900
const part = 2 ** -200

/**
 * Partial sums that do not overlap and add up to the sum exactly (Shewchuk 1997, as in Python's `math.fsum`). There are seldom more
 * than three, whatever was added.
 */
class Partials {
  #parts: number[] = []

  add(given: number): void {
    let x = given
    let kept = 0
    for (const one of this.#parts) {
      let [a, b] = [x, one]
      if (Math.abs(a) < Math.abs(b)) [a, b] = [b, a]
      const high = a + b
      const low = b - (high - a)
      if (low !== 0) this.#parts[kept++] = low
      x = high
    }
    this.#parts.length = kept
    if (x !== 0) this.#parts.push(x)
  }

  clear(): void {
    this.#parts.length = 0
  }

  get parts(): readonly number[] {
    return this.#parts
  }

  copy(): Partials {
    const made = new Partials()
    made.#parts.push(...this.#parts)
    return made
  }

  /** Rounded once, half to even. */
  get value(): number {
    const parts = this.#parts
    let at = parts.length
    if (at === 0) return 0
    let high = parts[--at] as number
    let low = 0
    while (at > 0 && low === 0) {
      const x = high
      const y = parts[--at] as number
      high = x + y
      low = y - (high - x)
    }
    // What is just half of the last place is decided by what lies below it
    if (at > 0 && low !== 0 && low < 0 === (parts[at - 1] as number) < 0) {
      const twice = low * 2
      const next = high + twice
      if (twice === next - high) high = next
    }
    return high
  }
}

/**
 * A running sum that can also be taken from, exact whatever the magnitudes: the same numbers give the same sum in whichever order
 * they come and go, so a window kept by sliding equals one added up anew. Infinities are counted, so that they leave again;
 * both kinds together have no sum (NaN).
 */
export class ExactSum {
  readonly #sum = new Partials()
  readonly #large = new Partials()
  #hasLarge = false
  #positive = 0
  #negative = 0

  add(x: number): void {
    if (Number.isFinite(x)) this.#addFinite(x)
    else if (x > 0) this.#positive++
    else this.#negative++
  }

  take(x: number): void {
    if (Number.isFinite(x)) this.#addFinite(-x)
    else if (x > 0) this.#positive--
    else this.#negative--
  }

  #addFinite(x: number): void {
    if (Math.abs(x) < large) return this.#sum.add(x)
    this.#hasLarge = true
    this.#large.add(x * part)
  }

  clear(): void {
    this.#sum.clear()
    this.#large.clear()
    this.#hasLarge = false
    this.#positive = 0
    this.#negative = 0
  }

  get value(): number {
    if (this.#positive > 0) return this.#negative > 0 ? Number.NaN : Number.POSITIVE_INFINITY
    if (this.#negative > 0) return Number.NEGATIVE_INFINITY
    if (!this.#hasLarge || this.#large.value === 0) return this.#sum.value
    // Rounded once, of both together
    const all = this.#large.copy()
    for (const one of this.#sum.parts) all.add(one * part)
    return all.value / part
  }
}

const scratch = new ExactSum()

/**
 * The exact sum of the values at the first `size` places, rounded once. Nearly always a sum in two doubles is enough to know it: what
 * that leaves out is less than what would change the rounding.
 */
export function exactSumOf(values: ArrayLike<number>, places: ArrayLike<number>, size: number): number {
  let sum = 0
  let rest = 0
  let lost = 0
  for (let i = 0; i < size; i++) {
    const x = values[places[i] as number] as number
    const next = sum + x
    const added = next - sum
    const error = sum - (next - added) + (x - added)
    sum = next
    rest += error
    lost += Math.abs(error)
  }
  if (lost === 0 && Number.isFinite(sum)) return sum
  const rounded = sum + rest
  // Twice the bound of what is lost where `rest` is added up
  const near = (Math.abs(sum - rounded + rest) + size * 2 ** -52 * lost) * (1 + 2 ** -40)
  if (Math.abs(sum) >= Math.abs(rest) && rounded + near === rounded && rounded - near === rounded) return rounded
  scratch.clear()
  for (let i = 0; i < size; i++) scratch.add(values[places[i] as number] as number)
  return scratch.value
}
