import { formatTime } from '../../../internal/time.ts'
import { type PostOptions, postJson } from '../../../internal/webhook.ts'
import type { Alert, Notifier } from '../../../ports/notifier.ts'

export interface WebhookOptions extends Pick<PostOptions, 'secret' | 'timeoutMs' | 'retries'> {
  /** `http:` or `https:`. */
  readonly url: string
}

/** The body of Alertmanager's webhook, version 4, so that what receives those receives these. */
function body(alert: Alert, name: string): string {
  const labels = { alertname: alert.name, severity: alert.severity, ...alert.labels }
  const status = alert.state === 'resolved' ? 'resolved' : 'firing'
  const annotations = { summary: alert.summary, ...(alert.evidence ? { evidence: alert.evidence } : {}) }
  return JSON.stringify({
    version: '4',
    groupKey: alert.fingerprint,
    truncatedAlerts: 0,
    status,
    receiver: name,
    groupLabels: { alertname: alert.name },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: '',
    alerts: [
      {
        status,
        labels,
        annotations,
        fingerprint: alert.fingerprint,
        generatorURL: '',
        startsAt: formatTime(alert.startsAt),
        endsAt: alert.endsAt === undefined ? '0001-01-01T00:00:00Z' : formatTime(alert.endsAt),
      },
    ],
  })
}

/** Posts alerts to a URL. Rejects when every try failed; whoever sends records that. Pending alerts are not sent. */
export function webhookNotifier(options: WebhookOptions): Notifier {
  const url = new URL(options.url)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new TypeError(`${url.protocol} is not a protocol for webhooks`)
  return {
    name: `webhook ${url.host}`,
    async send(alert) {
      if (alert.state === 'pending') return
      await postJson(url, body(alert, 'millrace'), options)
    },
  }
}
