import type { Dataset } from '../dataset.ts'
import type { ExpectationSpec } from './spec.ts'

/**
 * Whether rows that break a rule stay out of snapshots. What the rule says for itself comes first, then, for critical
 * rules, what the dataset says; where neither does, rows of a rule that fails stay out, and rows that it tolerates stay in.
 * A cell that cannot be read has no value to keep: its row stays out unless somebody says otherwise.
 */
export function staysOut(spec: ExpectationSpec, { quarantine }: Pick<Dataset, 'quarantine'>, failed: boolean): boolean {
  if (spec.quarantine !== undefined) return spec.quarantine
  if (spec.severity !== 'critical') return false
  return quarantine ?? (failed || spec.kind === 'readable')
}
