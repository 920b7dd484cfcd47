import { findSuggestions, names, suggestionsJson } from '../../app/suggest.ts'
import { withWorkspace } from '../../app/with-workspace.ts'
import { fail } from '../../errors/index.ts'
import { lineComment } from '../../internal/typescript-text.ts'
import { unifiedDiff } from '../../internal/unified-diff.ts'
import { codeOf } from '../../stages/profile/suggest/call.ts'
import { longestComment } from '../../stages/profile/suggest/patch.ts'
import type { Suggestion } from '../../stages/profile/suggest/suggest.ts'
import type { Command } from '../command.ts'
import { listenerOf } from '../listener.ts'
import { renderSuggestions } from '../reporters/suggestions.ts'

const linesOf = (suggested: readonly Suggestion[]): string[] =>
  suggested.map(({ call, comment }) => `${codeOf(call, names)}, // ${lineComment(comment, longestComment)}`)

export const command: Command = {
  summary: 'find expectations that data bear out',
  details:
    'Rules are found in the first 80 % of the rows by event time and held to the last 20 %. Prints a patch of the file that declares the dataset, and changes nothing without --write.',
  arguments: [{ name: 'dataset', description: 'which (default: the only one)' }],
  options: [{ flags: '--write', description: 'write the suggestions into the project file' }],
  run: ({ args, options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const write = options.write === true
      const { listener, end } = listenerOf(out)
      const suggestions = await findSuggestions(workspace, { dataset: args[0], write }, listener).finally(end)
      const { found, change, refused } = suggestions
      const { dataset } = found
      out.data(suggestionsJson(suggestions))
      for (const line of renderSuggestions(found, process.stdout.isTTY === true)) out.line(line)
      if (change && write) out.line(`\n${change.name} now has them.`)
      else if (change) out.line(`\n${unifiedDiff(change.before, change.after, change.name)}`.trimEnd())
      if (refused === undefined) return 0
      out.line(`\nTo be pasted into the expect of '${dataset}':\n`)
      for (const line of linesOf(found.suggested)) out.line(`    ${line}`)
      if (!write) out.note(`The file is not patched: ${refused}.`)
      // with --json the reason stands in the value that was printed
      else if (!out.json) throw fail('declarationNotPatched', { dataset, reason: refused })
      return write ? 1 : 0
    }),
}
