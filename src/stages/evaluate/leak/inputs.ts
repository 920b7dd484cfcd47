import { canonicalJson, type Json } from '../../../internal/canonical-json.ts'
import { columnsOf } from '../../../define/expression/index.ts'
import { isClassification } from '../../../math/task.ts'
import { measure, type LabelledScores } from '../../../math/metrics/catalogue.ts'
import { r2 } from '../../../math/metrics/regression.ts'
import type { SuiteContext } from '../context.ts'
import { scoredByInput } from '../single-input.ts'
import type { FrameRows } from '../subject.ts'

/** One input and why it may be the label in disguise. */
export interface InputFinding {
  readonly input: string
  /** What it tells of the label by itself, on rows that it was not learned from. */
  readonly power: number
  readonly reason: string
  /** It can be nothing else but the label. */
  readonly certain: boolean
}

/** Fewest rows of each part on which one input is judged. */
const fewest = 50
/** Share of an input's variance that the label explains where it is a copy of it, noise and all. */
const copied = 0.98
/** The same where it has no more values than there are classes: one label in fifty may be another. */
const copiedClasses = 0.92
/** The same of a number that is the label itself, in the label's own unit. */
const copiedNumber = 0.9999

/** Of more classes than these, whatever tells roughly where a row lies ranks each class above nearly all of the others. */
const maxRanked = 50

/** Inputs that tell more of the label by themselves than one input can be expected to. */
export function leakingInputs(
  { subject, frame, label, nodes, judged }: SuiteContext,
  train: FrameRows,
  trained: LabelledScores,
  maxPower: number,
): readonly InputFinding[] {
  if (train.rows < fewest || frame.rows < fewest) return []
  return subject.inputs.flatMap((input, i): readonly InputFinding[] => {
    const [column, others] = [train.inputs[i] as InputColumn, frame.inputs[i] as InputColumn]
    const power = powerOf(trained, judged, column, others)
    const readsLabel = label !== undefined && readsOnlyIts(label, nodes[i])
    const copy = isCopy(judged, column, train.labels)
    if (copy || (readsLabel && isClassification(judged.task)))
      return [
        {
          input: input.name,
          power,
          certain: true,
          reason: copy ? 'is the label, but for noise' : 'is the column that the label is made of',
        },
      ]
    if (readsLabel)
      return [{ input: input.name, power, certain: false, reason: 'is the column that the label is made of' }]
    if (!(power > maxPower)) return []
    const measured = judged.outputs > maxRanked ? 'accuracy' : isClassification(judged.task) ? 'AUC' : 'R²'
    return [
      {
        input: input.name,
        power,
        certain: false,
        reason: `alone predicts the label with ${measured} ${power.toFixed(4)}`,
      },
    ]
  })
}

/** Whether the input is a bare column and the label is computed from it and nothing else. */
function readsOnlyIts(label: NonNullable<SuiteContext['label']>, node: SuiteContext['label']): boolean {
  if (node?.op !== 'column') return false
  const own = new Set(columnsOf(label))
  return own.size === 1 && columnsOf(node).every(column => own.has(column)) && !sameJson(label, node)
}

const sameJson = (a: unknown, b: unknown): boolean => canonicalJson(a as Json) === canonicalJson(b as Json)

function powerOf(trained: LabelledScores, judged: LabelledScores, column: InputColumn, others: InputColumn): number {
  const scores = scoredByInput(trained, column, others, judged.labels.length)
  // A straight line has no steps
  if (!isClassification(judged.task)) return Math.max(r2(judged.labels, scores), straight(others, judged.labels))
  const own = { ...judged, scores }
  if (judged.outputs > maxRanked) return measure('accuracy', own)
  return measure(judged.task === 'binary' ? 'auc' : 'aucOvr', present(own))
}

type InputColumn = FrameRows['inputs'][number]

/** Squared correlation of a number with the label, over the rows that have it. */
function straight(column: InputColumn, labels: Float32Array): number {
  if (!(column instanceof Float32Array)) return 0
  const rows = Array.from(labels.keys()).filter(row => Number.isFinite(column[row]))
  if (rows.length < labels.length / 2) return 0
  const [x, y] = [rows.map(row => column[row] as number), rows.map(row => labels[row] as number)]
  const [mx, my] = [x.reduce((a, b) => a + b, 0) / x.length, y.reduce((a, b) => a + b, 0) / y.length]
  let [xy, xx, yy] = [0, 0, 0]
  for (const [i, value] of x.entries()) {
    const [dx, dy] = [value - mx, (y[i] as number) - my]
    xy += dx * dy
    xx += dx * dx
    yy += dy * dy
  }
  return xx > 0 && yy > 0 ? (xy / xx) * (xy / yy) : 0
}

