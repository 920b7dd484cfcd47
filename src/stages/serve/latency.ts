const size = 4096

/** The newest latencies of single rows, in microseconds; quantiles over them on request. */
export class LatencyRing {
  readonly #values = new Float64Array(size)
  #count = 0

  add(micros: number): void {
    this.#values[this.#count++ % size] = micros
  }

  quantiles(): { readonly p50: number; readonly p99: number } {
    const sorted = this.#values.slice(0, Math.min(this.#count, size)).sort()
    const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0
    return { p50: at(0.5), p99: at(0.99) }
  }
}
