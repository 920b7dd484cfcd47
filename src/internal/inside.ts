import { realpath } from 'node:fs/promises'
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path'

async function realpathOfExistingPart(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error
    return resolve(await realpathOfExistingPart(dirname(path)), path.slice(dirname(path).length).replace(/^[/\\]+/, ''))
  }
}

/**
 * The only way to turn a name that came from outside into a path: resolves it below `root`, follows links, and
 * returns undefined when it would leave the root. Callers turn that into their own catalogued error.
 */
export async function pathInside(root: string, name: string): Promise<string | undefined> {
  if (name.includes('\0') || isAbsolute(name) || name.includes('\\') || name.split('/').includes('..')) return undefined
  const base = await realpathOfExistingPart(resolve(root))
  const target = await realpathOfExistingPart(resolve(base, name))
  const way = relative(base, target)
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way) ? undefined : target
}
