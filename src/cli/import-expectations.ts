import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { extname, join, resolve } from 'node:path'
import { configName, findRoot, loadProject } from '../config/load.ts'
import type { Dataset } from '../define/dataset.ts'
import { csv, type Source } from '../define/source.ts'
import { fail, isMillraceError } from '../errors/index.ts'
import { publishFile } from '../internal/publish.ts'
import type { Found } from '../stages/import/expectations/carry.ts'
import { importFound, type NamedDataset } from '../stages/import/expectations/import.ts'
import type { KnownDataset } from '../stages/import/expectations/model.ts'
import { moduleText } from '../stages/import/expectations/module.ts'
import { kindsByExtension } from '../stages/profile/open.ts'
import type { Command, Output } from './command.ts'
import { readSource } from './commands/import/read-source.ts'
import { datasetUnknown } from '../app/dataset-of.ts'
import { tableLines } from './output.ts'

/** One tool whose rules are brought over. */
export interface ImportedTool {
  /** As it calls itself. */
  readonly title: string
  readonly summary: string
  readonly details: string
  /** What a file is, for `--help`. */
  readonly file: string
  /** Ending of the files that are read of a folder. */
  readonly endings: readonly string[]
  /** What a file declares. Throws catalogued errors. */
  readonly read: (file: string, bytes: Uint8Array) => readonly Found[]
}

async function filesBelow(cwd: string, path: string, endings: readonly string[]): Promise<readonly string[]> {
  const folder = await stat(resolve(cwd, path)).then(
    found => found.isDirectory(),
    () => false,
  )
  if (!folder) return [path]
  const names = await readdir(resolve(cwd, path), { recursive: true })
  const files = names.filter(name => endings.some(ending => name.endsWith(ending))).sort()
  if (files.length === 0)
    throw fail('importUnknown', {
      file: path,
      reason: `no file below it ends in ${endings.join(' or ')}`,
      advice: 'Name the file itself.',
    })
  return files.map(name => join(path, name))
}

/** Datasets of the project that the command was called in; undefined where there is none. */
async function projectDatasets(cwd: string): Promise<ReadonlyMap<string, Dataset> | undefined> {
  let root: string
  try {
    root = findRoot(cwd)
  } catch (error) {
    if (!isMillraceError(error)) throw error
    return undefined
  }
  return (await loadProject(root)).datasets
}

/** The dataset of this name in the project, where there is a project. Throws `notDefined`. */
async function knownDataset(cwd: string, name: string, out: Output): Promise<KnownDataset | undefined> {
  const datasets = await projectDatasets(cwd)
  if (!datasets) {
    out.note(`no project here (${configName}): the columns of ${name} are taken from its rules`)
    return undefined
  }
  const known = datasets.get(name)
  if (!known) throw datasetUnknown(datasets, name)
  return known
}

/** Files below a glob, of the kind that their ending tells. Throws `usageWrong`. */
function sourceAt(glob: string): Source {
  const ending = extname(glob.replace(/\.(?:gz|zst)$/i, '')).toLowerCase()
  const kind = kindsByExtension[ending]
  if (kind === undefined)
    throw fail('usageWrong', {
      verb: 'import',
      reason: `--source takes a path that ends in one of ${Object.keys(kindsByExtension).join(', ')}, not ${glob}.`,
    })
  return ending === '.tsv' ? csv(glob, { delimiter: '\t' }) : { kind, path: glob }
}

/** Where the rows of what was found are: as the option says, else where the project has a dataset of that name. */
async function withSources(
  made: readonly NamedDataset[],
  glob: unknown,
  cwd: string,
  out: Output,
): Promise<readonly NamedDataset[]> {
  if (typeof glob === 'string') {
    if (made.length > 1)
      throw fail('usageWrong', {
        verb: 'import',
        reason: `--source is for one dataset, and ${made.length} were found.`,
      })
    return made.map(one => ({ ...one, source: sourceAt(glob) }))
  }
  try {
    const datasets = await projectDatasets(cwd)
    return made.map(one => {
      const source = one.known?.source ?? datasets?.get(one.name)?.source
      return source ? { ...one, source } : one
    })
  } catch (error) {
    // what is brought over may be what mends the project
    if (!isMillraceError(error)) throw error
    out.note(`the sources of the project are not known: ${error.message}`)
    return made
  }
}

