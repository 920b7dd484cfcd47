import { dirname, isAbsolute, relative, sep } from 'node:path'

/** The folder that a path begins with, as far as it is no pattern. */
function fixedPart(path: string): string {
  const glob = path.search(/[*?[]/)
  return glob < 0 ? dirname(path) : path.slice(0, path.lastIndexOf('/', glob) + 1) || '/'
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // a % that is just one
    return text
  }
}

/** What writers call a folder of rows whose key is null. */
const nullFolder = '__HIVE_DEFAULT_PARTITION__'

/**
 * The keys that folders on the way to a file name, as `day=1` does, and what they say of its rows; null where they say that
 * there is none. A path is looked at from the project's folder on, an absolute one from its first pattern on.
 */
export function folderKeys(file: string, path: string, root: string): ReadonlyMap<string, string | null> {
  const base = isAbsolute(path) ? fixedPart(path) : root
  const keys = new Map<string, string | null>()
  for (const part of dirname(relative(base, file)).split(sep)) {
    const at = part.indexOf('=')
    if (at <= 0) continue
    const value = decoded(part.slice(at + 1))
    keys.set(decoded(part.slice(0, at)), value === nullFolder ? null : value)
  }
  return keys
}
