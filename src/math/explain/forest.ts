import type { Contributions } from './contributions.ts'

/** What a node asks of its column: `<=` and so on of `threshold`. */
export type Comparison = '<=' | '<' | '>=' | '>' | '==' | '!='

/** A tree of any origin, as parallel arrays over its nodes; node 0 is the root. */
export interface ForestTree {
  /** Column that is asked, −1 at a leaf. */
  readonly column: readonly number[]
  readonly comparison: readonly Comparison[]
  readonly threshold: readonly number[]
  /** Where a row goes for which the comparison holds, and where another one does. */
  readonly yes: readonly number[]
  readonly no: readonly number[]
  /** Where a missing value goes. */
  readonly missingYes: readonly boolean[]
  /** What a leaf adds to which outputs; empty elsewhere. */
  readonly adds: readonly (readonly { readonly output: number; readonly weight: number }[])[]
}

/** Trees whose answers are added up. Output k of a row = `base[k]` + what its leaves add to k. */
export interface Forest {
  readonly outputs: number
  /** Number of columns. */
  readonly width: number
  readonly base: readonly number[]
  readonly trees: readonly ForestTree[]
}

const holds: Readonly<Record<Comparison, (value: number, threshold: number) => boolean>> = {
  '<=': (value, threshold) => value <= threshold,
  '<': (value, threshold) => value < threshold,
  '>=': (value, threshold) => value >= threshold,
  '>': (value, threshold) => value > threshold,
  '==': (value, threshold) => value === threshold,
  '!=': (value, threshold) => value !== threshold,
}

/** The node that comes after a node for a row. */
function next(tree: ForestTree, node: number, rows: ArrayLike<number>, begin: number): number {
  const value = rows[begin + (tree.column[node] as number)] as number
  const yes = Number.isNaN(value)
    ? // as ONNX Runtime: of a missing value no comparison holds but the one by which it is told
      tree.missingYes[node] || tree.comparison[node] === '!='
    : holds[tree.comparison[node] as Comparison](value, tree.threshold[node] as number)
  return (yes ? tree.yes[node] : tree.no[node]) as number
}

/** What the trees answer of row-major rows: rows × outputs. */
export function forestAnswers(forest: Forest, features: ArrayLike<number>, rows: number): Float64Array {
  const { outputs, width, base, trees } = forest
  const out = new Float64Array(rows * outputs)
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < outputs; k++) out[row * outputs + k] = base[k] as number
    for (const tree of trees) {
      let node = 0
      while ((tree.column[node] as number) >= 0) node = next(tree, node, features, row * width)
      for (const { output, weight } of tree.adds[node] ?? [])
        out[row * outputs + output] = (out[row * outputs + output] as number) + weight
    }
  }
  return out
}

/** What the columns are made of, and what is called between trees. */
interface Columns {
  /** By column: the input that it was made of. Columns of one input move together. */
  readonly owner: readonly number[]
  readonly inputs: number
  readonly pause: () => Promise<void>
}

/**
 * Exact Shapley values of the trees where an input that is not known has the values of a background row, on average over the
 * background rows (the interventional form; Lundberg et al. 2020, after Janzing, Minorics and Blöbaum 2020). Needs no row
 * counts, so that trees of any origin can be explained.
 */
export async function interventionalContributions(
  forest: Forest,
  row: ArrayLike<number>,
  background: { readonly rows: number; readonly features: ArrayLike<number> },
  { owner, inputs, pause }: Columns,
): Promise<Contributions> {
  const { outputs, width, trees } = forest
  const values = Array.from({ length: outputs }, () => new Float64Array(inputs))
  const expected = Array.from({ length: outputs }, () => 0)
  const answers = forestAnswers(forest, background.features, background.rows)
  answers.forEach((answer, at) => {
    expected[at % outputs] = (expected[at % outputs] as number) + answer / background.rows
  })
  const side = new Uint8Array(inputs)
  const ours: number[] = []
  const theirs: number[] = []
  for (const tree of trees) {
    for (let other = 0; other < background.rows; other++) {
      const begin = other * width
      const visit = (node: number): void => {
        const column = tree.column[node] as number
        if (column < 0) {
          leave(tree.adds[node] ?? [])
          return
        }
        const [here, there] = [next(tree, node, row, 0), next(tree, node, background.features, begin)]
        const input = owner[column] as number
        if (here === there || side[input] === 1) return visit(here)
        if (side[input] === 2) return visit(there)
        side[input] = 1
        ours.push(input)
        visit(here)
        ours.pop()
        side[input] = 2
        theirs.push(input)
        visit(there)
        theirs.pop()
        side[input] = 0
      }
      visit(0)
    }
    await pause()
  }
  return { expected, values }

  /** A leaf that a row reaches with what it has of the row (`ours`) and of the background row (`theirs`). */
  function leave(adds: ForestTree['adds'][number]): void {
    const [a, b] = [ours.length, theirs.length]
    if (a + b === 0) return
    for (const { output, weight } of adds) {
      const into = values[output] as Float64Array
      const share = weight / background.rows
      if (a > 0) {
        const plus = share * shapleyWeight(a - 1, b)
        for (const input of ours) into[input] = (into[input] as number) + plus
      }
      if (b > 0) {
        const minus = share * shapleyWeight(b - 1, a)
        for (const input of theirs) into[input] = (into[input] as number) - minus
      }
    }
  }
}

/** n! m! / (n + m + 1)!: the share of the orders in which just these come before and just those after. */
export function shapleyWeight(before: number, after: number): number {
  let weight = 1 / (before + after + 1)
  for (let k = 1; k <= before; k++) weight *= k / (after + k)
  return weight
}
