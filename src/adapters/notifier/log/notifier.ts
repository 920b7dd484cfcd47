import type { Notifier } from '../../../ports/notifier.ts'

/** Writes each alert as one JSON line. */
export function logNotifier(write: (line: string) => void): Notifier {
  return {
    name: 'log',
    async send(alert) {
      write(
        JSON.stringify({
          alert: alert.name,
          state: alert.state,
          severity: alert.severity,
          summary: alert.summary,
          ...alert.labels,
        }),
      )
    },
  }
}
