import { ulid } from '../../../internal/ids.ts'
import { seedOf } from '../../../stages/evaluate/seed.ts'
import { versionName } from '../../../stages/register/version-parts.ts'
import { testVersion } from '../../../stages/serve/test-version.ts'
import type { Command } from '../../command.ts'
import { printReports, reporterOf, reportOptions } from '../../report-output.ts'
import { seedOption } from '../../seed-option.ts'
import { versionOf } from '../../version-argument.ts'
import { withWorkspace } from '../../with-workspace.ts'

export const command: Command = {
  summary: 'run the tests of a version again',
  details:
    'On the exported file and the rows it was made with. Exit code 1 when a critical test fails. Cases are drawn anew by every run; --seed draws those of an earlier one.\n\n  millrace models test lateness@3 --html lateness.html',
  arguments: [{ name: 'version', description: 'lateness@3; without a number the champion' }],
  options: [...reportOptions, { flags: '--seed <number>', description: 'draws the cases of an earlier run' }],
  run(invocation) {
    const { args, cwd, out, options } = invocation
    const reporter = reporterOf(invocation, 'models test')
    const seed = seedOption(options.seed)
    return withWorkspace(cwd, async workspace => {
      const record = await versionOf(workspace.store, args[0])
      const name = versionName(record)
      const { report, figures, byItsOwn } = await testVersion(workspace, record, { seed: seed ?? seedOf(ulid()) })
      if (byItsOwn)
        out.note(
          `${name} is tested by the tests that it was made with: ${record.model} is declared with other inputs now.`,
        )
      return printReports(invocation, reporter, [report], workspace.root, { figures: new Map([[report.id, figures]]) })
    })
  },
}
