import type { RolloutState } from '../../stages/deploy/rollout/index.ts'
import type { Output } from '../command.ts'
import type { DeploymentNow } from './deployment-view.ts'
import { contestLine } from './contest-lines.ts'
import { decisionLine, isOver, stableLine, standing, standingLines } from './rollout-lines.ts'

const everyMs = 500
/** Decisions below a rollout that is drawn again and again. */
const maxDrawn = 8

/** Where a rollout is looked at: a terminal is drawn again, whatever else is written to line by line. */
export type Screen = Pick<NodeJS.WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number }

/** How it ended, by the words of its last decision: one may have ended, and another begun, between two looks. */
function endOf(
  { salt, config }: RolloutState,
  { rollout, decisions }: DeploymentNow,
): RolloutState['phase'] | undefined {
  if (rollout && rollout.salt === salt) return isOver(rollout) ? rollout.phase : undefined
  const last = decisions.find(
    one =>
      (one.verdict === 'completed' || one.verdict === 'rolled-back') && one.inputs.challenger === config.challenger,
  )
  return last?.verdict === 'completed' ? 'done' : 'rolled-back'
}

/** One look after another, told as they come. */
interface Teller {
  tell(now: DeploymentNow, news: DeploymentNow['decisions']): void
}

/** What was drawn before is taken back, however often its lines were broken. */
export function drawing(screen: Screen): Teller {
  let rows = 0
  return {
    tell(now) {
      const lines = [
        stableLine(now),
        ...(now.rollout || now.contest ? standingLines(now) : ['no rollout']),
        '',
        ...now.decisions.slice(0, maxDrawn).map(decisionLine),
      ]
      const width = Math.max(20, screen.columns ?? 80)
      const shown = lines.map(line => ([...line].length > width ? `${[...line].slice(0, width - 1).join('')}…` : line))
      screen.write(`${rows > 0 ? `\u001b[${rows}A\u001b[J` : ''}${shown.join('\n')}\n`)
      rows = shown.length
    },
  }
}

function writing(out: Output): Teller {
  let first = true
  return {
    tell(now, news) {
      if (first) {
        out.line(stableLine(now))
        const contest = now.contest?.phase === 'running' ? contestLine(now.contest) : undefined
        out.line(contest ?? (now.rollout ? standing(now.rollout) : 'no rollout'))
      }
      if (first || news.length > 0)
        out.entry({
          deployment: now.name,
          model: now.model,
          stable: now.stable,
          rollout: now.rollout,
          contest: now.contest,
          decisions: news,
        })
      first = false
      for (const one of news) out.line(decisionLine(one))
    },
  }
}

/** What is looked at until it ends. */
type WatchedState = Pick<DeploymentNow, 'contest' | 'rollout'>

/** A contest while it runs, then the rollout of the one that was chosen; else the rollout that there is. */
function nextOf(watched: WatchedState, now: DeploymentNow): WatchedState | 0 | 1 {
  if (watched.contest?.phase === 'running') {
    const { contest } = now
    if (contest?.id === watched.contest.id && contest.phase === 'running') return watched
    return contest?.id === watched.contest.id && contest.phase === 'chosen'
      ? { contest: null, rollout: now.rollout }
      : 1
  }
  const end = watched.rollout === null ? 'done' : endOf(watched.rollout, now)
  return end === undefined ? watched : end === 'rolled-back' ? 1 : 0
}

/**
 * Looks at a rollout, or at a contest and the rollout that follows, until it ends. Gives 0 where a challenger came through, or where
 * there is none, and 1 where it was taken back or none was chosen.
 */
export async function watchRollout(
  look: () => Promise<DeploymentNow>,
  out: Output,
  screen: Screen = process.stdout,
): Promise<number> {
  const teller = screen.isTTY && !out.json ? drawing(screen) : writing(out)
  let now = await look()
  let watched: WatchedState = now
  const seen = new Set(now.decisions.map(one => one.id))
  teller.tell(now, [])
  for (;;) {
    const next = nextOf(watched, now)
    if (typeof next === 'number') return next
    watched = next
    await new Promise(resolve => setTimeout(resolve, everyMs))
    now = await look()
    const news = now.decisions.filter(one => !seen.has(one.id)).toReversed()
    for (const one of news) seen.add(one.id)
    teller.tell(now, news)
  }
}
