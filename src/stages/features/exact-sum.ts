/**
 * A running sum that can also be taken from: double-double arithmetic (Knuth's two-sum), about 106 bits. Whatever the
 * order of additions and removals, the sum rounds to the same float32, so a window kept by sliding equals one added up
 * anew.
 */
export class ExactSum {
  #high = 0
  #low = 0

  add(x: number): void {
    const sum = this.#high + x
    const part = sum - this.#high
    this.#low += this.#high - (sum - part) + (x - part)
    this.#high = sum
  }

  clear(): void {
    this.#high = 0
    this.#low = 0
  }

  get value(): number {
    return this.#high + this.#low
  }
}
