import type { CheckResult } from '../../define/report.ts'
import type { Json } from '../../internal/canonical-json.ts'

export { plural } from '../../define/expectation/verdict.ts'

/** One feature that breaks a rule. */
export interface Finding {
  readonly column: string
  readonly level: 'warn' | 'fail'
  /** A clause that begins with the feature's name and holds the figures. */
  readonly text: string
  readonly observed?: Readonly<Record<string, Json>>
}

export interface ScalerRule {
  /** `scaler-constant`. Stable: history and alerts hang on it. */
  readonly id: string
  /** What must hold, in words. */
  readonly threshold: string
}

export interface RuleResult {
  /** Features (or rows, or links) that the rule was applied to; 0 gives `skipped`. */
  readonly evaluated: number
  readonly findings: readonly Finding[]
  /** Said when nothing was found. */
  readonly good: string
  /** Said when there was nothing to look at. */
  readonly nothing?: string
  readonly observed?: Readonly<Record<string, Json>>
}

const maxNamed = 3
const maxSampled = 20

/** The result of one scaler rule: a failing finding makes it critical, warnings alone a warning. */
export function scalerCheck(rule: ScalerRule, target: CheckResult['target'], looked: RuleResult): CheckResult {
  const { evaluated, findings, good, nothing = 'there is nothing to compare', observed = {} } = looked
  const failed = findings.some(finding => finding.level === 'fail')
  const status = findings.length > 0 ? (failed ? 'fail' : 'warn') : evaluated === 0 ? 'skipped' : 'pass'
  // What fails is said first
  const ordered = [...findings].sort((a, b) => (a.level === b.level ? 0 : a.level === 'fail' ? -1 : 1))
  const more = findings.length - maxNamed
  const said = ordered.slice(0, maxNamed).map(finding => finding.text)
  return {
    id: rule.id,
    kind: rule.id,
    target: { ...target, columns: [...new Set(ordered.map(finding => finding.column))].filter(Boolean) },
    severity: status === 'warn' ? 'warning' : 'critical',
    status,
    observed,
    evaluated,
    bad: findings.length,
    threshold: rule.threshold,
    message:
      status === 'skipped'
        ? nothing
        : findings.length === 0
          ? good
          : `${said.join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
    ...(findings.length > 0
      ? {
          sample: ordered
            .slice(0, maxSampled)
            .map(({ column, level, text, observed: figures }) => ({ column, level, text, ...figures })),
        }
      : {}),
  }
}

/** A figure for a sentence. */
export const figure = (x: number): string => {
  const rounded = Number(x.toPrecision(4))
  const size = Math.abs(rounded)
  return size !== 0 && (size < 1e-4 || size >= 1e7) ? rounded.toExponential() : String(rounded)
}
