import type { Digest } from '../../../internal/digest.ts'
import { runSuite } from '../../../stages/evaluate/suite.ts'
import { modelOf } from '../../../stages/pipeline/run.ts'
import { loadVersion } from '../../../stages/serve/served-version.ts'
import { readFrame } from '../../../stages/train/read-frame.ts'
import type { Command } from '../../command.ts'
import { reporters } from '../../reporters/index.ts'
import { versionOf } from '../../version-argument.ts'
import { withWorkspace } from '../../with-workspace.ts'

export const command: Command = {
  summary: 'run the tests of a version again',
  details: 'On the exported file and the test rows it was made with. Exit code 1 when a critical test fails.',
  arguments: [{ name: 'version', description: 'lateness@3; without a number the champion' }],
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const record = await versionOf(workspace.store, args[0])
      const model = modelOf(workspace, record.model)
      const engine = await workspace.engine()
      const frame = await readFrame(
        engine,
        await workspace.artifacts.localPath(record.facts.frame as Digest),
        model.inputs,
        'test',
        60_000,
      )
      const version = await loadVersion(workspace, record)
      try {
        const bytes = (await workspace.artifacts.size(record.digest)) ?? 0
        const { report } = await runSuite({
          model,
          name: `${record.model}@${record.version}`,
          subject: { loaded: version.loaded, inputs: version.fitted.inputs },
          bytes,
          frame,
          seed: 1,
          clock: workspace.clock,
          further: [version.golden],
        })
        await workspace.store.addReport(report)
        out.data(report)
        if (!out.json)
          process.stdout.write(
            `${(await reporters.pretty())([report], { root: workspace.root, color: process.stdout.isTTY === true })}\n`,
          )
        return report.status === 'fail' || report.status === 'error' ? 1 : 0
      } finally {
        await version.loaded.close()
      }
    }),
}
