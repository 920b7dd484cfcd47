import { mkdir, readFile, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { MetricResult } from '../../define/expectation/metric.ts'
import type { RuleFinding } from './rules/remembered.ts'
import { digestBytes, type Digest } from '../../internal/digest.ts'
import { publishFile } from '../../internal/publish.ts'
import type { DigestMemory } from './files.ts'

/** What is kept: measures, and what rules found. */
export type Kept = MetricResult | RuleFinding

/** Measures of one file, or of a set of files, by the key of the measure. */
export type StateOf = Map<string, Kept>

/** What was measured before, by the content that it was measured of. */
export interface MetricStates {
  /** Digests of files by path, kept while a file does not change on disk. */
  readonly files: DigestMemory
  /** Measures of a file (its digest) or of several (see `setName`); empty where there are none. */
  get(of: string): Promise<StateOf>
  /** Keeps measures for later; written by `save`. */
  put(of: string, key: string, result: Kept): Promise<void>
  save(): Promise<void>
}

/** States are dropped when nothing asked for them for so long. */
const keepDays = 90

/** Name of the set of files that a measure which does not add up was taken of. */
export function setName(parts: readonly Digest[]): string {
  return parts.length === 1 ? (parts[0] as string) : digestBytes(parts.join('\n'))
}

/** Results beyond this many values are quicker to measure again than to read. */
const maxKept = 20_000

function isWorthKeeping(result: Kept): boolean {
  if (typeof result === 'object' && 'counts' in result) return result.counts.length <= maxKept
  return true
}

/** int64 beyond 2^53, NaN and infinities have no JSON number. */
function replace(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return { $int: value.toString() }
  if (typeof value === 'number' && !Number.isFinite(value)) return { $float: String(value) }
  return value
}

function revive(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if ('$int' in value) return BigInt(value.$int as string)
  return '$float' in value ? Number(value.$float) : value
}

/** `<digest of the rest>\n<JSON>`: a measure with one digit changed would be believed otherwise. */
const encode = (value: unknown): string => {
  const body = JSON.stringify(value, replace)
  return `${digestBytes(body)}\n${body}`
}

async function read<T>(path: string): Promise<T | undefined> {
  try {
    const text = await readFile(path, 'utf8')
    const end = text.indexOf('\n')
    const body = text.slice(end + 1)
    return text.slice(0, Math.max(0, end)) === digestBytes(body) ? (JSON.parse(body, revive) as T) : undefined
  } catch {
    // a state that cannot be read is measured again; nothing rests on it
    return undefined
  }
}

/** What is kept for later is kept where that is possible; what is in its place and cannot be read goes. */
async function write(path: string, value: unknown): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory()) await rm(path, { recursive: true, force: true })
  await publishFile(path, encode(value), 0o600)
}

/** States as files of a folder, one for each content; safe to delete, to share between processes, and to cache in CI. */
export async function openStates(folder: string): Promise<MetricStates> {
  const pathOf = (of: string) => join(folder, `${of.replace('sha256:', '')}.json`)
  const indexPath = join(folder, 'files.json')
  const files: DigestMemory = new Map(Object.entries((await read<Record<string, never>>(indexPath)) ?? {}))
  const known = new Map<string, StateOf>()
  const changed = new Set<string>()
  const before = JSON.stringify(Object.fromEntries(files))
  const get = async (of: string): Promise<StateOf> => {
    const already = known.get(of)
    if (already) return already
    const state: StateOf = new Map(Object.entries((await read<Record<string, Kept>>(pathOf(of))) ?? {}))
    known.set(of, state)
    return state
  }
  return {
    files,
    get,
    async put(of, key, result) {
      const state = await get(of)
      if (state.has(key) || !isWorthKeeping(result)) return
      state.set(key, result)
      changed.add(of)
    },
    async save() {
      const index = Object.fromEntries(files)
      const moved = files.size > 0 && JSON.stringify(index) !== before
      if (changed.size > 0 || moved) await mkdir(folder, { recursive: true, mode: 0o700 })
      for (const of of changed) await write(pathOf(of), Object.fromEntries(known.get(of) as StateOf))
      if (moved) await write(indexPath, index)
      if (changed.size > 0) await dropOld(folder)
      changed.clear()
    },
  }
}

async function dropOld(folder: string): Promise<void> {
  const oldest = Date.now() - keepDays * 86_400_000
  for (const name of await readdir(folder)) {
    if (name === 'files.json') continue
    const path = join(folder, name)
    try {
      if ((await stat(path)).atimeMs < oldest) await rm(path, { force: true })
    } catch (error) {
      // another process renames and drops files here, too
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}
