import { existsSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'

/**
 * URL of a module that is to run in a worker thread or a child process, given beside `import.meta.url`.
 * Node 20 cannot run TypeScript there, so from the sources (tests) it points into the compiled package.
 */
export function compiledModule(relative: string, from: string): URL {
  const url = new URL(relative, from)
  const path = fileURLToPath(url)
  if (!path.endsWith('.ts')) return url
  const compiled = path.replace(/([/\\])src([/\\])(?!.*[/\\]src[/\\])/, '$1dist$2').replace(/\.ts$/, '.js')
  if (!existsSync(compiled)) throw new Error(`${compiled} is missing: run "npm run build" first`)
  return pathToFileURL(compiled)
}
