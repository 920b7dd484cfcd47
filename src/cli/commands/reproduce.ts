import { shortDigest } from '../../internal/digest.ts'
import type { Command } from '../command.ts'
import { listenerOf } from '../listener.ts'
import { reproduceVersion } from '../../app/reproduce.ts'
import type { Reproduction } from '../../stages/version/reproduce.ts'
import { withWorkspace } from '../../app/with-workspace.ts'

/** What came out, by what the trainer says of itself. */
function verdictOf({ version, same, reproducible, scoresDiffer, parts }: Reproduction): string {
  if (parts.every(one => one.registered === one.rebuilt)) return `${version} was rebuilt to the same bytes`
  if (reproducible === 'none' && same)
    return `${version} was rebuilt from the same data; its trainer promises no likeness, and nothing more was compared`
  const off =
    scoresDiffer === undefined ? '' : `: scores of held-out rows differ by up to ${scoresDiffer.toPrecision(2)}`
  if (same) return `${version} was rebuilt to the same scores${off}`
  return reproducible === 'tolerance'
    ? `${version} was NOT rebuilt to the same scores${off}`
    : `${version} was NOT rebuilt to the same bytes`
}

export const command: Command = {
  summary: 'rebuild a model version and compare digests',
  details:
    'From its commit and its data snapshots, in a clean worktree with empty stores; without a commit from the project file as it is, saying so. Exit code 1 when a digest differs; of a program that promises the same scores and not the same bytes, when its scores do.',
  arguments: [{ name: 'version', description: 'lateness@3; without a number the champion', required: true }],
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const { listener, end } = listenerOf(out)
      const found = await reproduceVersion(workspace, { version: args[0] ?? '' }, listener).finally(end)
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
      out.line(verdictOf(found))
      return found.same ? 0 : 1
    }),
}
