import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Jiti, JitiOptions, TransformOptions } from 'jiti'
import { commonJs } from './common-js.ts'
import { digestBytes } from './digest.ts'
import { temporaryName } from './publish.ts'

/*
 * jiti keeps what it compiled as well, but takes whatever lies there for its own as long as the last line is right, and
 * fails where it cannot write. What is run must be what was compiled: here each file carries the digest of its text.
 */

/** The text of a module as it was compiled from just this; undefined where it is not there, or damaged. */
function readCompiled(path: string, key: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8')
    const end = text.indexOf('\n')
    const code = text.slice(end + 1)
    return end > 0 && text.slice(0, end) === `// ${digestBytes(`${key}\n${code}`)}` ? code : undefined
  } catch {
    return undefined
  }
}

/** Keeps it for the next time, where that is possible. */
function keepCompiled(path: string, key: string, code: string, folder: string): void {
  const temporary = temporaryName(path)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(temporary, `// ${digestBytes(`${key}\n${code}`)}\n${code}`, { mode: 0o600, flag: 'wx' })
    renameSync(temporary, path)
  } catch {
    try {
      rmSync(temporary, { force: true })
    } catch {
      // a folder that takes no file has none to give back
    }
  }
}

/** A module as it was compiled. */
export interface CompiledModule {
  readonly path: string
  readonly async: boolean
  readonly code: string
}

export interface ModuleOptions extends JitiOptions {
  /** Modules that are run as they were compiled, whatever stands in their files by now. */
  readonly compiled?: readonly CompiledModule[]
  /** Hears of each module that is run. */
  readonly onModule?: (module: CompiledModule) => void
}

/** Imports TypeScript without a build step; what it was compiled to is kept in `folder` while the source stays the same. */
export function typescriptModules(
  from: string,
  folder: string,
  { compiled = [], onModule = () => undefined, ...options }: ModuleOptions = {},
): Jiti {
  const { createJiti } = commonJs('jiti') as typeof import('jiti')
  const { version } = commonJs('jiti/package.json') as { readonly version: string }
  const compiler = createJiti(from, { fsCache: false, moduleCache: false })
  const nameOf = (path: string, async: boolean): string => `${path} ${async}`
  const before = new Map(compiled.map(one => [nameOf(one.path, one.async), one.code]))
  const compile = (given: TransformOptions, filename: string): string => {
    const key = digestBytes(JSON.stringify([version, given]))
    const path = join(
      folder,
      `${basename(filename)}-${digestBytes(filename).slice(7, 23)}${given.async ? '.mjs' : '.cjs'}`,
    )
    const kept = readCompiled(path, key)
    if (kept !== undefined) return kept
    const code = compiler.transform(given)
    if (!code.includes('__JITI_ERROR__')) keepCompiled(path, key, code, folder)
    return code
  }
  const transform = (given: TransformOptions): { code: string } => {
    const { filename: path = 'module' } = given
    const async = given.async ?? false
    const code = before.get(nameOf(path, async)) ?? compile(given, path)
    onModule({ path, async, code })
    return { code }
  }
  return createJiti(from, { ...options, fsCache: false, transform })
}
