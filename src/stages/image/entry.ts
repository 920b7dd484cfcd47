import { lstat, readdir, readlink } from 'node:fs/promises'
import { join, posix } from 'node:path'

/** One thing in a layer. `path` has no leading slash. Only the executable bit of a file's mode is kept. */
export type Entry =
  | {
      readonly path: string
      readonly kind: 'file'
      readonly content: string | Uint8Array
      readonly executable?: boolean
    }
  | {
      readonly path: string
      readonly kind: 'copy'
      readonly from: string
      readonly size: number
      readonly executable?: boolean
    }
  | { readonly path: string; readonly kind: 'link'; readonly target: string }
  /** `open`: everybody may write in it (sticky), for what a container's user writes. */
  | { readonly path: string; readonly kind: 'folder'; readonly open?: boolean }

const byPath = (a: Entry, b: Entry): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)

/** Sorted, each path once (the last given wins), with the folders above that nobody named. */
export function complete(entries: readonly Entry[]): readonly Entry[] {
  const all = new Map<string, Entry>()
  for (const entry of entries) all.set(entry.path, entry)
  for (const { path } of entries)
    for (let at = posix.dirname(path); at !== '.' && !all.has(at); at = posix.dirname(at))
      all.set(at, { path: at, kind: 'folder' })
  return [...all.values()].sort(byPath)
}

/** A file, link or folder of this machine under another name; folders without their content. */
export async function entryOf(from: string, path: string): Promise<Entry | undefined> {
  const found = await lstat(from)
  if (found.isSymbolicLink()) return { path, kind: 'link', target: await readlink(from) }
  if (found.isDirectory()) return { path, kind: 'folder' }
  if (!found.isFile()) return undefined
  return { path, kind: 'copy', from, size: found.size, executable: (found.mode & 0o111) !== 0 }
}

/** Everything below a folder; `keep` sees paths relative to it and decides for whole subfolders too. */
export async function entriesBelow(
  folder: string,
  path: string,
  keep: (relative: string) => boolean,
  inside = '',
): Promise<Entry[]> {
  const found: Entry[] = []
  for (const { name } of await readdir(join(folder, inside), { withFileTypes: true })) {
    const relative = inside === '' ? name : `${inside}/${name}`
    if (!keep(relative)) continue
    const entry = await entryOf(join(folder, relative), `${path}/${relative}`)
    if (entry === undefined) continue
    if (entry.kind === 'folder') found.push(...(await entriesBelow(folder, path, keep, relative)))
    else found.push(entry)
  }
  return found
}