/** Without the classes that the rows lack: nobody can be ranked against nobody. */
function present(judged: LabelledScores): LabelledScores {
  const { labels, outputs, scores } = judged
  if (outputs === 1) return judged
  const there = [...new Set(labels)].sort((a, b) => a - b)
  if (there.length === outputs) return judged
  const number = new Map(there.map((k, i) => [k, i]))
  return {
    ...judged,
    outputs: there.length,
    labels: labels.map(k => number.get(k) as number),
    scores: Float32Array.from({ length: labels.length * there.length }, (_, at) => {
      const [row, k] = [Math.floor(at / there.length), there[at % there.length] as number]
      return scores[row * outputs + k] as number
    }),
  }
}

/** Whether a column is the label itself with a little noise: by class hardly any spread, of numbers the same number. */
function isCopy({ task }: LabelledScores, column: InputColumn, labels: Float32Array): boolean {
  if (!(column instanceof Float32Array)) return isClassification(task) && isRenaming(column, labels)
  const rows = Array.from(labels.keys()).filter(row => Number.isFinite(column[row]) && Number.isFinite(labels[row]))
  if (rows.length < fewest || rows.length < labels.length / 2) return false
  if (isClassification(task)) {
    const groups = new Map<number, number[]>()
    for (const row of rows) {
      const list = groups.get(labels[row] as number) ?? []
      groups.set(labels[row] as number, list)
      list.push(column[row] as number)
    }
    if (groups.size < 2) return false
    const whole = spread(rows.map(row => column[row] as number))
    const isFew = new Set(rows.map(row => column[row])).size <= groups.size
    const within = [...groups.values()].reduce((sum, list) => sum + spread(list).squares, 0)
    if (!(whole.squares > 0 && 1 - within / whole.squares >= (isFew ? copiedClasses : copied))) return false
    return namedByNearest(groups) >= copiedClasses
  }
  const x = rows.map(row => column[row] as number)
  const y = rows.map(row => labels[row] as number)
  const whole = spread(y)
  const off = x.reduce((sum, value, i) => sum + (value - (y[i] as number)) ** 2, 0)
  return whole.squares > 0 && 1 - off / whole.squares >= copiedNumber
}

/** Share of the values that lie nearest to the mean of their own class: of many classes, close together is not apart. */
function namedByNearest(groups: ReadonlyMap<number, readonly number[]>): number {
  const means = [...groups]
    .map(([k, list]) => [list.reduce((sum, value) => sum + value, 0) / list.length, k] as const)
    .sort((a, b) => a[0] - b[0])
  let [named, all] = [0, 0]
  for (const [k, list] of groups)
    for (const value of list) {
      let [low, high] = [0, means.length]
      while (low < high) {
        const middle = (low + high) >> 1
        if ((means[middle]?.[0] ?? 0) < value) low = middle + 1
        else high = middle
      }
      const near = [means[low - 1], means[low]].flatMap(one => (one ? [one] : []))
      near.sort((a, b) => Math.abs(a[0] - value) - Math.abs(b[0] - value))
      all++
      if (near[0]?.[1] === k) named++
    }
  return named / all
}

function spread(values: readonly number[]): { readonly squares: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return { squares: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) }
}

/** Whether few texts stand for one class each, as when the label is written out. */
function isRenaming(column: readonly string[], labels: Float32Array): boolean {
  const counts = new Map<string, Map<number, number>>()
  column.forEach((value, row) => {
    const own = counts.get(value) ?? new Map<number, number>()
    counts.set(value, own)
    own.set(labels[row] as number, (own.get(labels[row] as number) ?? 0) + 1)
  })
  const classes = new Set(labels).size
  if (classes < 2 || counts.size < classes || counts.size > 2 * classes) return false
  const pure = [...counts.values()].reduce((sum, own) => sum + Math.max(...own.values()), 0)
  const most = Math.max(...[...new Set(labels)].map(k => labels.filter(label => label === k).length))
  // What a constant gets right counts for nothing
  return (pure - most) / (labels.length - most) >= copiedClasses
}
