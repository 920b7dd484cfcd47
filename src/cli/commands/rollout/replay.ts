import { join } from 'node:path'
import { openWorkspace } from '../../../config/workspace.ts'
import { formatTime } from '../../../internal/time.ts'
import { replayed, replayedContests } from '../../../stages/serve/replay.ts'
import { readContestLog, readRolloutLog } from '../../../stages/serve/rollout-log.ts'
import type { Command } from '../../command.ts'
import { counted } from '../../words.ts'
import { deploymentCalled } from '../../serve/rollout.ts'

export const command: Command = {
  summary: 'make every decision again from the events that led to it',
  details:
    'Exit code 1 where one differs from what is recorded, is not recorded, or is recorded and not made again, and where events are damaged.',
  arguments: [{ name: 'deployment', description: 'which (default: the only one)' }],
  async run({ args, cwd, out }) {
    const workspace = await openWorkspace(cwd)
    try {
      const name = await deploymentCalled(workspace, args[0])
      const folder = join(workspace.folder, 'serving', name)
      const rollouts = await readRolloutLog(folder)
      const contests = await readContestLog(folder)
      const damaged = [...rollouts.damaged, ...contests.damaged]
      const decisions = [
        ...(await replayed(workspace.store, name, rollouts.entries)),
        ...(await replayedContests(workspace.store, name, contests.entries)),
      ].toSorted((a, b) => a.at - b.at)
      const events = [...rollouts.entries, ...contests.entries].filter(entry => 'event' in entry).length
      out.data({ deployment: name, events, decisions, damaged })
      if (events === 0)
        out.warn(`No events are kept of ${name}: rollouts and contests are replayed of what a server has seen.`)
      for (const { path, lines } of damaged)
        out.warn(
          `${counted(lines, 'line')} of ${path} not as written: what follows is replayed from where the rollout was next written whole.`,
        )
      out.line(`${events.toLocaleString('en-US')} events, ${decisions.length} decisions`)
      out.table(
        ['at', 'verdict', 'rule', ''],
        decisions.map(one => [formatTime(one.at), one.verdict, one.rule, one.found]),
      )
      return decisions.every(one => one.found === 'agrees') && damaged.length === 0 ? 0 : 1
    } finally {
      await workspace.close()
    }
  },
}
