import { existsSync } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { configName } from '../config/load.ts'
import type { Workspace } from '../config/workspace.ts'
import type { Dataset } from '../define/dataset.ts'
import { fail } from '../errors/index.ts'
import { publishFile } from '../internal/publish.ts'
import { unifiedDiff } from '../internal/unified-diff.ts'
import { validationServices } from '../stages/pipeline/validation.ts'
import { codeOf } from '../stages/profile/suggest/call.ts'
import { Unsafe } from '../stages/profile/suggest/declaration.ts'
import { patch } from '../stages/profile/suggest/patch.ts'
import { suggest, type Suggestion, type Suggestions } from '../stages/profile/suggest/suggest.ts'
import { datasetOf } from './dataset-of.ts'
import type { Listener } from './use-case.ts'

/** How the rules are written where they stand alone. */
export const names = { columns: 'c', expect: 'expect' } as const

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

/** What was found, as JSON. */
export function suggestionsJson({ found, change, refused }: FoundSuggestions) {
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

/** What was found, the change of the file that declares it, or why that file cannot be changed safely. */
export interface FoundSuggestions {
  readonly found: Suggestions
  readonly change: Change | undefined
  readonly refused: string | undefined
}

/** Finds expectations that a dataset's rows bear out, and with `write` writes them into the file that declares it. */
export async function findSuggestions(
  workspace: Workspace,
  input: SuggestInput,
  listener: Listener,
): Promise<FoundSuggestions> {
  const dataset = datasetOf(workspace, input.dataset)
  listener.say(`reading ${dataset.source.path}`)
  const found = await suggest(await validationServices(workspace, dataset), dataset)
  let change: Change | undefined
  try {
    if (found.suggested.length > 0) change = await changeOf(workspace.root, dataset, found.suggested)
  } catch (error) {
    if (!(error instanceof Unsafe)) throw error
    return { found, change: undefined, refused: error.message }
  }
  if (change && input.write === true) await write(change, dataset.name)
  return { found, change, refused: undefined }
}

export interface SuggestInput {
  /** Default: the only one. */
  readonly dataset?: string | undefined
  readonly write?: boolean | undefined
}

/** The same, as JSON. */
export async function suggestExpectations(
  workspace: Workspace,
  input: SuggestInput & { readonly dataset: string },
  listener: Listener,
): Promise<ReturnType<typeof suggestionsJson>> {
  return suggestionsJson(await findSuggestions(workspace, input, listener))
}
