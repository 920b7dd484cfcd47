import { fail } from '../../../errors/index.ts'
import { parseTime } from '../../../internal/time.ts'
import type { Command } from '../../command.ts'
import { fillViews, lostView } from '../../serve/fill-views.ts'
import { materialiseView, newestSnapshot } from '../../snapshots.ts'
import { withWorkspace } from '../../with-workspace.ts'

export const command: Command = {
  summary: 'write online records from the offline data',
  details: 'From the newest accepted snapshot, whole: running it again gives the same records.',
  arguments: [{ name: 'view', description: 'only this one' }],
  options: [{ flags: '--until <time>', description: 'as known then (default: the newest event)' }],
  run: ({ args, options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const { views } = workspace.project
      if (args[0] !== undefined && !views.has(args[0]))
        throw fail('notDefined', { kind: 'feature view', name: args[0], known: [...views.keys()].join(', ') })
      const given = typeof options.until === 'string' ? parseTime(options.until) : undefined
      if (typeof options.until === 'string' && given === undefined)
        throw fail('usageWrong', {
          reason: `"${options.until}" is not a time such as 2026-03-31T00:00:00Z.`,
          verb: 'features materialise',
        })
      const made = []
      for (const view of views.values()) {
        if ((args[0] !== undefined && view.name !== args[0]) || !view.online) continue
        const snapshot = await newestSnapshot(workspace, view.from)
        const until = given ?? snapshot.newest
        const entities = await materialiseView(workspace, view, snapshot, until)
        made.push({ view: view.name, entities, rows: snapshot.rows, until })
        out.line(
          `${view.name}: ${entities.toLocaleString('en-US')} entities from ${snapshot.rows.toLocaleString('en-US')} rows`,
        )
      }
      // A store that was set aside took the records of every view with it
      if (made.length > 0) {
        const { filled, lost } = await fillViews(workspace)
        for (const name of filled) out.note(`filled the online records of ${name}`)
        for (const one of lost) out.note(lostView(one))
      }
      out.data(made)
    }),
}