async function chosen(
  founds: readonly Found[],
  name: string,
  cwd: string,
  out: Output,
): Promise<readonly NamedDataset[]> {
  const [found] = founds
  if (found === undefined || founds.length > 1)
    throw fail('usageWrong', {
      verb: 'import',
      reason: `--dataset names one dataset, and ${founds.length} were found: ${founds.map(one => one.name).join(', ')}.`,
    })
  const known = await knownDataset(cwd, name, out)
  return importFound([{ ...found, name }], known)
}

const words = { carried: 'carried over', changed: 'carried over with a difference', 'left out': 'left out' } as const

function count(made: readonly NamedDataset[], outcome: keyof typeof words): number {
  return made.flatMap(one => one.rules).filter(rule => rule.outcome === outcome).length
}

/** Every rule with what became of it, then the columns and what was taken for granted. */
function summary(made: readonly NamedDataset[]): readonly string[] {
  const total = made.reduce((sum, one) => sum + one.rules.length, 0)
  const counts = (['carried', 'changed', 'left out'] as const).map(one => `${count(made, one)} ${words[one]}`)
  return [
    ...made.flatMap(({ name, rules, columns, known, remarks }) => [
      `${name}:`,
      ...tableLines(
        ['rule', 'columns', 'outcome', 'why'],
        rules.map(rule => [rule.source, rule.columns.join(', '), words[rule.outcome], rule.why ?? '']),
      ),
      '',
      ...(known
        ? []
        : tableLines(
            ['column', 'type', 'nulls', 'taken from'],
            columns.map(one => [one.name, one.type, one.nullable ? 'allowed' : 'not allowed', one.why]),
          )),
      ...remarks,
      '',
    ]),
    `${total} rules: ${counts.join(', ')}`,
  ]
}

/** The verb that brings the rules of a tool over as a module of the project. */
export function importCommand(tool: ImportedTool): Command {
  return {
    summary: tool.summary,
    details: `${tool.details}
A table says of every rule what became of it: carried over, carried over with a stated difference, or left out and why.
Without --out the module goes to stdout and the table to stderr. Rules that were left out make no failure, unless --strict.`,
    arguments: [{ name: 'file', description: tool.file, required: true, variadic: true }],
    options: [
      { flags: '--out <file>', description: 'write the module there' },
      { flags: '--force', description: 'replace a file that exists' },
      {
        flags: '--dataset <name>',
        description: 'what the dataset is called; the columns and source of the project are used',
      },
      { flags: '--source <glob>', description: 'where its rows are, such as data/*.csv; the ending tells the kind' },
      { flags: '--strict', description: 'exit 1 when a rule was left out' },
    ],
    async run({ args, options, cwd, out }) {
      const target = typeof options.out === 'string' ? options.out : undefined
      if (target !== undefined && options.force !== true && existsSync(resolve(cwd, target)))
        throw fail('importKept', { file: target })
      const files = (await Promise.all(args.map(path => filesBelow(cwd, path, tool.endings)))).flat()
      const founds: Found[] = []
      for (const file of files) founds.push(...tool.read(file, await readSource(cwd, file)))
      const found =
        typeof options.dataset === 'string' ? await chosen(founds, options.dataset, cwd, out) : importFound(founds)
      const made = await withSources(found, options.source, cwd, out)
      const text = moduleText(tool.title, made)
      const lines = summary(made)
      if (target === undefined) {
        for (const line of text.trimEnd().split('\n')) out.line(line)
        for (const line of lines) out.note(line)
      } else {
        await publishFile(resolve(cwd, target), text)
        for (const line of lines) out.line(line)
        out.note(`wrote ${target}`)
      }
      out.data({
        datasets: made.map(({ known: _, constant: __, source: ___, ...one }) => one),
        module: text,
        ...(target === undefined ? {} : { written: target }),
      })
      return options.strict === true && count(made, 'left out') > 0 ? 1 : 0
    },
  }
}
