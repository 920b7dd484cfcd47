import type { Decision } from '../../../define/decision.ts'
import type { Json } from '../../../internal/canonical-json.ts'
import { digestJson, shortDigest } from '../../../internal/digest.ts'
import type { Micros } from '../../../internal/time.ts'
import type { Alert } from '../../../ports/notifier.ts'
import { type Change, hasGone, judgeColumn, maxRecent, type RememberedChange, remembered } from '../changes.ts'
import type { ColumnDrift } from '../column-drift.ts'
import type { Evaluation } from '../evaluate.ts'
import { type Verdict, verdictOf } from '../verdict.ts'

/** Windows in a row that make the alert fire, and clean ones that resolve it. */
const toFire = 2
const toResolve = 3
/**
 * What joins a firing alert shows the same cause, only later, unless people were told so many windows ago and it began since
 * then: that is told anew.
 */
const sameCause = 7

/** What fired: a column with its change, or a further observation (without one). */
interface Cause {
  readonly name: string
  readonly change?: Change
  /** The baseline that it differs from. */
  readonly profile: string
}

/** A monitor has one alert: whatever has one cause is one message, which names its columns. */
export interface AlertState {
  readonly status: 'ok' | 'pending' | 'firing'
  /** Windows in a row that were bad. */
  readonly bad: number
  /** Windows in a row that were clean while firing. */
  readonly clean: number
  readonly since: Micros
  /** While firing: what fired, and how many windows ago people were told last. */
  readonly causes: readonly Cause[]
  readonly told: number
}

/** What a monitor remembers between windows; JSON. */
export interface MonitorState {
  readonly monitor: string
  readonly alert: AlertState
  /** Windows in a row that had drifted from this baseline: what a retrain waits for, whatever else the alert rests on. */
  readonly drifting: number
  readonly sequence: number
  /** The last windows against the profile of that digest: by column and direction, oldest first. */
  readonly recent: {
    readonly profile: string
    readonly columns: Readonly<Record<string, Readonly<Record<string, readonly RememberedChange[]>>>>
  }
  /** Start of the window that was evaluated last: it is not evaluated again after a crash. */
  readonly closed?: Micros
}

export interface MonitorTransition {
  readonly state: MonitorState
  /** What the window says together with those before it: what alerts and retrains go by. */
  readonly judged: Verdict
  /** What people are told. */
  readonly alerts: readonly Alert[]
  /** Alerts that only change in the records: another column joined, or nothing came of a pending one. */
  readonly updates: readonly Alert[]
  readonly decisions: readonly Decision[]
}

export function startMonitor(monitor: string): MonitorState {
  const alert: AlertState = { status: 'ok', bad: 0, clean: 0, since: 0, causes: [], told: 0 }
  return { monitor, alert, drifting: 0, sequence: 0, recent: { profile: '', columns: {} } }
}

/** Something else that a window shows, such as a broken rule of the scaler. */
export interface Observation {
  readonly name: string
  readonly bad: boolean
  /** Fires with its first bad window instead of the second: where one window proves it. */
  readonly atOnce?: boolean
  readonly reason: string
  /** Report that it rests on. */
  readonly report: string
}

const known = (verdict: string): boolean => verdict !== 'insufficient' && verdict !== 'error'
const keyOf = (column: { readonly output: boolean; readonly name: string }): string =>
  column.output ? 'output' : `column:${column.name}`

/** Judges a window with those before it, and remembers it. */
function judge(state: MonitorState, evaluation: Evaluation): { judged: Verdict; recent: MonitorState['recent'] } {
  const profile = profileOf(evaluation)
  // Changes against another baseline are no changes against this one
  const before = state.recent.profile === profile ? state.recent.columns : {}
  const columns: Record<string, Record<string, readonly RememberedChange[]>> = {}
  const measured = evaluation.columns.map((column, i) => {
    const observed = evaluation.observed[i] ?? []
    const past = before[keyOf(column)] ?? {}
    const next: Record<string, readonly RememberedChange[]> = { ...past }
    for (const one of observed) next[one.name] = [...(past[one.name] ?? []), remembered(one)].slice(-(maxRecent - 1))
    columns[keyOf(column)] = next
    const { verdict: _, change: __, times: ___, p: ____, error, ...measures } = column
    const judged = observed.length === 0 ? undefined : judgeColumn(observed, past)
    return { measures, judged, ...(error === undefined ? {} : { error }) }
  })
  return { judged: verdictOf(measured, evaluation.alpha), recent: { profile, columns } }
}

