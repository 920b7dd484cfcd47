/** Losses of both arms on the same rows. */
export interface PairedLosses {
  readonly stable: readonly number[]
  readonly canary: readonly number[]
}

/** Pairs that can wait; what comes then is not counted. */
const maxPairs = 2_000_000
const smallest = 1_024
/** Numbers a pair: its moment, and the loss of each arm. */
const width = 3

/** Labelled rows that wait until the horizon of their prediction is over: a heap by their moments, 24 bytes each. */
export class DuePairs {
  #heap = new Float64Array(0)
  #size = 0

  get size(): number {
    return this.#size
  }

  clear(): void {
    this.#heap = new Float64Array(0)
    this.#size = 0
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap
    for (let i = 0; i < width; i++) {
      const kept = heap[width * a + i] as number
      heap[width * a + i] = heap[width * b + i] as number
      heap[width * b + i] = kept
    }
  }
  #isBefore(a: number, b: number): boolean {
    return (this.#heap[width * a] as number) < (this.#heap[width * b] as number)
  }

  add(at: number, stable: number, canary: number): void {
    if (this.#size >= maxPairs) return
    if (width * this.#size === this.#heap.length) {
      const wider = new Float64Array(width * Math.max(smallest, 2 * this.#size))
      wider.set(this.#heap)
      this.#heap = wider
    }
    this.#heap.set([at, stable, canary], width * this.#size)
    let child = this.#size++
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (!this.#isBefore(child, parent)) return
      this.#swap(child, parent)
      child = parent
    }
  }

  #removeFirst(): void {
    this.#size--
    this.#swap(0, this.#size)
    let parent = 0
    for (;;) {
      let first = parent
      for (const child of [2 * parent + 1, 2 * parent + 2])
        if (child < this.#size && this.#isBefore(child, first)) first = child
      if (first === parent) return
      this.#swap(parent, first)
      parent = first
    }
  }

  /** Takes out those of that moment and before, in the order of their moments; undefined where there are none. */
  take(until: number): PairedLosses | undefined {
    const stable: number[] = []
    const canary: number[] = []
    while (this.#size > 0 && (this.#heap[0] as number) <= until) {
      stable.push(this.#heap[1] as number)
      canary.push(this.#heap[2] as number)
      this.#removeFirst()
    }
    return stable.length === 0 ? undefined : { stable, canary }
  }
}
