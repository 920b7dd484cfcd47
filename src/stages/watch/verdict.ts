import { benjaminiHochberg } from '../../math/distribution/benjamini-hochberg.ts'
import type { ColumnJudgement } from './changes.ts'
import type { ColumnDrift, DriftVerdict, Measures } from './column-drift.ts'

/** A column that is measured, and what was judged of it: nothing where it has too few rows, a reason where it failed. */
export interface ColumnMeasurement {
  readonly measures: Measures
  readonly judged: ColumnJudgement | undefined
  readonly error?: string
}

export interface Verdict {
  /** Of the whole. `drift`: a column with ≥ 5 % importance, or ≥ 25 % of importance together, or the score. */
  readonly verdict: DriftVerdict
  readonly reason: string
  /** In the order of what was measured. */
  readonly columns: readonly ColumnDrift[]
  /** Columns that make it drift, worst first. */
  readonly drifted: readonly ColumnDrift[]
}

/** Gives the verdicts of one family of columns; the rate is shared among them (Benjamini–Hochberg). */
function decide(family: readonly ColumnMeasurement[], rate: number): ColumnDrift[] {
  const tested = family.filter(one => one.judged !== undefined)
  const drift = benjaminiHochberg(tested.map(one => one.judged?.p ?? 1))
  const warn = benjaminiHochberg(tested.map(one => one.judged?.pWarn ?? 1))
  return family.map(one => {
    const change = one.judged?.change ?? null
    const found = { ...one.measures, change, times: change?.times ?? 0, p: one.judged?.p ?? 1 }
    if (one.error !== undefined) return { ...found, verdict: 'error', error: one.error }
    const i = tested.indexOf(one)
    if (i < 0) return { ...found, verdict: 'insufficient' }
    const verdict = (drift[i] as number) <= rate ? 'drift' : (warn[i] as number) <= rate ? 'warn' : 'ok'
    return { ...found, verdict }
  })
}

export const nameOf = (column: ColumnDrift): string => (column.output ? "the model's score" : column.name)

const maxNamed = 5

/** Names of columns with what changed in each: `distance: mean +0.31 sd, origin: share of ORD 40.0 % → 30.0 % and 3 more`. */
export function told(columns: readonly ColumnDrift[]): string {
  const named = columns.slice(0, maxNamed).map(one => `${nameOf(one)}: ${one.change?.text ?? 'changed'}`)
  const more = columns.length > maxNamed ? ` and ${columns.length - maxNamed} more` : ''
  return named.join(', ') + more
}

const worstFirst = (columns: readonly ColumnDrift[]): ColumnDrift[] => columns.toSorted((a, b) => b.times - a.times)

/** When most inputs of a model are missing at once, that is the cause: it is said first. */
function headline(drifted: readonly ColumnDrift[], inputs: readonly ColumnDrift[]): string {
  const missing = drifted.filter(one => one.change?.direction === 'missing' && one.change.to > one.change.from)
  if (missing.length < 2 || missing.length < inputs.length / 2) return ''
  return `${missing.length} of ${inputs.length} inputs are missing more often: `
}

/** The verdict over all columns, the score last; `rate` is shared half and half by the inputs and the score. */
export function verdictOf(measured: readonly ColumnMeasurement[], rate: number): Verdict {
  const inputs = decide(measured.slice(0, -1), rate / 2)
  const [output] = decide(measured.slice(-1), rate / 2) as [ColumnDrift]
  const columns = [...inputs, output]
  const moved = inputs.filter(one => one.verdict === 'drift')
  const known = inputs.some(one => one.importance !== null)
  const share = moved.reduce((sum, one) => sum + (one.importance ?? 0), 0)
  // where no importance is known, every column might be the one that counts
  const counts = moved.length > 0 && (!known || share >= 0.25 || moved.some(one => (one.importance ?? 0) >= 0.05))
  const give = (verdict: DriftVerdict, reason: string, drifted: readonly ColumnDrift[] = []): Verdict => ({
    verdict,
    reason,
    columns,
    drifted,
  })
  if (counts || output.verdict === 'drift') {
    const drifted = worstFirst(columns.filter(one => one.verdict === 'drift'))
    return give('drift', headline(drifted, inputs) + told(drifted), drifted)
  }
  if (moved.length > 0) return give('warn', `${told(worstFirst(moved))}; the model hardly uses what moved`)
  const warned = worstFirst(columns.filter(one => one.verdict === 'warn'))
  if (warned.length > 0) return give('warn', `${told(warned)}: less than what alerts`)
  if (columns.some(one => one.verdict === 'error')) return give('error', 'some columns could not be compared')
  if (columns.every(one => one.verdict === 'insufficient')) return give('insufficient', 'too few rows')
  return give('ok', 'no column differs from the baseline by more than its windows differ from each other')
}
