import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { fileURLToPath } from 'node:url'
import { parse, type Node as Positioned } from 'acorn'
import type { Jiti } from 'jiti'
import { fail } from '../../errors/catalogue.ts'
import { commonJs } from '../../internal/common-js.ts'
import { digestBytes } from '../../internal/digest.ts'

/** An ESTree node without anything typed: what we do with it is the same for every kind. */
export interface Node {
  readonly type: string
  readonly [member: string]: unknown
}

/** A module as CommonJS statements, the way jiti runs it: types, comments and unused imports are gone. */
export interface ModuleSource {
  readonly path: string
  readonly statements: readonly Node[]
  /** Project file that a specifier means; undefined for packages and built-in modules, which the lockfile speaks for. */
  readonly resolve: (specifier: string) => string | undefined
}

let jiti: Jiti | undefined
const known = new Map<string, { readonly content: string; readonly source: ModuleSource }>()

function resolver(path: string, loader: Jiti): ModuleSource['resolve'] {
  return specifier => {
    // Millrace is a package too where it is linked, or found beside the command line only
    if (isBuiltin(specifier) || /^millrace(\/|$)/.test(specifier)) return undefined
    const url = loader.esmResolve(specifier, { parentURL: path, try: true })
    if (url === undefined || !/^(file:|\/|[A-Za-z]:)/.test(url)) return undefined
    const file = url.startsWith('file:') ? fileURLToPath(url) : url
    return /[/\\]node_modules[/\\]/.test(file) ? undefined : file
  }
}

/** Reads and parses a project module, once for the same content. A file that is no code counts by its bytes. */
export function moduleSource(path: string, step: string): ModuleSource {
  // the loader's own cache would be a folder that all users of the machine share
  jiti ??= (commonJs('jiti') as typeof import('jiti')).createJiti(import.meta.url, { fsCache: false })
  const loader = jiti
  try {
    const content = readFileSync(path, 'utf8')
    const before = known.get(path)
    if (before?.content === content) return before.source
    const code = /\.[cm]?[jt]sx?$/.test(path)
      ? loader.transform({
          source: content,
          filename: path,
          ts: /\.[cm]?tsx?$/.test(path),
          async: true,
          jsx: path.endsWith('x'),
        })
      : `exports.default = ${JSON.stringify(digestBytes(content))}`
    // Instead of throwing, jiti gives code that throws.
    const broken = /^exports\.__JITI_ERROR__ = (\{[\s\S]*\})/.exec(code)?.[1]
    if (broken !== undefined) throw new Error(`${path}: ${(JSON.parse(broken) as { message?: string }).message ?? ''}`)
    const program = parse(code, {
      ecmaVersion: 'latest',
      sourceType: 'script',
      allowAwaitOutsideFunction: true,
      allowReturnOutsideFunction: true,
    })
    const statements = program.body as readonly Positioned[] as unknown as readonly Node[]
    const source = { path, statements, resolve: resolver(path, loader) }
    known.set(path, { content, source })
    return source
  } catch (error) {
    throw fail('codeUnreadable', { step, reason: (error as Error).message.split('\n')[0] ?? '' }, error)
  }
}
