import { readFile, realpath, stat } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { configName } from '../../config/load.ts'
import type { Dataset } from '../../define/dataset.ts'
import { fail } from '../../errors/index.ts'
import { publishFile } from '../../internal/publish.ts'
import { unifiedDiff } from '../../internal/unified-diff.ts'
import { validationServices } from '../../stages/pipeline/validation.ts'
import { lineComment } from '../../internal/typescript-text.ts'
import { codeOf } from '../../stages/profile/suggest/call.ts'
import { Unsafe } from '../../stages/profile/suggest/declaration.ts'
import { longestComment, patch } from '../../stages/profile/suggest/patch.ts'
import { suggest, type Suggestion, type Suggestions } from '../../stages/profile/suggest/suggest.ts'
import type { Command } from '../command.ts'
import { datasetOf } from '../dataset-of.ts'
import { renderSuggestions } from '../reporters/suggestions.ts'
import { withWorkspace } from '../with-workspace.ts'

const names = { columns: 'c', expect: 'expect' } as const

interface Change {
  readonly file: string
  /** Relative to the project folder. */
  readonly name: string
  readonly before: string
  readonly after: string
  readonly mode: number
}

/** The file that a dataset's declaration stands in, as far as it is known; else the project file. */
async function fileOf(root: string, dataset: Dataset): Promise<string> {
  const site = dataset.expectations.find(one => one.site)?.site?.file
  for (const file of [...(site ? [site] : []), join(root, configName)]) if (existsSync(file)) return realpath(file)
  throw new Unsafe('it is not known where it stands')
}

/** That file with the suggestions written in. Throws `Unsafe`. */
async function changeOf(root: string, dataset: Dataset, suggested: readonly Suggestion[]): Promise<Change> {
  const file = await fileOf(root, dataset)
  const name = relative(await realpath(root), file)
    .split(sep)
    .join('/')
  if (name.startsWith('..') || !/\.[cm]?ts$/.test(name))
    throw new Unsafe('it stands in no TypeScript file of the project')
  const before = await readFile(file, 'utf8')
  const after = patch(before, name, dataset.name, suggested)
  return { file, name, before, after, mode: (await stat(file)).mode & 0o777 }
}

/** Publishes the change, unless somebody else changed the file since it was read. */
async function write({ file, name, before, after, mode }: Change, dataset: string): Promise<void> {
  if ((await readFile(file, 'utf8')) !== before)
    throw fail('declarationNotPatched', { dataset, reason: `${name} was changed in the meantime` })
  await publishFile(file, after, mode)
}

const linesOf = (suggested: readonly Suggestion[]): string[] =>
  suggested.map(({ call, comment }) => `${codeOf(call, names)}, // ${lineComment(comment, longestComment)}`)

function jsonOf(found: Suggestions, change: Change | undefined, refused: string | undefined) {
  const plain = ({ rule, call, spec, evidence, training, holdOut }: Suggestion) => ({
    rule,
    kind: spec.kind,
    columns: spec.columns,
    code: codeOf(call, names),
    says: spec.says,
    evidence,
    training,
    holdOut: holdOut
      ? { ...holdOut, passRate: holdOut.evaluated === 0 ? null : 1 - holdOut.bad / holdOut.evaluated }
      : null,
  })
  return {
    dataset: found.dataset,
    rows: found.rows,
    cut: found.cut,
    ...(found.nothing ? { nothing: found.nothing } : {}),
    suggested: found.suggested.map(plain),
    notSuggested: found.notSuggested.map(one => ({ ...plain(one), reason: one.reason })),
    patch: change ? unifiedDiff(change.before, change.after, change.name) : null,
    ...(refused ? { notPatched: refused } : {}),
  }
}

export const command: Command = {
  summary: 'find expectations that data bear out',
  details:
    'Rules are found in the first 80 % of the rows by event time and held to the last 20 %. Prints a patch of the file that declares the dataset, and changes nothing without --write.',
  arguments: [{ name: 'dataset', description: 'which (default: the only one)' }],
  options: [{ flags: '--write', description: 'write the suggestions into the project file' }],
  run: ({ args, options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const dataset = datasetOf(workspace, args[0])
      const { name } = dataset
      out.note(`reading ${dataset.source.path}`)
      const found = await suggest(await validationServices(workspace, dataset), dataset)
      let change: Change | undefined
      let refused: string | undefined
      try {
        if (found.suggested.length > 0) change = await changeOf(workspace.root, dataset, found.suggested)
      } catch (error) {
        if (!(error instanceof Unsafe)) throw error
        refused = error.message
      }
      if (change && options.write === true) await write(change, name)
      out.data(jsonOf(found, change, refused))
      for (const line of renderSuggestions(found, process.stdout.isTTY === true)) out.line(line)
      if (change && options.write === true) out.line(`\n${change.name} now has them.`)
      else if (change) out.line(`\n${unifiedDiff(change.before, change.after, change.name)}`.trimEnd())
      if (refused === undefined) return 0
      out.line(`\nTo be pasted into the expect of '${name}':\n`)
      for (const line of linesOf(found.suggested)) out.line(`    ${line}`)
      if (options.write !== true) out.note(`The file is not patched: ${refused}.`)
      // with --json the reason stands in the value that was printed
      else if (!out.json) throw fail('declarationNotPatched', { dataset: name, reason: refused })
      return options.write === true ? 1 : 0
    }),
}
