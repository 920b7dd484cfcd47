import { existsSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fail, isMillraceError } from '../errors/index.ts'
import { systemReason } from '../errors/system.ts'
import { messageOf } from '../internal/message-of.ts'
import { type CompiledModule, typescriptModules } from '../internal/typescript-modules.ts'
import { refuseExitOf, settling, whileLoading } from './exit-guard.ts'
import { isProject, type Project } from '../define/project.ts'

export const configName = 'millrace.config.ts'

/** The project folder at or above `folder`, where there is one. */
export function rootAbove(folder: string): string | undefined {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(join(at, configName))) return at
    if (dirname(at) === at) return undefined
  }
}

/** The same where there must be one. Throws `configMissing`. */
export function findRoot(folder: string): string {
  const root = rootAbove(folder)
  if (root === undefined) throw fail('configMissing', { folder: resolve(folder) })
  return root
}

const modules = new Map<string, CompiledModule[]>()

/** Files that were read when the project of that folder was loaded. */
export function loadedModules(root: string): readonly string[] {
  return [...new Set(compiledModules(root).map(one => one.path))]
}

/** What they were compiled to: `loadProject` makes the same project of it in another process. */
export function compiledModules(root: string): readonly CompiledModule[] {
  return modules.get(root) ?? []
}

/**
 * Loads a project file: TypeScript through jiti, so no build step is needed; what it was turned into is kept below
 * `.millrace/modules` for as long as the file stays the same. The project's own `millrace` is used when it is installed
 * there, else this one. `compiled` are modules of a project that was loaded before: they are taken for what they were then, whatever
 * was written into their files since. Throws `configThrew`, `configNotProject`.
 */
export async function loadProject(root: string, compiled: readonly CompiledModule[] = []): Promise<Project> {
  const file = join(root, configName)
  const own = fileURLToPath(new URL('../index.js', import.meta.url))
  const seen: CompiledModule[] = []
  modules.set(realpathSync(root), seen)
  const alias = existsSync(join(root, 'node_modules/millrace')) || !existsSync(own) ? {} : { millrace: own }
  const folder = join(root, '.millrace', 'modules')
  if (statSync(file).isDirectory())
    throw fail('configUnreadable', { file: configName, reason: 'it is a folder, not a file' })
  const onModule = (module: CompiledModule): void => {
    seen.push(module)
    if (!module.path.startsWith(dirname(own))) refuseExitOf(module.path)
  }
  const jiti = typescriptModules(file, folder, { moduleCache: false, alias, compiled, onModule })
  const stalled = (waitedMs?: number) => {
    const since = waitedMs === undefined ? 'for something that never comes' : `still, after ${waitedMs / 1000} s`
    return fail('configThrew', { file: configName, reason: `it waits (await) ${since}` })
  }
  let loaded: unknown
  try {
    loaded = await whileLoading(() => settling(jiti.import(file, { default: true }), stalled))
  } catch (error) {
    if (isMillraceError(error)) throw error
    const { code, syscall, path } = error as NodeJS.ErrnoException
    // A file that is not there may well be meant; one that is there and cannot be read is no mistake of the code
    if (syscall !== undefined && path !== undefined && code !== 'ENOENT')
      throw fail('configUnreadable', { file: path, reason: systemReason(error) ?? messageOf(error) }, error)
    const where = error instanceof Error ? /millrace\.config\.ts:(\d+)(?::(\d+))?/.exec(error.stack ?? '') : null
    const reason = error instanceof Error ? (error.message.split('\n')[0] as string) : String(error)
    throw fail('configThrew', { file: where ? `${configName}:${where[1]}` : configName, reason }, error)
  }
  if (!isProject(loaded)) throw fail('configNotProject', { file: configName })
  return loaded
}
