import type { Micros } from '../../internal/time.ts'
import { auc } from '../../math/metrics/ranking.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import type { LiveDeployment } from '../../stages/serve/deployment.ts'
import type { LiveServing } from '../../stages/serve/serving.ts'
import type { LiveMonitor } from '../../stages/watch/live.ts'
import { flightHours } from './flights.ts'
import type { PlayClock } from './play-clock.ts'

const hourLength = 3_600_000_000

export interface StreamResult {
  predictions: number
  /** Scores and outcomes as served, by month. */
  readonly months: Map<string, { scores: number[]; labels: number[] }>
}

export interface StreamOptions {
  readonly engine: DataEngine
  /** SELECT of the flights with `millrace_seq`. */
  readonly relation: string
  readonly from: Micros
  readonly to: Micros
  readonly clock: PlayClock
  readonly serving: LiveServing
  readonly deployment: LiveDeployment
  readonly monitor: LiveMonitor
  readonly served: StreamResult
  /** Called at the start of every hour; may retrain and deploy. */
  readonly onHour: (now: Micros) => Promise<void>
}

/**
 * Plays flights as they happened: at each hour the labels that became known by then arrive, then the hour's departures
 * are pushed to the online store and predicted for, each as of its own moment.
 */
export async function stream(options: StreamOptions): Promise<void> {
  /** Labels by the hour at which they are known. */
  const waiting = new Map<number, { id: string; label: number; at: number }[]>()
  const { clock, serving, deployment, monitor, served } = options
  let flushed = options.from
  for await (const hour of flightHours(options.engine, options.relation, options.from, options.to)) {
    const now = hour.from
    clock.to(now)
    for (const [due, labels] of waiting)
      if (due <= now) {
        waiting.delete(due)
        await deployment.feedback(labels)
      }
    deployment.tick()
    await deployment.settled()
    await monitor.settled()
    await options.onHour(now)
    await serving.take('flights', hour.rows)
    clock.to(now + hourLength - 1)
    const requests = hour.rows.map((row, i) => ({
      id: `${hour.at[i]}-${served.predictions + i}`,
      row,
      at: hour.at[i] as number,
    }))
    const answers = await deployment.predict(requests)
    const month = new Date(now / 1000).toISOString().slice(0, 7)
    const kept = served.months.get(month) ?? { scores: [], labels: [] }
    served.months.set(month, kept)
    answers.forEach((answer, i) => {
      kept.scores.push(answer.score)
      kept.labels.push(hour.late[i] as number)
      const known = hour.known[i] as number
      const due = (Math.floor(known / hourLength) + 1) * hourLength
      const list = waiting.get(due)
      const label = { id: answer.id, label: hour.late[i] as number, at: known }
      if (list) list.push(label)
      else waiting.set(due, [label])
    })
    served.predictions += answers.length
    if (now - flushed >= 24 * hourLength) {
      await serving.flush()
      flushed = now
    }
  }
}

export function servedAuc(served: StreamResult): { readonly auc: number; readonly byMonth: Record<string, number> } {
  const all = [...served.months.values()]
  const labels = Float32Array.from(all.flatMap(month => month.labels))
  const scores = Float32Array.from(all.flatMap(month => month.scores))
  return {
    auc: auc(labels, scores),
    byMonth: Object.fromEntries(
      [...served.months].map(([month, { scores: s, labels: y }]) => [
        month,
        auc(Float32Array.from(y), Float32Array.from(s)),
      ]),
    ),
  }
}
