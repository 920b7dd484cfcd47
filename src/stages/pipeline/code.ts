import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { digestBytes, digestJson, type Digest } from '../../internal/digest.ts'

let known: Digest | undefined

/**
 * Digest of Millrace's own code, part of every built-in step's cache key: what a new version computes is computed anew.
 * Reads the compiled (or source) files of this package once a process.
 */
export function ownCode(): Digest {
  if (known) return known
  const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
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
  known = digestJson(files)
  return known
}
