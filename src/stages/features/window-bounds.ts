import type { FeatureSpec } from '../../define/features.ts'
import { firstShown, shownAt } from '../../define/expression/index.ts'
import type { Alignment } from '../../define/window.ts'

const day = 86_400_000_000
/** Monday, 1970-01-05: weeks begin on Mondays. */
export const origin = 4 * day

/** Which events a feature sees at a moment, by their time: from `start` (inclusive) until before `end`. Both never go back. */
export interface WindowBounds {
  start(at: number): number
  end(at: number): number
  /** The first moment at which an event of that time is before the end. */
  entersAt(event: number): number
}

/** Boundaries of a zone that are kept. */
const maxKept = 50_000

/** Where the pieces of time begin that are so long by the clocks of a zone. */
class Pieces {
  readonly #every: number
  readonly #zone: string | undefined
  readonly #begins = new Map<number, number>()

  constructor({ every, zone }: Alignment) {
    this.#every = every
    this.#zone = zone
  }

  /** When piece `n` begins. */
  begin(n: number): number {
    const shown = origin + n * this.#every
    if (this.#zone === undefined) return shown
    let found = this.#begins.get(n)
    if (found === undefined) {
      found = firstShown(shown, this.#zone)
      if (this.#begins.size >= maxKept) this.#begins.clear()
      this.#begins.set(n, found)
    }
    return found
  }

  /** The piece that a moment is in. */
  of(at: number): number {
    if (this.#zone === undefined) return Math.floor((at - origin) / this.#every)
    let n = Math.floor((shownAt(at, this.#zone) - origin) / this.#every)
    // Clocks that are set back over midnight show again what was before it
    while (this.begin(n + 1) <= at) n++
    return n
  }

  /** The boundary so long before the beginning of piece `n`, by the same clocks. */
  before(n: number, length: number): number {
    const shown = origin + n * this.#every - length
    return this.#zone === undefined ? shown : firstShown(shown, this.#zone)
  }
}

const everything: WindowBounds = { start: () => Number.NEGATIVE_INFINITY, end: at => at, entersAt: event => event }

function boundsOf({ window, align }: Pick<FeatureSpec, 'window' | 'align'>): WindowBounds {
  if (!align) return window === undefined ? everything : { ...everything, start: at => at - window }
  const pieces = new Pieces(align)
  if (align.toDate) return { ...everything, start: at => pieces.begin(pieces.of(at)) }
  const length = window ?? align.every
  const isWhole = align.every === length
  const starts = new Map<number, number>()
  return {
    end: at => pieces.begin(pieces.of(at)),
    entersAt: event => pieces.begin(pieces.of(event) + 1),
    start(at) {
      const n = pieces.of(at)
      if (isWhole) return pieces.begin(n - 1)
      let found = starts.get(n)
      if (found === undefined) {
        if (starts.size >= maxKept) starts.clear()
        starts.set(n, (found = pieces.before(n, length)))
      }
      return found
    },
  }
}

const known = new WeakMap<object, WindowBounds>()

/** The bounds of a feature's window; the same object each time, with what it has found out already. */
export function windowBounds(spec: FeatureSpec): WindowBounds {
  let found = known.get(spec)
  if (!found) known.set(spec, (found = boundsOf(spec)))
  return found
}

/** No moment's window reaches further back than this. */
export function reachOf({ window, align }: Pick<FeatureSpec, 'window' | 'align'>): number {
  if (!align) return window ?? Number.POSITIVE_INFINITY
  // Days by the clocks of a zone are up to a day longer: there are zones that left one out
  const moved = align.zone === undefined ? 0 : 2 * day
  return align.every + (align.toDate ? 0 : (window ?? align.every)) + moved
}
