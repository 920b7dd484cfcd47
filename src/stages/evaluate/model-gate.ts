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
    reason: refused ? `model tests failed: ${reasons.map(check => check.message).join('; ')}` : passedInWords(report),
    rule: { name: 'model test suite', threshold: 'no critical failure' },
    inputs: { metrics, champion: champion ?? null },
    evidence: [report.id],
    actor: 'system',
  }
}

/** What was judged, and what was not: a check that was skipped has not passed. */
function passedInWords({ checks, status }: Report): string {
  const skipped = checks.filter(check => check.status === 'skipped').length
  const judged = `${checks.length - skipped} model checks, ${status === 'warn' ? 'with warnings' : 'all passed'}`
  return skipped === 0 ? judged : `${judged}; ${skipped} not judged`
}
