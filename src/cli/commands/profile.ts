import { mkdir } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { rootAbove } from '../../config/load.ts'
import { openPlainServices } from '../../config/plain-services.ts'
import { openWorkspace } from '../../config/workspace.ts'
import { csv, type CsvOptions } from '../../define/source.ts'
import { fail } from '../../errors/index.ts'
import { publishFile } from '../../internal/publish.ts'
import { validationServices } from '../../stages/pipeline/validation.ts'
import { fileKinds, openDataset, openFiles, type FileKind, type OpenSource } from '../../stages/profile/open.ts'
import { profile } from '../../stages/profile/profile.ts'
import type { Profile } from '../../stages/profile/types.ts'
import type { ValidateServices } from '../../stages/validate/source.ts'
import type { Command } from '../command.ts'
import { renderProfilePage } from '../reporters/profile/html.ts'
import { profileJson } from '../reporters/profile/json.ts'
import { renderProfile } from '../reporters/profile/pretty.ts'

/** A word that can be the name of a dataset: no path, no pattern. */
const isName = (word: string): boolean => /^[A-Za-z][\w-]*$/.test(word)

async function looked(services: ValidateServices, opened: OpenSource): Promise<Profile> {
  try {
    return await profile(services, opened)
  } finally {
    await opened.release()
  }
}

/** The profile of a dataset of the project, where the word names one. */
async function ofDataset(cwd: string, name: string): Promise<Profile | undefined> {
  if (!isName(name) || existsSync(resolve(cwd, name)) || rootAbove(cwd) === undefined) return undefined
  const workspace = await openWorkspace(cwd)
  try {
    const { datasets } = workspace.project
    const dataset = datasets.get(name)
    if (!dataset) throw fail('notDefined', { kind: 'dataset', name, known: [...datasets.keys()].join(', ') })
    const services = await validationServices(workspace, dataset)
    return await looked(services, await openDataset(services, dataset))
  } finally {
    await workspace.close()
  }
}

async function ofFiles(
  cwd: string,
  paths: readonly string[],
  kind: FileKind | undefined,
  dialect: CsvOptions,
): Promise<Profile> {
  const { services, close } = await openPlainServices(cwd)
  try {
    return await looked(services, await openFiles(services, paths, { as: kind, csv: dialect }))
  } finally {
    await close()
  }
}

function kindOption(value: unknown): FileKind | undefined {
  if (value === undefined) return undefined
  const kind = fileKinds.find(one => one === value)
  if (!kind)
    throw fail('usageWrong', {
      reason: `There is no format "${String(value)}"; there are ${fileKinds.join(', ')}.`,
      verb: 'profile',
    })
  return kind
}

const encodings = ['utf-8', 'utf-16', 'latin-1'] as const

/** What is said of the dialect of CSV. Throws `usageWrong`. */
function dialectOptions({ delimiter, encoding }: Readonly<Record<string, unknown>>): CsvOptions {
  const known = encodings.find(one => one === encoding)
  if (encoding !== undefined && known === undefined)
    throw fail('usageWrong', {
      reason: `There is no encoding "${String(encoding)}"; there are ${encodings.join(', ')}.`,
      verb: 'profile',
    })
  // nobody types a tab on a command line
  const parting = typeof delimiter === 'string' ? delimiter.replace(/^\\t$/, '\t') : undefined
  return {
    ...(parting === undefined ? {} : csvOptions(parting)),
    ...(known === undefined || known === 'utf-8' ? {} : { encoding: known }),
  }
}

/** Refuses what the source itself would refuse. */
function csvOptions(delimiter: string): CsvOptions {
  if (delimiter === '') throw fail('usageWrong', { reason: 'The delimiter is empty.', verb: 'profile' })
  csv('-', { delimiter })
  return { delimiter }
}

export const command: Command = {
  summary: 'say what is in data, declared or not',
  details:
    'Looks at files anywhere, or at a dataset of the project with all the columns that its source has. Nothing is written but what --html asks for.\n\n  millrace profile "data/*.parquet"\n  millrace profile export.txt --format csv --html export.html\n  millrace profile "in/*.csv" --delimiter ";" --encoding latin-1\n  millrace profile flights',
  arguments: [
    { name: 'data', description: 'files, globs, or one dataset of the project', required: true, variadic: true },
  ],
  options: [
    { flags: '--format <kind>', description: 'parquet, csv or json (JSON lines), whatever the files are called' },
    { flags: '--delimiter <text>', description: 'what parts the cells of CSV, "\\t" for a tab (default: found)' },
    { flags: '--encoding <name>', description: 'of CSV: utf-8, utf-16 or latin-1' },
    { flags: '--html <file>', description: 'also write a page for people' },
  ],
  async run({ args, options, cwd, out }) {
    const dialect = dialectOptions(options)
    const isDialect = Object.keys(dialect).length > 0
    const kind = kindOption(options.format) ?? (isDialect ? 'csv' : undefined)
    if (isDialect && kind !== 'csv')
      throw fail('usageWrong', { reason: '--delimiter and --encoding are of CSV.', verb: 'profile' })
    const [first = ''] = args
    out.note(`reading ${args.join(', ')}`)
    const found =
      (args.length === 1 && kind === undefined && !isDialect ? await ofDataset(cwd, first) : undefined) ??
      (await ofFiles(cwd, args, kind, dialect))
    if (typeof options.html === 'string') {
      const file = resolve(cwd, options.html)
      await mkdir(dirname(file), { recursive: true })
      await publishFile(file, renderProfilePage(found))
    }
    out.data(profileJson(found))
    if (!out.json) process.stdout.write(renderProfile(found, process.stdout.isTTY === true))
  },
}
