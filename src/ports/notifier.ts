import type { Micros } from '../internal/time.ts'

/** A message with a life cycle. The same `fingerprint` is the same alert, firing or resolved. */
export interface Alert {
  readonly fingerprint: string
  readonly name: string
  readonly severity: 'page' | 'ticket' | 'info'
  readonly state: 'pending' | 'firing' | 'resolved'
  readonly summary: string
  readonly labels: Readonly<Record<string, string>>
  readonly startsAt: Micros
  readonly endsAt?: Micros
  /** Decision or report that it rests on. */
  readonly evidence?: string
}

/** Carries alerts to people. A notifier that fails never fails what raised the alert. */
export interface Notifier {
  readonly name: string
  send(alert: Alert): Promise<void>
}
