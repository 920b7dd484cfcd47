import { constants, type BigIntStats } from 'node:fs'
import { access, readdir, stat } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import type { Dataset } from '../../define/dataset.ts'
import { fail, isMillraceError } from '../../errors/index.ts'
import { digestFile, type Digest } from '../../internal/digest.ts'
import { whyUnreadable } from '../../internal/why-unreadable.ts'

/** A file as it stands on disk, before anything is read of it. */
export interface ListedFile {
  /** Relative to the project folder. */
  readonly name: string
  readonly path: string
  readonly size: number
  /** Changes whenever the content may have. */
  readonly stamp: string
  /** Too new for its time of change to tell. */
  readonly young: boolean
}

export interface SourceFile {
  /** Relative to the project folder. */
  readonly name: string
  readonly path: string
  readonly digest: Digest
  readonly size: number
  /** See `ListedFile`; absent of a file that nobody changes. */
  readonly stamp?: string
  readonly young?: boolean
}

/** `*` within a folder, `**` over folders (at the end of all that is below), `?` one character. */
function pattern(glob: string): RegExp {
  const source = glob
    .split(/(\*\*\/?|\*|\?)/)
    .map(part =>
      part === '**/'
        ? '(?:.*/)?'
        : part === '**'
          ? '.*'
          : part === '*'
            ? '[^/]*'
            : part === '?'
              ? '[^/]'
              : part.replace(/[.+^${}()|[\]\\]/g, '\\$&'),
    )
  return new RegExp(`^${source.join('')}$`)
}

/** Whether a glob takes a path, both absolute. */
export const matchesPath = (glob: string, path: string): boolean => matching(glob)(path)

function matching(glob: string): (path: string) => boolean {
  const form = pattern(glob)
  return path => form.test(path.split(sep).join('/'))
}

async function walk(folder: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    // hidden names are what writers call files that are not whole yet
    if (entry.name.startsWith('.')) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) found.push(...(await walk(path)))
    else found.push(path)
  }
  return found
}

/** The files of a dataset's source, by name. Throws `sourceUnreadable` where there is none. */
export async function listFiles(dataset: Pick<Dataset, 'source'>, root: string): Promise<ListedFile[]> {
  const { path } = dataset.source
  const [, scheme] = /^([a-z][a-z0-9+.-]+):\/\//i.exec(path) ?? []
  if (scheme !== undefined)
    throw fail('sourceUnreadable', {
      source: path,
      reason: `files are read from this machine, not by ${scheme}://: mount the place or copy them, or read them as a table of a database`,
    })
  const absolute = isAbsolute(path) ? path : resolve(root, path)
  const fixed = absolute.split(/[*?]/)[0] as string
  const base = /[*?]/.test(absolute) ? fixed.slice(0, fixed.lastIndexOf('/') + 1) || '/' : undefined
  let paths: string[]
  try {
    paths = base === undefined ? (await stat(absolute)) && [absolute] : (await walk(base)).filter(matching(absolute))
  } catch (error) {
    throw fail(
      'sourceUnreadable',
      {
        source: path,
        reason: (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it does not exist' : String(error),
      },
      error,
    )
  }
  if (paths.length === 0) throw fail('sourceUnreadable', { source: path, reason: 'no file matches' })
  const files: ListedFile[] = []
  for (const file of paths.sort()) files.push(await listFile(file, root))
  return files
}

const stampOf = (status: BigIntStats): string => `${status.ino}/${status.size}/${status.mtimeNs}/${status.ctimeNs}`

/** A file by its absolute path: one look, for of many small ones the looks are what takes the time. Throws `sourceUnreadable`. */
export async function listFile(path: string, root: string): Promise<ListedFile> {
  const name = relative(root, path)
  let status: BigIntStats | undefined
  try {
    status = await stat(path, { bigint: true })
    await access(path, constants.R_OK)
  } catch {
    status = undefined
  }
  if (!status?.isFile() || status.size === 0n) {
    const reason = await whyUnreadable(path)
    if (reason !== undefined) throw fail('sourceUnreadable', { source: name, reason })
    status = await stat(path, { bigint: true })
  }
  return {
    name,
    path,
    size: Number(status.size),
    stamp: stampOf(status),
    young: Date.now() - Number(status.mtimeMs) < 2000,
  }
}

/** Whether a file is what it was when it was listed. */
async function isAsListed(file: ListedFile | SourceFile): Promise<boolean> {
  if (file.stamp === undefined) return true
  const same = stampOf(await stat(file.path, { bigint: true })) === file.stamp
  if (same && !file.young) return true
  return 'digest' in file ? (await digestFile(file.path)).digest === file.digest : same
}

/**
 * Holds files that were read to what they were when they were listed: what was read of another content must not be kept
 * under this one's digest. Throws `sourceChanged`.
 */
export async function requireUnchanged(files: readonly (ListedFile | SourceFile)[]): Promise<void> {
  for (const file of files) {
    const same = await isAsListed(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    })
    if (!same) throw fail('sourceChanged', { file: file.name })
  }
}

/** Digests of files by path, kept while a file's stamp does not change. */
export type DigestMemory = Map<string, { readonly stamp: string; readonly digest: Digest }>

const remembered: DigestMemory = new Map()

/**
 * The files of a dataset's source with their digests, by name. Contents are hashed again whenever size, time or inode
 * changed, and always for files younger than two seconds: their time may not tell.
 */
export async function sourceFiles(
  dataset: Dataset,
  root: string,
  memory: DigestMemory = remembered,
): Promise<SourceFile[]> {
  const files: SourceFile[] = []
  for (const { name, path, size, stamp, young } of await listFiles(dataset, root)) {
    const known = memory.get(path)
    const digest = known && known.stamp === stamp && !young ? known.digest : (await digestFile(path, size)).digest
    memory.set(path, { stamp, digest })
    files.push({ name, path, digest, size, stamp, young })
  }
  return files
}

/** The same where there may be none yet. */
export async function presentFiles(dataset: Dataset, root: string): Promise<SourceFile[]> {
  try {
    return await sourceFiles(dataset, root)
  } catch (error) {
    if (isMillraceError(error) && error.code === 'MR2002') return []
    throw error
  }
}
