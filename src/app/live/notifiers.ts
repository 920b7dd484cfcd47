import { adapters } from '../../config/resolve.ts'
import type { Log } from '../../ports/log.ts'
import type { Notifier } from '../../ports/notifier.ts'

/** Who is told of alerts: the log, and Alertmanager webhooks. */
export async function notifiersOf(urls: readonly string[], log: Log): Promise<Notifier[]> {
  const { logNotifier } = await adapters.notifier.log()
  const { webhookNotifier } = await adapters.notifier.webhook()
  const secret = process.env.MILLRACE_WEBHOOK_SECRET
  return [
    logNotifier(line => log(JSON.parse(line) as Record<string, unknown>)),
    ...urls.map(url => webhookNotifier({ url, ...(secret ? { secret } : {}) })),
  ]
}