const profileOf = ({ report }: Evaluation): string => String(report.evidence?.profile ?? '')

/** Whether what fired is over in this window; undefined where it cannot be told. */
function gone(causes: readonly Cause[], evaluation: Evaluation): boolean | undefined {
  if (!known(evaluation.verdict)) return undefined
  const answers = causes.map(({ name, change, profile }) => {
    // a new version knows what changed before it was made: what it does not find changed is over
    if (!change || profile !== profileOf(evaluation)) return true
    const at = evaluation.columns.findIndex(column => keyOf(column) === name)
    return hasGone(evaluation.observed[at] ?? [], change)
  })
  if (answers.includes(false)) return false
  return answers.includes(undefined) ? undefined : true
}

/** The last windows only: what was before a resolved alert is over. */
function onlyLast(recent: MonitorState['recent'], count: number): MonitorState['recent'] {
  const cut = (directions: Readonly<Record<string, readonly RememberedChange[]>>) =>
    Object.fromEntries(Object.entries(directions).map(([name, list]) => [name, list.slice(-count)]))
  return {
    ...recent,
    columns: Object.fromEntries(Object.entries(recent.columns).map(([name, one]) => [name, cut(one)])),
  }
}

type Step = { readonly next: AlertState; readonly tell?: Alert['state']; readonly update?: Alert['state'] }

function step(before: AlertState, seen: WindowSigns, now: Micros): Step {
  const { bad, over, atOnce, causes, began } = seen
  if (before.status === 'firing') {
    const joined = causes.filter(one => !before.causes.some(other => other.name === one.name))
    const next = {
      ...before,
      causes: [...before.causes, ...joined],
      told: before.told + 1,
      bad: bad ? before.bad + 1 : 0,
    }
    if (bad && joined.length > 0) {
      const anew = before.told >= sameCause && joined.some(one => began.has(one.name))
      return {
        next: { ...next, clean: 0, told: anew ? 0 : next.told },
        ...(anew ? { tell: 'firing' } : { update: 'firing' }),
      }
    }
    if (over === undefined) return { next }
    if (!over) return { next: { ...next, clean: 0 } }
    const clean = before.clean + 1
    if (clean < toResolve) return { next: { ...next, clean } }
    return { next: { status: 'ok', bad: 0, clean: 0, since: now, causes: [], told: 0 }, tell: 'resolved' }
  }
  if (bad === undefined) return { next: before }
  if (!bad) {
    const since = before.status === 'ok' ? before.since : now
    const next: AlertState = { status: 'ok', bad: 0, clean: 0, since, causes: [], told: 0 }
    return before.status === 'pending' ? { next, update: 'resolved' } : { next }
  }
  const count = before.bad + 1
  const status = atOnce || count >= toFire ? 'firing' : 'pending'
  return { next: { status, bad: count, clean: 0, since: now, causes, told: 0 }, tell: status }
}

interface WindowSigns {
  /** Undefined for a window without a verdict, which neither confirms nor clears anything. */
  readonly bad: boolean | undefined
  /** Whether columns have drifted, and still have in this window. */
  readonly drifts: boolean | undefined
  readonly over: boolean | undefined
  readonly atOnce: boolean
  readonly causes: readonly Cause[]
  /** Names of those that began within the last windows. */
  readonly began: ReadonlySet<string>
  readonly reason: string
  readonly evidence: readonly string[]
}

/** Whether the windows before the last ones had less than half of a change. */
function beganLately({ recent }: MonitorState, column: string, change: Change | null): boolean {
  const old = (recent.columns[column]?.[change?.direction ?? ''] ?? []).slice(0, 1 - sameCause)
  if (!change || old.length === 0) return false
  const was = old.reduce((sum, [one]) => sum + one / old.length, 0)
  return was * Math.sign(change.to - change.from) < Math.abs(change.to - change.from) / 2
}

