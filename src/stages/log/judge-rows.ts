import type { Dataset } from '../../define/dataset.ts'
import { kinds, type ExpectationSpec, type Kind } from '../../define/expectation/index.ts'
import { toEvaluator, type Evaluator } from '../../define/expression/index.ts'
import type { Row, Value } from '../../ports/data-engine.ts'
import { expressionParts } from '../validate/rules/expression.ts'

/** An expectation that a row breaks. */
export interface BrokenExpectation {
  readonly check: string
  readonly says: string
}

export interface JudgedRow {
  readonly row: Row
  /** Critical expectations that it breaks: it is taken neither for training nor for serving. */
  readonly broken: readonly BrokenExpectation[]
  /** Warnings, and critical expectations that tolerate some rows: it is taken. */
  readonly warned: readonly BrokenExpectation[]
}

/** Judges rows one by one as they arrive. */
export type RowJudge = (row: Row) => JudgedRow

/** Whether a rule tolerates rows that break it; of one row alone no share can be taken. */
const tolerates = ({ limits }: ExpectationSpec): boolean => {
  const { share, count } = limits?.fail ?? {}
  return (share ?? 0) > 0 || (count ?? 0) > 0
}

interface Rule {
  readonly broken: BrokenExpectation
  readonly bad: Evaluator
  readonly stops: boolean
}

/**
 * The expectations of a dataset that one row answers for itself, by the same expressions that validate files. What needs
 * other rows (keys, shares, distributions, other datasets) is asked of the whole, when that is validated.
 */
export function rowJudge(dataset: Dataset): RowJudge {
  const rules = dataset.expectations.flatMap((spec): Rule[] => {
    const rule = (kinds.get(spec.kind) as unknown as Kind<unknown> | undefined)?.needs(spec).rows
    if (rule?.by !== 'expression') return []
    // What is known later comes without it at first, and is told when it is known
    if (spec.kind === 'notNull' && spec.columns.some(name => dataset.knownAt[name] !== undefined)) return []
    return [
      {
        broken: { check: spec.id, says: spec.says },
        bad: toEvaluator(expressionParts(spec, rule.good).bad),
        stops: spec.severity === 'critical' && !tolerates(spec),
      },
    ]
  })
  return row => {
    const read = (name: string): Value => row[name] ?? null
    const broken: BrokenExpectation[] = []
    const warned: BrokenExpectation[] = []
    for (const rule of rules) if (rule.bad(read) === true) (rule.stops ? broken : warned).push(rule.broken)
    return { row, broken, warned }
  }
}
