import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { testsFromJson } from '../../../define/model-test/from-json.ts'
import { fail } from '../../../errors/index.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { ulid } from '../../../internal/ids.ts'
import { seedOf } from '../../../stages/evaluate/seed.ts'
import { versionName } from '../../../stages/register/version-parts.ts'
import { testVersion } from '../../../stages/serve/test-version.ts'
import type { Command } from '../../command.ts'
import { printReports, reporterOf, reportOptions } from '../../report-output.ts'
import { seedOption } from '../../seed-option.ts'
import { versionOf } from '../../version-argument.ts'
import { withWorkspace } from '../../with-workspace.ts'

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
    const own = typeof options.tests === 'string' ? await readTests(resolve(cwd, options.tests)) : undefined
    return withWorkspace(cwd, async workspace => {
      const record = await versionOf(workspace.store, args[0])
      const name = versionName(record)
      const { report, figures, byItsOwn } = await testVersion(workspace, record, {
        seed: seed ?? seedOf(ulid()),
        ...(own === undefined ? {} : { tests: made => testsFromJson(own, made) }),
      })
      if (byItsOwn)
        out.note(
          `${name} is tested by the tests that it was made with: ${record.model} is declared with other inputs now.`,
        )
      return printReports(invocation, reporter, [report], workspace.root, { figures: new Map([[report.id, figures]]) })
    })
  },
}
