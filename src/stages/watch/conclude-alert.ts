import type { Decision } from '../../define/decision.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { digestJson, shortDigest } from '../../internal/digest.ts'
import type { Micros } from '../../internal/time.ts'
import type { Alert } from '../../ports/notifier.ts'
import { deliver, recordAlert, type MonitorServices } from './record.ts'

/** What an alert is about: a view with its environment (`prod/zones`), or a deployment. */
type About = { readonly view: string } | { readonly deployment: string }

/** What was found of it, and the rule by which it is good or bad. */
export interface Finding {
  /** `feature freshness`; with what it is about it says which alert it is. */
  readonly alert: string
  readonly about: About
  readonly isBroken: boolean
  readonly summary: string
  readonly rule: Decision['rule']
  readonly inputs: Readonly<Record<string, Json>>
}

/** Fires with the first finding that is bad, and resolves with the first that is good again; each with its decision. */
export async function concludeAlert(
  services: MonitorServices,
  { alert: name, about, isBroken, summary, rule, inputs }: Finding,
  now: Micros,
): Promise<void> {
  const { store } = services
  const fingerprint = shortDigest(digestJson({ alert: name, ...about }))
  const kept = (await store.getDocument<never>('alert', fingerprint))?.value as Alert | undefined
  const before = kept?.state === 'firing' ? kept : undefined
  if (isBroken === (before !== undefined)) return
  const decision: Decision = {
    id: `alert-${shortDigest(digestJson({ fingerprint, now, isBroken }))}`,
    kind: 'alert',
    // What stands under the deployment is what was decided of its versions
    subject: 'view' in about ? `features ${about.view}` : `rollout ${about.deployment}`,
    at: now,
    verdict: isBroken ? 'firing' : 'resolved',
    reason: summary,
    rule,
    inputs,
    evidence: [],
    actor: 'system',
  }
  const alert: Alert = {
    fingerprint,
    name,
    severity: 'ticket',
    state: isBroken ? 'firing' : 'resolved',
    summary,
    labels: { ...about },
    startsAt: before?.startsAt ?? now,
    ...(isBroken ? {} : { endsAt: now }),
    evidence: decision.id,
  }
  await store.addDecision(decision)
  await recordAlert(services, alert)
  await deliver(services, alert)
}