function seenOf(
  state: MonitorState,
  evaluation: Evaluation,
  judged: Verdict,
  further: readonly Observation[],
): WindowSigns {
  const proved = further.filter(one => one.bad)
  const profile = profileOf(evaluation)
  // what the windows before still show, but this one does not, is over
  const stays = (one: ColumnDrift): boolean => {
    const observed = evaluation.observed[evaluation.columns.findIndex(column => keyOf(column) === keyOf(one))]
    return !one.change || !observed || hasGone(observed, one.change) !== true
  }
  const drifted = judged.verdict === 'drift' ? judged.drifted.filter(stays) : []
  const drifts = drifted.length > 0 || (known(judged.verdict) ? false : undefined)
  const bad = proved.length > 0 || drifts
  const causes: Cause[] = [
    ...proved.map(one => ({ name: one.name, profile })),
    ...drifted.map(one => ({ name: keyOf(one), profile, ...(one.change ? { change: one.change } : {}) })),
  ]
  // the score follows its inputs
  const began = new Set(proved.map(one => one.name))
  for (const one of drifted) if (!one.output && beganLately(state, keyOf(one), one.change)) began.add(keyOf(one))
  const reasons = [...proved.map(one => one.reason), ...(drifted.length > 0 ? [judged.reason] : [])]
  const now = proved.length > 0 || evaluation.verdict === 'drift'
  return {
    bad,
    drifts,
    over: now ? false : gone(state.alert.causes, evaluation),
    atOnce: proved.some(one => one.atOnce),
    causes,
    began,
    reason: reasons.join('; '),
    evidence: [evaluation.report.id, ...new Set(proved.map(one => one.report))],
  }
}

/** A window without a verdict neither goes on with the row nor ends it. */
function driftingAfter({ drifting, recent }: MonitorState, drifts: boolean | undefined, profile: string): number {
  const before = recent.profile === profile ? drifting : 0
  if (drifts === undefined) return before
  return drifts ? before + 1 : 0
}

/**
 * Takes the evaluation of the next window and judges it together with the windows before it. The monitor's one alert goes
 * ok → pending → firing after two bad windows in a row (after one that proves it) and is resolved after three in which what
 * fired is gone. Pure.
 */
export function advanceMonitor(
  before: MonitorState,
  evaluation: Evaluation,
  now: Micros,
  further: readonly Observation[] = [],
): MonitorTransition {
  const { judged, recent } = judge(before, evaluation)
  const seen = seenOf(before, evaluation, judged, further)
  const { next, tell, update } = step(before.alert, seen, now)
  const state = { ...before, drifting: driftingAfter(before, seen.drifts, recent.profile) }
  const kept = tell === 'resolved' ? onlyLast(recent, toResolve) : recent
  const change = tell ?? update
  if (change === undefined)
    return { state: { ...state, alert: next, recent: kept }, judged, alerts: [], updates: [], decisions: [] }
  const sequence = state.sequence + 1
  const withdrawn = tell === undefined && change === 'resolved'
  const body = {
    kind: 'alert' as const,
    subject: `monitor ${state.monitor}`,
    at: now,
    verdict: withdrawn ? ('withdrawn' as const) : tell === undefined ? ('joined' as const) : change,
    reason: reasonOf(change, withdrawn, seen, state),
    rule: {
      name: seen.atOnce ? 'one window that proves it' : `${toFire} windows in a row`,
      statistic: 'verdict',
      value: judged.verdict,
      threshold: 'drift',
    },
    inputs: {
      before: state.alert.status,
      badWindows: next.bad,
      alpha: evaluation.alpha,
      causes: (change === 'resolved' ? state.alert.causes : next.causes).map(one => one.name),
    } as unknown as Record<string, Json>,
    evidence: seen.evidence,
    actor: 'system',
  }
  const id = `alert-${shortDigest(digestJson({ ...body, sequence } as unknown as Json))}`
  const labels = { monitor: state.monitor }
  const resolved = change === 'resolved'
  const alert: Alert = {
    fingerprint: shortDigest(digestJson({ alert: 'drift', ...labels })),
    name: 'drift',
    severity: 'ticket',
    state: change,
    summary: body.reason,
    labels,
    startsAt: resolved || next.status === state.alert.status ? state.alert.since : now,
    ...(resolved ? { endsAt: now } : {}),
    evidence: id,
  }
  return {
    state: { ...state, alert: next, recent: kept, sequence },
    judged,
    alerts: tell === undefined ? [] : [alert],
    updates: tell === undefined ? [alert] : [],
    decisions: [{ id, ...body }],
  }
}

function reasonOf(change: Alert['state'], withdrawn: boolean, seen: WindowSigns, state: MonitorState): string {
  if (change !== 'resolved') return seen.reason
  if (withdrawn) return 'the next window did not confirm it'
  const names = state.alert.causes.map(one =>
    one.name === 'output' ? "the model's score" : one.name.replace(/^column:/, ''),
  )
  return `what fired is gone for ${toResolve} windows in a row: ${names.join(', ')}`
}
