import { canonicalJson, type Json } from '../internal/canonical-json.ts'
import { digestJson, shortDigest, type Digest } from '../internal/digest.ts'
import type { ArtifactRef } from '../ports/metadata-store.ts'
import type { StepDefinition } from './step.ts'

const version = 1

export type KeyParts = Readonly<Record<string, Json>>

/**
 * What a step's result depends on. Names of steps and files, paths, times and run ids are not among it; `modules` is
 * kept for explanations and stays out of the key.
 */
export function keyPartsOf(definition: StepDefinition, inputs: Readonly<Record<string, ArtifactRef>>): KeyParts {
  return {
    v: version,
    code: definition.code,
    environment: definition.environment,
    parameters: definition.parameters,
    inputs: Object.fromEntries(
      Object.entries(inputs).map(([role, ref]) => [role, { type: ref.type, digest: ref.digest }]),
    ),
    ...(definition.seed === undefined ? {} : { seed: definition.seed }),
    ...(definition.modules === undefined ? {} : { modules: definition.modules }),
  }
}

/** SHA-256 over the canonical JSON of the parts. */
export function cacheKeyOf(parts: KeyParts): Digest {
  const { modules: _explainedOnly, ...hashed } = parts
  return digestJson(hashed)
}

/** One difference between two keys. */
export interface KeyChange {
  /** `code`, `environment`, `parameters`, `inputs`, `seed` or `v`. */
  readonly part: string
  /** Members from the part down to what differs. */
  readonly path: readonly string[]
  readonly before?: Json
  readonly after?: Json
  readonly words: string
}

type JsonObject = { readonly [key: string]: Json | undefined }

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function show(value: Json | undefined): string {
  if (value === undefined) return 'absent'
  if (typeof value === 'string' && value.startsWith('sha256:')) return shortDigest(value)
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** Members of a list by their names, where all have one: what changed is then told by name, not by place. */
function byName(list: readonly Json[]): { readonly [name: string]: Json } | undefined {
  const named = list.map(member => (isObject(member) && typeof member.name === 'string' ? member.name : undefined))
  if (list.length === 0 || new Set(named).size !== list.length || named.includes(undefined)) return undefined
  return Object.fromEntries(list.map((member, i) => [named[i] as string, member]))
}

function* leaves(
  before: Json | undefined,
  after: Json | undefined,
  path: readonly string[],
): Generator<{ path: readonly string[]; before: Json | undefined; after: Json | undefined }> {
  const lists = Array.isArray(before) && Array.isArray(after) ? [byName(before), byName(after)] : []
  if (lists[0] && lists[1]) yield* leaves(lists[0], lists[1], path)
  else if (isObject(before) && isObject(after)) {
    for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort())
      yield* leaves(before[key], after[key], [...path, key])
  } else if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    // Of the same length the place that changed says more than the whole list
    for (const [at, member] of before.entries()) yield* leaves(member as Json, after[at] as Json, [...path, String(at)])
  } else if (before === undefined || after === undefined) {
    if (before !== after) yield { path, before, after }
  } else if (canonicalJson(before) !== canonicalJson(after)) yield { path, before, after }
}

function wordsFor(part: string, path: readonly string[], before: Json | undefined, after: Json | undefined): string {
  const change = `${show(before)} → ${show(after)}`
  const name = path.join('.')
  switch (part) {
    case 'code':
      return `its code changed (${change})`
    case 'inputs': {
      const role = path[0] ?? ''
      if (before === undefined) return `input ${role} is new`
      if (after === undefined) return `input ${role} is gone`
      return path[1] === 'type'
        ? `input ${role} changed its type (${change})`
        : `input ${role} has other content (${change})`
    }
    case 'parameters':
      return name === '' ? `its parameters changed (${change})` : `parameter ${name} changed (${change})`
    case 'environment':
      return name === '' ? `the environment changed (${change})` : `environment: ${name} changed (${change})`
    case 'seed':
      return `the seed changed (${change})`
    default:
      return `the form of cache keys changed (${change})`
  }
}

/** What differs between the keys of two runs of a step, in words; empty when nothing does. */
export function keyChanges(before: KeyParts, after: KeyParts): readonly KeyChange[] {
  const changes: KeyChange[] = []
  for (const part of ['v', 'code', 'inputs', 'parameters', 'environment', 'seed'])
    for (const leaf of leaves(before[part], after[part], [])) {
      let words = wordsFor(part, leaf.path, leaf.before, leaf.after)
      if (part === 'code') {
        const modules = [...leaves(before['modules'] ?? {}, after['modules'] ?? {}, [])].map(one => one.path.join('.'))
        if (modules.length > 0) words += `: ${modules.join(', ')}`
      }
      changes.push({
        part,
        path: leaf.path,
        ...(leaf.before === undefined ? {} : { before: leaf.before }),
        ...(leaf.after === undefined ? {} : { after: leaf.after }),
        words,
      })
    }
  return changes
}
