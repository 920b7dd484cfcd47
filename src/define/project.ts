import { fail } from '../errors/index.ts'
import type { Json } from '../internal/canonical-json.ts'
import { digestJson, type Digest } from '../internal/digest.ts'
import type { Dataset } from './dataset.ts'
import type { Deployment } from './deployment.ts'
import type { FeatureView } from './features.ts'
import type { Model } from './model.ts'
import type { Monitor } from './monitor.ts'
import { checkName, definitionKind, refuse, type Definition } from './named.ts'

const projectBrand: unique symbol = Symbol.for('millrace.project')

export interface ProjectSettings {
  /** `sqlite` (default, below `.millrace/`) or a PostgreSQL URL taken from this environment variable. */
  readonly store?: { readonly postgresFrom: string }
}

/** Everything that a `millrace.config.ts` declares, by kind and name. */
export interface Project {
  readonly [projectBrand]: true
  readonly name: string
  readonly settings: ProjectSettings
  readonly datasets: ReadonlyMap<string, Dataset>
  readonly views: ReadonlyMap<string, FeatureView>
  readonly models: ReadonlyMap<string, Model>
  readonly deployments: ReadonlyMap<string, Deployment>
  readonly monitors: ReadonlyMap<string, Monitor>
}

export function isProject(value: unknown): value is Project {
  return typeof value === 'object' && value !== null && projectBrand in value
}

/**
 * Collects the definitions; the default export of `millrace.config.ts`. What a definition uses (a model's dataset, a
 * deployment's model) is taken in by itself; the same name twice for two things is an error.
 */
export function project(
  name: string,
  definitions: Readonly<Record<string, Definition>>,
  settings: ProjectSettings = {},
): Project {
  checkName('project', name)
  const byKind = {
    dataset: new Map<string, Definition>(),
    features: new Map<string, Definition>(),
    model: new Map<string, Definition>(),
    deployment: new Map<string, Definition>(),
    monitor: new Map<string, Definition>(),
  }
  const take = (value: Definition | undefined): void => {
    if (value === undefined) return
    const kind = definitionKind(value)
    if (kind === undefined || kind === 'step')
      throw fail('invalidDefinition', { kind: 'project', name, reason: 'holds something that is not a definition' })
    const known = byKind[kind].get(value.name)
    if (known === value) return
    if (known) refuse('project', name, `two ${kind} definitions are called '${value.name}'`)
    byKind[kind].set(value.name, value)
    if (kind === 'features') take((value as FeatureView).from)
    if (kind === 'model') {
      take((value as Model).from)
      for (const view of (value as Model).views) take(view)
    }
    if (kind === 'deployment') take((value as Deployment).model)
    if (kind === 'monitor') take((value as Monitor).deployment)
  }
  for (const [key, value] of Object.entries(definitions)) {
    if (definitionKind(value) === undefined)
      refuse('project', name, `'${key}' is not a dataset, feature view, model, deployment or monitor`)
    take(value)
  }
  return {
    [projectBrand]: true,
    name,
    settings,
    datasets: byKind.dataset as Map<string, Dataset>,
    views: byKind.features as Map<string, FeatureView>,
    models: byKind.model as Map<string, Model>,
    deployments: byKind.deployment as Map<string, Deployment>,
    monitors: byKind.monitor as Map<string, Monitor>,
  }
}

/** A definition as canonical JSON: uses become references by name, lines of declaration are left out. */
export function compileDefinition(value: Definition): Json {
  const plain = (at: unknown, top: boolean): Json | undefined => {
    if (at === undefined) return undefined
    if (at === null || typeof at === 'boolean' || typeof at === 'number' || typeof at === 'string') return at
    if (Array.isArray(at)) return at.map(one => plain(one, false) ?? null)
    const kind = definitionKind(at)
    if (kind && !top) return { $ref: `${kind}:${(at as Definition).name}` }
    const made: Record<string, Json> = kind ? { kind } : {}
    for (const [key, member] of Object.entries(at as Record<string, unknown>)) {
      if (key === 'site' || key === 'all') continue
      const json = plain(member, false)
      if (json !== undefined) made[key] = json
    }
    return made
  }
  return plain(value, true) as Json
}

/** The version of a definition: SHA-256 of its canonical JSON. */
export function definitionDigest(value: Definition): Digest {
  return digestJson(compileDefinition(value))
}
