import { createHmac } from 'node:crypto'
import { formatTime } from '../../../internal/time.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type { Alert, Notifier } from '../../../ports/notifier.ts'

export interface WebhookOptions {
  /** `http:` or `https:`. */
  readonly url: string
  /** Signs the body: header `X-Millrace-Signature: sha256=<hex>`. */
  readonly secret?: string
  /** Milliseconds a try may take (default 5,000). */
  readonly timeoutMs?: number
  /** Further tries after a failure that may pass: no answer, 429 or 5xx (default 3). */
  readonly retries?: number
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
      const text = body(alert, 'millrace')
      const headers: Record<string, string> = {
        'content-type': 'application/json',
        ...(options.secret
          ? { 'x-millrace-signature': `sha256=${createHmac('sha256', options.secret).update(text).digest('hex')}` }
          : {}),
      }
      let last = ''
      for (let attempt = 0; attempt <= (options.retries ?? 3); attempt++) {
        if (attempt > 0) await new Promise(resolve => setTimeout(resolve, Math.min(10_000, 250 * 2 ** attempt)))
        try {
          const answer = await fetch(url, {
            method: 'POST',
            headers,
            body: text,
            redirect: 'error',
            signal: AbortSignal.timeout(options.timeoutMs ?? 5_000),
          })
          await answer.body?.cancel()
          if (answer.ok) return
          last = `answer ${answer.status}`
          if (answer.status !== 429 && answer.status < 500) break
        } catch (error) {
          last = messageOf(error)
        }
      }
      throw new Error(`${url.host}: ${last}`)
    },
  }
}
