import type { Decision } from '../../../define/decision.ts'
import type { Json } from '../../../internal/canonical-json.ts'
import { digestJson, shortDigest } from '../../../internal/digest.ts'
import type { Micros } from '../../../internal/time.ts'
import type { Alert } from '../../../ports/notifier.ts'
import type { DriftVerdict } from '../column-drift.ts'
import type { Evaluation } from '../evaluate.ts'

/** Windows in a row that make an alert fire, and clean ones that resolve it. */
const toFire = 2
const toResolve = 3

export interface SeriesState {
  readonly status: 'ok' | 'pending' | 'firing'
  /** Windows in a row that were bad. */
  readonly bad: number
  /** Windows in a row that were clean while firing. */
  readonly clean: number
  readonly since: Micros
}

/** What a monitor remembers between windows; JSON. Series: `window` for the whole, `output`, and `column:<name>`. */
export interface MonitorState {
  readonly monitor: string
  readonly series: Readonly<Record<string, SeriesState>>
  readonly sequence: number
  /** Start of the window that was evaluated last: it is not evaluated again after a crash. */
  readonly closed?: Micros
}

export interface MonitorAdvanced {
  readonly state: MonitorState
  readonly alerts: readonly Alert[]
  readonly decisions: readonly Decision[]
}

export function startMonitor(monitor: string): MonitorState {
  return { monitor, series: {}, sequence: 0 }
}

/** What a window says of one series. */
export interface Observation {
  readonly series: string
  /** Fires with its first bad window instead of the second: where one window proves it. */
  readonly atOnce?: boolean
  readonly bad: boolean
  readonly reason: string
  readonly value: Json
  readonly threshold: Json
  /** What `value` is (default: the verdict of the window, else PSI). */
  readonly statistic?: string
  /** Report that it rests on (default: the evaluation's) and name of its alert (default: `drift`). */
  readonly report?: string
  readonly alert?: string
}

function observations(evaluation: Evaluation): Observation[] {
  // a window without a verdict neither confirms nor clears anything
  const known = (verdict: DriftVerdict): boolean => verdict !== 'insufficient' && verdict !== 'error'
  const columns = evaluation.columns
    .filter(drift => known(drift.verdict))
    .map(drift => {
      const name = drift.output ? 'output' : `column:${drift.name}`
      const check = evaluation.report.checks.find(one => one.id === `drift:${drift.output ? 'output' : drift.name}`)
      const bad = drift.verdict === 'drift'
      return { series: name, bad, reason: check?.message ?? '', value: drift.psi, threshold: drift.thetaDrift }
    })
  if (!known(evaluation.verdict)) return columns
  const { verdict, reason } = evaluation
  return [{ series: 'window', bad: verdict === 'drift', reason, value: verdict, threshold: 'drift' }, ...columns]
}

/** The next state of one series, and what happened: nothing, or the state that its alert takes. */
function step(
  before: SeriesState | undefined,
  { bad, atOnce }: Observation,
  now: Micros,
): [SeriesState, Alert['state'] | undefined] {
  const state = before ?? { status: 'ok', bad: 0, clean: 0, since: now }
  if (bad) {
    const count = state.bad + 1
    if (state.status === 'firing') return [{ ...state, bad: count, clean: 0 }, undefined]
    if (atOnce || count >= toFire) return [{ status: 'firing', bad: count, clean: 0, since: now }, 'firing']
    return [{ status: 'pending', bad: count, clean: 0, since: now }, 'pending']
  }
  if (state.status === 'firing') {
    const clean = state.clean + 1
    if (clean < toResolve) return [{ ...state, bad: 0, clean }, undefined]
    return [{ status: 'ok', bad: 0, clean: 0, since: now }, 'resolved']
  }
  return [{ status: 'ok', bad: 0, clean: 0, since: state.status === 'ok' ? state.since : now }, undefined]
}

/**
 * Takes the evaluation of the next window: a series goes ok → pending → firing after two bad windows in a row and is resolved
 * after three clean ones. Gives an alert and a decision for each change that people should hear of. Pure.
 */
export function advanceMonitor(
  state: MonitorState,
  evaluation: Evaluation,
  now: Micros,
  further: readonly Observation[] = [],
): MonitorAdvanced {
  const series: Record<string, SeriesState> = { ...state.series }
  const alerts: Alert[] = []
  const decisions: Decision[] = []
  let { sequence } = state
  for (const seen of [...observations(evaluation), ...further]) {
    const before = series[seen.series]
    const [after, change] = step(before, seen, now)
    series[seen.series] = after
    if (change === undefined) continue
    sequence++
    const body = {
      kind: 'alert' as const,
      subject: `monitor ${state.monitor}`,
      at: now,
      verdict: change,
      reason: change === 'resolved' ? `${seen.series} is clean in ${toResolve} windows in a row` : seen.reason,
      rule: {
        name: seen.atOnce ? seen.series : `${toFire} windows in a row`,
        statistic: seen.statistic ?? (seen.series === 'window' ? 'verdict' : 'PSI'),
        value: seen.value,
        threshold: seen.threshold,
      },
      inputs: { series: seen.series, before: before?.status ?? 'ok', badWindows: after.bad, alpha: evaluation.alpha },
      evidence: [seen.report ?? evaluation.report.id],
      actor: 'system',
    }
    const id = `alert-${shortDigest(digestJson({ ...body, sequence }))}`
    decisions.push({ id, ...body })
    const labels = { monitor: state.monitor, series: seen.series }
    alerts.push({
      fingerprint: shortDigest(digestJson({ alert: seen.alert ?? 'drift', ...labels })),
      name: seen.alert ?? 'drift',
      severity: 'ticket',
      state: change,
      summary: body.reason,
      labels,
      startsAt: change === 'resolved' ? (before?.since ?? now) : now,
      ...(change === 'resolved' ? { endsAt: now } : {}),
      evidence: id,
    })
  }
  return { state: { ...state, series, sequence }, alerts, decisions }
}
