import type { Decision } from '../../define/decision.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { ulid } from '../../internal/ids.ts'
import type { Micros } from '../../internal/time.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Clock } from '../../ports/clock.ts'
import type { MetadataStore, WindowRecord } from '../../ports/metadata-store.ts'
import type { Alert, Notifier } from '../../ports/notifier.ts'
import type { Report } from '../../define/report.ts'
import type { MonitorState } from './monitor/advance.ts'
import type { Cohort } from './monitor/performance.ts'
import type { RetrainState } from './monitor/retrain.ts'
import type { Verdict } from './verdict.ts'

export interface MonitorServices {
  readonly store: MetadataStore
  readonly clock: Clock
  readonly notifiers: readonly Notifier[]
}

/** Everything that the end of one window leads to. */
export interface ClosedWindow {
  readonly monitor: string
  readonly model: string
  /** Of the window by itself; `judged` takes the windows before it in. */
  readonly report: Report
  readonly judged: Verdict
  readonly from: Micros
  readonly to: Micros
  readonly cohorts: readonly Cohort[]
  readonly decisions: readonly Decision[]
  readonly alerts: readonly Alert[]
  readonly updates: readonly Alert[]
  readonly state: MonitorState
  readonly retrains: RetrainState
}

function seriesOf({ monitor, report, judged, from, to, cohorts }: ClosedWindow): WindowRecord[] {
  const windows: WindowRecord[] = judged.columns.map(column => ({
    monitor,
    series: column.output ? 'score' : `column:${column.name}`,
    from,
    to,
    body: { ...column, missing: { ...column.missing } } as unknown as Record<string, Json>,
  }))
  windows.push({
    monitor,
    series: 'window',
    from,
    to,
    body: { verdict: judged.verdict, reason: judged.reason, report: report.id },
  })
  for (const cohort of cohorts)
    windows.push({
      monitor,
      series: 'performance',
      from: cohort.from,
      to: cohort.to,
      body: cohort as unknown as Record<string, Json>,
    })
  return windows
}

/** Stores it, the monitor's state last: what a crash interrupts is done again, rather a record twice than none. */
export async function recordWindow(services: MonitorServices, closed: ClosedWindow): Promise<void> {
  const { store, clock } = services
  await store.addReport(closed.report)
  await store.addWindows(seriesOf(closed))
  for (const decision of closed.decisions) await store.addDecision(decision)
  for (const alert of [...closed.updates, ...closed.alerts]) await recordAlert(services, alert)
  await recordRetrains(services, closed.model, closed.retrains)
  await store.putDocument('monitor', closed.monitor, closed.state as unknown as Json, clock.now())
  for (const alert of closed.alerts) await deliver(services, alert)
}

export async function recordRetrains(
  { store, clock }: MonitorServices,
  model: string,
  state: RetrainState,
): Promise<void> {
  await store.putDocument('retrain', model, state as unknown as Json, clock.now())
}

export async function recordAlert({ store, clock }: MonitorServices, alert: Alert): Promise<void> {
  await store.putDocument('alert', alert.fingerprint, alert as unknown as Json, clock.now())
}

/** A notifier that fails leaves a record and nothing else: the alert itself is stored. */
export async function deliver({ store, clock, notifiers }: MonitorServices, alert: Alert): Promise<void> {
  for (const notifier of notifiers)
    try {
      await notifier.send(alert)
    } catch (error) {
      await store.putDocument(
        'alert-undelivered',
        ulid(),
        {
          notifier: notifier.name,
          fingerprint: alert.fingerprint,
          reason: messageOf(error),
        },
        clock.now(),
      )
    }
}
