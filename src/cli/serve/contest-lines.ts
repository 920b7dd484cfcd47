import { formatTime } from '../../internal/time.ts'
import type { ContestState } from '../../stages/deploy/contest/index.ts'
import { standingOf } from '../../stages/deploy/contest/standing.ts'
import { evidenceOf } from '../../stages/deploy/rollout/transition.ts'
import { tableLines } from '../output.ts'

const short = (value: number | null): string => (value === null ? '' : String(Number(value.toPrecision(4))))

/** Where a contest stands, in one line. */
export function contestLine({ arms, stable, phase, chosen, until }: ContestState): string {
  const names = arms.map(one => one.config.challenger).join(', ')
  const stands =
    phase === 'running'
      ? `running, until ${formatTime(until)} at the latest`
      : chosen === null
        ? 'ended, none was chosen'
        : `${chosen} was chosen`
  return `contest of ${names} against ${stable}: ${stands}`
}

/** A contest with its challengers beside each other. */
export function contestLines(state: ContestState): readonly string[] {
  const rows = state.arms.map(arm => {
    const { labels, guardrails } = evidenceOf(arm) as unknown as {
      readonly labels: { rows: number; difference: number | null; lower: number | null; upper: number | null }
      readonly guardrails: Readonly<Record<string, { canary: number; all: number }>>
    }
    const between = labels.upper === null ? '' : `${short(labels.lower)} to ${short(labels.upper)}`
    return [
      arm.config.challenger,
      standingOf(arm),
      arm.shadow.rows,
      ...['error', 'timeout'].map(kind => `${guardrails[kind]?.canary ?? 0} of ${guardrails[kind]?.all ?? 0}`),
      labels.rows,
      labels.rows === 0 ? '' : short(labels.difference),
      between,
    ]
  })
  const heads = ['challenger', 'stands', 'rows', 'errors', 'time-outs', 'labelled', 'loss difference', 'between']
  return [contestLine(state), ...tableLines(heads, rows)]
}
