import { fail } from '../../errors/index.ts'
import type { ToldValue } from './recorder.ts'
import type { Label } from './types.ts'

/** Throws `requestInvalid` for a label that no score can be compared with. */
export function checkLabels(labels: readonly Label[]): void {
  labels.forEach(({ label }, row) => {
    if (Number.isFinite(Math.fround(label))) return
    throw fail('requestInvalid', { row, column: 'label', reason: 'a score is never as large: beyond ±3.4e38' })
  })
}

/** Throws `metricUnknown` for a value of a metric that is none of these. */
export function checkMetrics(
  deployment: string,
  values: readonly ToldValue[],
  metrics: Readonly<Record<string, unknown>>,
): void {
  const unknown = values.find(one => !Object.hasOwn(metrics, one.metric))
  if (!unknown) return
  const known = Object.keys(metrics).join(', ') || 'none'
  throw fail('metricUnknown', { deployment, metric: unknown.metric, known })
}
