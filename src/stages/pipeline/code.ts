import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { digestBytes, digestJson, type Digest } from '../../internal/digest.ts'

let known: Digest | undefined

/**
 * Digest of Millrace's own code, part of every built-in step's cache key: what a new version computes is computed anew.
 * A built package has it written down; from the sources they are read, once a process.
 */
export function ownCode(): Digest {
  if (known) return known
  const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
  const built = join(root, 'bundle/code-digest.txt')
  known = existsSync(built) ? (readFileSync(built, 'utf8') as Digest) : digestOfCode(root)
  return known
}

/** Digest of the modules below a folder that have a part in what steps compute: not of commands, routes and pages. */
export function digestOfCode(root: string): Digest {
  const files: Record<string, string> = {}
  const walk = (folder: string, name: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const at = `${name}/${entry.name}`
      if (entry.isDirectory()) {
        if (!['cli', 'server', 'web', 'testing'].includes(entry.name)) walk(join(folder, entry.name), at)
      } else if (/\.(js|ts)$/.test(entry.name) && !/\.(d|test)\.ts$/.test(entry.name))
        files[at] = digestBytes(readFileSync(join(folder, entry.name)))
    }
  }
  for (const part of ['define', 'stages', 'math', 'onnx', 'adapters/data', 'adapters/trainer', 'internal'])
    walk(join(root, part), part)
  return digestJson(files)
}
