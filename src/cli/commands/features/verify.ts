import type { Digest } from '../../../internal/digest.ts'
import { planView } from '../../../stages/features/channels.ts'
import { withLog } from '../../../stages/log/dataset-rows.ts'
import { loadLog } from '../../../stages/log/log-table.ts'
import { verifyView } from '../../../stages/features/verify.ts'
import type { Command } from '../../command.ts'
import { usage } from '../../number-option.ts'
import { fillViews, lostView } from '../../serve/fill-views.ts'
import { newestSnapshot } from '../../snapshots.ts'
import { withWorkspace } from '../../with-workspace.ts'

export const command: Command = {
  summary: 'prove that online values equal offline values',
  details:
    'Answers random moments from the online store and recomputes them from the snapshot. Exit code 1 on a mismatch.',
  options: [{ flags: '--sample <number>', description: 'moments a view', default: '2000' }],
  run: ({ options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const sample = usage.whole('--sample', options.sample, 1) ?? 2000
      const results = []
      if ([...workspace.project.views.values()].some(view => view.online))
        for (const one of (await fillViews(workspace)).lost) out.note(lostView(one))
      for (const view of workspace.project.views.values()) {
        const done = await workspace.store.getDocument('materialisation', view.name)
        if (!view.online || !done) {
          out.line(`${view.name}: not materialised yet. Next: npx millrace features materialise`)
          continue
        }
        const { until, snapshot: made } = done.value as unknown as {
          readonly until: number
          readonly snapshot?: Digest
        }
        const snapshot = await newestSnapshot(workspace, view.from, made)
        const engine = await workspace.engine()
        const log = await loadLog(workspace, engine, view.from)
        const result = await verifyView(
          engine,
          planView(view),
          await withLog(engine, view.from, snapshot.sql, log?.sql),
          await workspace.online(),
          { until, now: workspace.clock.now(), sample, seed: 1 },
        )
        await log?.drop()
        await workspace.store.putDocument(
          'feature-verification',
          view.name,
          { compared: result.compared, mismatches: result.mismatches },
          workspace.clock.now(),
        )
        results.push(result)
        out.line(
          `${result.mismatches === 0 ? '✓' : '✗'} ${result.view}: ${result.compared.toLocaleString('en-US')} values compared, ${result.mismatches} differ`,
        )
        for (const one of result.examples)
          out.line(`    ${one.feature} of ${one.key}: online ${one.online}, offline ${one.offline}`)
      }
      out.data(results)
      // Nothing compared is nothing proven
      return results.length === 0 || results.some(one => one.mismatches > 0) ? 1 : 0
    }),
}
