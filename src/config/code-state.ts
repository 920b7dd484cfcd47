import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { canonicalJson, type Json } from '../internal/canonical-json.ts'
import { digestBytes, type Digest } from '../internal/digest.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import { lockName } from '../stages/version/lock.ts'
import { git } from './git.ts'
import { configName, loadedModules } from './load.ts'

/*
 * What code a version is made of, as git sees it. Dirty is what git cannot give back: changes of tracked files, and files
 * that git does not know although the project file imports them or trainers read them. What Millrace itself writes (millrace.lock, .millrace) is no code.
 */

const extensions = ['', '.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.jsx', '.json']
const candidatesOf = (path: string): string[] => [
  ...extensions.map(extension => path + extension),
  ...extensions.slice(1).map(extension => join(path, `index${extension}`)),
  // What is written in TypeScript is named as what it is compiled to
  path.replace(/\.([mc]?)js$/, '.$1ts'),
]
const imported = /(?:\bfrom|\bimport|\brequire)\s*\(?\s*['"](\.{1,2}\/[^'"\n]+)['"]/g

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true
const ofPackage = (path: string): boolean => path.split(sep).includes('node_modules')

/** A file, or those below a folder, but for what tools leave behind: as they count for what is trained. */
function filesBelow(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found?.isDirectory()) return found?.isFile() ? [path] : []
  return readdirSync(path)
    .filter(name => name !== '__pycache__' && !name.startsWith('.'))
    .flatMap(name => filesBelow(join(path, name)))
}

/**
 * The project file and everything of the project's own that it imports, directly or not, with the files and folders that its
 * trainers read and, of scripts among them, what these import.
 */
export function moduleFiles(root: string, read: readonly string[] = []): string[] {
  const found = new Set<string>()
  const look = (path: string): void => {
    if (found.has(path) || ofPackage(relative(root, path)) || !/\.([mc]?[jt]sx?|json)$/.test(path)) return
    found.add(path)
    if (path.endsWith('.json')) return
    for (const [, specifier = ''] of readFileSync(path, 'utf8').matchAll(imported)) {
      const next = candidatesOf(resolve(dirname(path), specifier)).find(isFile)
      if (next !== undefined) look(next)
    }
  }
  const config = join(root, configName)
  // Those that were loaded may have been named in a way that no reading finds
  for (const path of [config, ...loadedModules(root)]) if (isFile(path)) look(path)
  for (const path of read.flatMap(name => filesBelow(join(root, name)))) {
    look(path)
    found.add(path)
  }
  return [...found].sort()
}

const lines = (text: string | undefined): string[] => (text ?? '').split('\0').filter(one => one !== '')

export interface CodeState {
  readonly commit: string | null
  /** Null where there is no git. */
  readonly dirty: boolean | null
  /** Digest of what git cannot give back. */
  readonly diff: Digest | null
  /** Files of the project's code that are not as in the commit, relative to its folder, with what is in them. */
  readonly changed: Readonly<Record<string, KeptFile>>
}

/** What is in a file: its text, or its bytes where it is none. */
export type KeptFile = string | { readonly base64: string }

function contentOf(path: string): KeptFile {
  const bytes = readFileSync(path)
  const text = bytes.toString('utf8')
  return Buffer.from(text, 'utf8').equals(bytes) ? text : { base64: bytes.toString('base64') }
}

/** `read`: files and folders below the project that its trainers read. */
export async function codeState(given: string, read: readonly string[] = []): Promise<CodeState> {
  const root = realpathSync(given)
  const commit = (await git(root, 'rev-parse', 'HEAD'))?.trim() ?? null
  if (commit === null) return { commit, dirty: null, diff: null, changed: {} }
  const modules = moduleFiles(root, read).map(path => relative(root, path))
  const outside = modules.filter(path => path.startsWith('..'))
  const places = ['.', ...outside, `:(exclude)${lockName}`, ':(exclude).millrace']
  const diff = (await git(root, 'diff', 'HEAD', '--no-ext-diff', '--no-textconv', '--', ...places)) ?? ''
  // git names each relative to the folder it is asked in
  const tracked = new Set(lines(await git(root, 'ls-files', '-z', '--', ...modules)))
  const moved = new Set(lines(await git(root, 'diff', 'HEAD', '--name-only', '--relative', '-z', '--', ...modules)))
  const moveds = outside.length === 0 ? moved : new Set([...moved, ...(await changedOutside(root, outside))])
  const untracked = modules.filter(path => !tracked.has(path))
  const changed = Object.fromEntries(
    modules.filter(path => !tracked.has(path) || moveds.has(path)).map(path => [path, contentOf(join(root, path))]),
  )
  const news = untracked.map(path => `${path}\n${JSON.stringify(changed[path])}`).join('\n')
  const dirty = diff.length > 0 || untracked.length > 0
  return { commit, dirty, diff: dirty ? digestBytes(diff + news) : null, changed }
}

/** `--relative` leaves out what lies outside of the folder: those are asked for one by one. */
async function changedOutside(root: string, paths: readonly string[]): Promise<string[]> {
  const changed: string[] = []
  for (const path of paths) if ((await git(root, 'diff', 'HEAD', '--name-only', '--', path)) !== '') changed.push(path)
  return changed
}

/** Changes beyond this are not kept: a version names its code, it is no archive. */
export const maxKeptChanges = 1 << 20

/** Keeps the changed files of a dirty version beside it, so that it can be rebuilt. Only what its code is. */
export async function keepChanges(
  artifacts: ArtifactStore,
  { changed }: CodeState,
): Promise<Readonly<Record<string, Json>>> {
  const files = Object.keys(changed).sort()
  if (files.length === 0) return {}
  const text = canonicalJson(changed)
  if (Buffer.byteLength(text) > maxKeptChanges) return { changes: null, changedFiles: files }
  return { changes: (await artifacts.put(text)).digest, changedFiles: files }
}
