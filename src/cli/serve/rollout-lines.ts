import { formatTime } from '../../internal/time.ts'
import type { RolloutState } from '../../stages/deploy/rollout/index.ts'
import { segmentInWords, shownStandings } from '../../stages/deploy/rollout/guardrail-verdict.ts'
import { queryStandings } from '../../stages/deploy/rollout/query-verdict.ts'
import { evidenceOf } from '../../stages/deploy/rollout/transition.ts'
import { versionName } from '../../stages/register/version-parts.ts'
import { tableLines } from '../output.ts'
import { contestLines } from './contest-lines.ts'
import type { DeploymentNow } from './deployment-view.ts'

export const isOver = ({ phase }: Pick<RolloutState, 'phase'>): boolean => phase === 'done' || phase === 'rolled-back'

const count = (value: number): string => value.toLocaleString('en-US')
const short = (value: number): string => String(Number(value.toPrecision(4)))

/** Where a rollout stands, in one line. */
export function standing({ config, phase, hold, weight }: RolloutState): string {
  const share = Number((weight * 100).toPrecision(4))
  return `rollout of ${config.challenger}: ${phase}${hold ? `, held (${hold})` : ''}, ${share} % of traffic`
}

/** What is stable under a name, in one line. */
export function stableLine({ name, stable }: DeploymentNow): string {
  return stable === null
    ? `${name}: nothing is deployed. Next: npx millrace deploy ${name}`
    : `${name}: stable is ${versionName(stable)}`
}

/** How far a rollout is with what it waits for. */
function progressOf({ config, phase, shadow, requests }: RolloutState): string {
  if (phase === 'shadow') return `${count(shadow.rows)} of ${count(config.shadowRows)} rows scored by both`
  const answered = `${count(requests.canary)} rows answered by the challenger, ${count(requests.stable)} by stable`
  return phase === 'step' ? `${answered}; ${count(config.minRequests)} are needed in this step` : answered
}

/** The guardrails within segments that are nearest to taking the challenger back. */
function segmentLines(state: RolloutState): readonly string[] {
  if (!state.segments) return []
  const { shown, hidden } = shownStandings(state)
  if (shown.length === 0) return ['no segment has evidence yet']
  return [
    ...tableLines(
      ['segment', 'guardrail', 'requests', 'against it', 'arms differ', 'ln e-value', 'limit'],
      shown.map(one => [
        segmentInWords(one.segment),
        one.kind,
        one.requests,
        one.canary,
        one.all,
        Number(Math.max(0, one.logE).toFixed(2)),
        Number(one.limit.toFixed(2)),
      ]),
    ),
    ...(hidden > 0 ? [`${count(hidden)} more that are further from their limits`] : []),
  ]
}

/** A rollout with the evidence that its rules look at, for people. */
export function rolloutLines(state: RolloutState): readonly string[] {
  const { guardrails, labels } = evidenceOf(state) as unknown as {
    readonly guardrails: Readonly<Record<string, { canary: number; all: number; logE: number; limit: number }>>
    readonly labels: { rows: number; difference: number | null; lower: number | null; upper: number | null }
  }
  const { difference, lower, upper } = labels
  return [
    standing(state),
    progressOf(state),
    ...tableLines(
      ['guardrail', 'against it', 'arms differ', 'ln e-value', 'limit'],
      Object.entries(guardrails).map(([kind, one]) => [
        kind,
        one.canary,
        one.all,
        Number(Math.max(0, one.logE).toFixed(2)),
        Number(one.limit.toFixed(2)),
      ]),
    ),
    ...segmentLines(state),
    ...queryStandings(state).map(({ name, says }) => `${name}: ${says}`),
    labels.rows === 0
      ? 'no labels count yet'
      : `${count(labels.rows)} labelled rows: loss difference ${short(difference ?? 0)}${lower === null || upper === null ? '' : `, between ${short(lower)} and ${short(upper)}`}`,
  ]
}

/** What is tried, or was last, with its evidence: a contest for as long as no rollout of one of its challengers is there. */
export function standingLines({ contest, rollout }: DeploymentNow): readonly string[] {
  const lines = contest && contest.phase !== 'chosen' ? contestLines(contest) : []
  return contest?.phase === 'running' || !rollout ? lines : [...lines, ...rolloutLines(rollout)]
}

/** A decision in one line. */
export const decisionLine = ({ at, verdict, reason }: DeploymentNow['decisions'][number]): string =>
  `${formatTime(at)}  ${verdict}  ${reason}`
