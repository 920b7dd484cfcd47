import type { Task } from '../task.ts'
import { greatestPages } from './assembler.ts'
import { slots } from './slots.ts'
import { type Loops, loopsOver } from './loops.ts'
import type { LinearMemory } from './web-assembly.ts'

export const missingBin = 255
/** Bins of codes that are told apart: four columns of them. */
export const maxCodeBins = 4 * missingBin
/** Columns whose bins share one 32-bit word. */
export const lanes = 4
/** Rows whose float sums are added up together. Fixed, so that sums do not depend on the number of threads. */
export const sumBlock = 16384

/** All that is needed to find the arrays in an arena's memory; goes to the other threads as a message. */
export interface ArenaShape {
  readonly rows: number
  /** Columns of the histograms: one a feature, more for one of many codes. */
  readonly columns: number
  /** Features of several columns. */
  readonly wides: number
  /** Margins a row. */
  readonly outputs: number
  readonly threads: number
  readonly leaves: number
  readonly weighted: boolean
  readonly objective: Task
  /** Of a quantile objective: the share of the labels that shall lie below the answer. */
  readonly quantile: number
}

/** Whether gradients are known to be at most the weight, so that one scale serves all rounds. */
export const isBounded = (objective: Task): boolean => objective === 'binary' || objective === 'multiclass'

/** Whether rows differ in their hessians. */
export const isCurved = ({ objective, weighted }: Pick<ArenaShape, 'objective' | 'weighted'>): boolean =>
  isBounded(objective) || objective === 'count' || weighted

/** Everything that the kernels read and write, in one memory that several threads can share. */
export interface Arena {
  readonly shape: ArenaShape
  readonly loops: Loops
  /** What to do next: see `kernels.ts`. */
  readonly job: Float64Array
  /** Bins, four columns a word: `words[block][row]`. */
  readonly words: readonly Int32Array[]
  /** Bins of the features of several columns, `wide[which][row]`. */
  readonly wide: readonly Int32Array[]
  readonly labels: Float32Array
  readonly weights: Float32Array
  /** `margins[output * rows + row]`. */
  readonly margins: Float64Array
  /** Multiclass: the probabilities at the start of the round, laid out as the margins. */
  readonly probabilities: Float32Array
  /** Of an objective without bounds: the gradient of a row, weighted. */
  readonly gradients: Float32Array
  /** Count: the hessian of a row, weighted. */
  readonly hessians: Float32Array
  /** Gradient and hessian of a row in 32 bits. */
  readonly codes: Int32Array
  /** The same as one number for the histograms, in the order of the rows at hand. */
  readonly ordered: Float64Array
  /** Rows grouped by leaf, ascending within a leaf. */
  readonly order: Int32Array
  readonly spare: Int32Array
  /** Of an objective without bounds: sum and maximum of |gradient| and of the hessian, four a block. */
  readonly sums: Float64Array
  /** Split by texts: for each bin whether it goes left, 1 or 0. */
  readonly goesLeft: Int32Array
  /** Where each leaf begins in `order`, ascending, with the end behind the last; and what it adds. */
  readonly leafBegin: Int32Array
  readonly leafValue: Float64Array
  /** Rows that went left, a number a thread. */
  readonly wentLeft: Int32Array
  /** `histograms[thread]`: columns × slots. */
  readonly histograms: readonly Float64Array[]
}

export function blocksOf(shape: ArenaShape): number {
  return Math.ceil(shape.columns / lanes)
}

interface Plan {
  take(bytes: number): number
  readonly size: () => number
}

function plan(): Plan {
  let at = 0
  return {
    take(bytes) {
      const begin = at
      // A cache line of their own, so that threads do not fight over borders.
      at += Math.ceil(bytes / 64) * 64
      return begin
    },
    size: () => at,
  }
}

function lay(shape: ArenaShape): { readonly size: number; readonly open: (memory: LinearMemory) => Arena } {
  const { rows, wides, outputs, threads, leaves, weighted, objective } = shape
  const blocks = blocksOf(shape)
  const unbounded = !isBounded(objective)
  const spread = blocks * lanes * slots
  const memoryPlan = plan()
  const at = {
    job: memoryPlan.take(16 * 8),
    words: Array.from({ length: blocks }, () => memoryPlan.take(rows * 4)),
    wide: Array.from({ length: wides }, () => memoryPlan.take(rows * 4)),
    labels: memoryPlan.take(rows * 4),
    weights: memoryPlan.take(weighted ? rows * 4 : 0),
    margins: memoryPlan.take(rows * outputs * 8),
    probabilities: memoryPlan.take(objective === 'multiclass' ? rows * outputs * 4 : 0),
    gradients: memoryPlan.take(unbounded ? rows * 4 : 0),
    hessians: memoryPlan.take(objective === 'count' ? rows * 4 : 0),
    codes: memoryPlan.take(rows * 4),
    ordered: memoryPlan.take(rows * 8),
    order: memoryPlan.take(rows * 4),
    spare: memoryPlan.take(rows * 4),
    sums: memoryPlan.take(Math.ceil(rows / sumBlock) * 32),
    goesLeft: memoryPlan.take(maxCodeBins * 4),
    leafBegin: memoryPlan.take((leaves + 1) * 4),
    leafValue: memoryPlan.take(leaves * 8),
    wentLeft: memoryPlan.take(threads * 4),
    histograms: Array.from({ length: threads }, () => memoryPlan.take(spread * 8)),
  }
  return {
    size: memoryPlan.size(),
    open(shared) {
      const memory = shared.buffer
      const histograms = at.histograms.map(begin => new Float64Array(memory, begin, spread))
      return {
        shape,
        loops: loopsOver(shared),
        job: new Float64Array(memory, at.job, 16),
        words: at.words.map(begin => new Int32Array(memory, begin, rows)),
        wide: at.wide.map(begin => new Int32Array(memory, begin, rows)),
        labels: new Float32Array(memory, at.labels, rows),
        weights: new Float32Array(memory, at.weights, weighted ? rows : 0),
        margins: new Float64Array(memory, at.margins, rows * outputs),
        probabilities: new Float32Array(memory, at.probabilities, objective === 'multiclass' ? rows * outputs : 0),
        gradients: new Float32Array(memory, at.gradients, unbounded ? rows : 0),
        hessians: new Float32Array(memory, at.hessians, objective === 'count' ? rows : 0),
        codes: new Int32Array(memory, at.codes, rows),
        ordered: new Float64Array(memory, at.ordered, rows),
        order: new Int32Array(memory, at.order, rows),
        spare: new Int32Array(memory, at.spare, rows),
        sums: new Float64Array(memory, at.sums, Math.ceil(rows / sumBlock) * 4),
        goesLeft: new Int32Array(memory, at.goesLeft, maxCodeBins),
        leafBegin: new Int32Array(memory, at.leafBegin, leaves + 1),
        leafValue: new Float64Array(memory, at.leafValue, leaves),
        wentLeft: new Int32Array(memory, at.wentLeft, threads),
        histograms,
      }
    },
  }
}

/** Pages of 64 KiB that an arena takes. Throws RangeError above the 4 GiB that can be addressed. */
export function arenaPages(shape: ArenaShape): number {
  const pages = Math.ceil(lay(shape).size / 65_536)
  if (pages > greatestPages) {
    throw new RangeError(`${shape.rows} rows of ${shape.columns} columns need more than 4 GiB to train on`)
  }
  return pages
}

export function openArena(shape: ArenaShape, memory: LinearMemory): Arena {
  return lay(shape).open(memory)
}
