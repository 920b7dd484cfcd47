import type { Decision } from '../../define/decision.ts'
import { outcomeOf, type Report } from '../../define/report.ts'
import { ulid } from '../../internal/ids.ts'

/** The gate between a trained model and the registry: refused when a critical check failed or could not be made. */
export function modelGate(
  report: Report,
  metrics: Readonly<Record<string, number>>,
  champion: number | undefined,
  at: number,
): Decision {
  const reasons = report.checks.filter(check => ['fail', 'error'].includes(outcomeOf(check)))
  const refused = reasons.length > 0
  return {
    id: ulid(),
    kind: 'gate',
    subject: `model ${report.subject}`,
    at,
    verdict: refused ? 'refused' : 'passed',
    reason: refused
      ? `model tests failed: ${reasons.map(check => check.message).join('; ')}`
      : `${report.checks.length} model checks, ${report.status === 'warn' ? 'with warnings' : 'all passed'}`,
    rule: { name: 'model test suite', threshold: 'no critical failure' },
    inputs: { metrics, champion: champion ?? null },
    evidence: [report.id],
    actor: 'system',
  }
}
