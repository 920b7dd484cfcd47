import { shortDigest } from '../../internal/digest.ts'
import type { Command } from '../command.ts'
import { createProgress } from '../progress.ts'
import { rebuildVersion } from '../reproduce.ts'
import { versionOf } from '../version-argument.ts'
import { withWorkspace } from '../with-workspace.ts'

export const command: Command = {
  summary: 'rebuild a model version and compare digests',
  details:
    'From its commit and its data snapshots, in a clean worktree with empty stores; without a commit from the project file as it is, saying so. Exit code 1 when a digest differs.',
  arguments: [{ name: 'version', description: 'lateness@3; without a number the champion', required: true }],
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const version = await versionOf(workspace.store, args[0])
      const progress = createProgress(out.json)
      progress.chapter(`rebuilding ${version.model}@${version.version}`)
      const found = await rebuildVersion(workspace, version, progress.say)
      progress.end()
      out.data(found)
      out.table(
        ['part', 'registered', 'rebuilt', ''],
        found.parts.map(one => [
          one.part,
          shortDigest(one.registered),
          shortDigest(one.rebuilt),
          one.same ? 'same' : 'DIFFERENT',
        ]),
      )
      if (found.origin.from === 'commit')
        out.line(
          `from commit ${found.origin.commit}${found.origin.dirty ? ', which has not the uncommitted changes that it was made with' : ''}${found.origin.changed.length > 0 ? `, with the uncommitted changes that were kept: ${found.origin.changed.join(', ')}` : ''}`,
        )
      else out.line(`from the project file as it is now, NOT from a commit: ${found.origin.reason}`)
      out.line(
        found.same
          ? `${found.version} was rebuilt to the same bytes`
          : `${found.version} was NOT rebuilt to the same bytes`,
      )
      return found.same ? 0 : 1
    }),
}
