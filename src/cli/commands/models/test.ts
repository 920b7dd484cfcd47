import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { runTests } from '../../../app/test-version.ts'
import { fail } from '../../../errors/index.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { versionName } from '../../../stages/register/version-parts.ts'
import type { Command } from '../../command.ts'
import { printReports, reporterOf, reportOptions } from '../../report-output.ts'
import { seedOption } from '../../seed-option.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

/** The content of a file of tests. Throws `usageWrong` where it is none. */
async function readTests(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown
  } catch (error) {
    throw fail('usageWrong', {
      reason: `--tests ${file} cannot be read as JSON: ${messageOf(error)}.`,
      verb: 'models test',
    })
  }
}

export const command: Command = {
  summary: 'run the tests of a version again',
  details:
    'On the exported file and the rows it was made with. Exit code 1 when a critical test fails. Cases are drawn anew by every run; --seed draws those of an earlier one.\n\n  millrace models test lateness@3 --html lateness.html',
  arguments: [{ name: 'version', description: 'lateness@3; without a number the champion' }],
  options: [
    ...reportOptions,
    { flags: '--seed <number>', description: 'draws the cases of an earlier run' },
    { flags: '--tests <file>', description: 'runs these tests, as JSON, instead of the declared ones' },
  ],
  async run(invocation) {
    const { args, cwd, out, options } = invocation
    const reporter = reporterOf(invocation, 'models test')
    const seed = seedOption(options.seed)
    const tests = typeof options.tests === 'string' ? await readTests(resolve(cwd, options.tests)) : undefined
    return withWorkspace(cwd, async workspace => {
      const { record, report, figures, byItsOwn } = await runTests(workspace, { version: args[0], tests, seed })
      const name = versionName(record)
      if (byItsOwn)
        out.note(
          `${name} is tested by the tests that it was made with: ${record.model} is declared with other inputs now.`,
        )
      return printReports(invocation, reporter, [report], workspace.root, { figures: new Map([[report.id, figures]]) })
    })
  },
}
