import { fail } from '../errors/index.ts'
import type { Json } from '../internal/canonical-json.ts'
import { digestJson, type Digest } from '../internal/digest.ts'
import type { Dataset } from './dataset.ts'
import type { Deployment } from './deployment.ts'
import { viewOfRole, type FeatureView } from './features.ts'
import type { Model } from './model.ts'
import type { Monitor } from './monitor.ts'
import { anything, builder, members, optional, text } from './forms.ts'
import { settingsForms, type ProjectSettings } from './settings.ts'
import { checkName, definitionKind, refuse, type Definition, type DefinitionKind } from './named.ts'

const projectBrand: unique symbol = Symbol.for('millrace.project')

/** Everything that a `millrace.config.ts` declares, by kind and name. */
declare const declared: unique symbol

type Definitions = Readonly<Record<string, Definition>>

export interface Project<D extends Definitions = Definitions> {
  readonly [projectBrand]: true
  readonly [declared]?: D
  readonly name: string
  readonly settings: ProjectSettings
  readonly datasets: ReadonlyMap<string, Dataset>
  readonly views: ReadonlyMap<string, FeatureView>
  readonly models: ReadonlyMap<string, Model>
  readonly deployments: ReadonlyMap<string, Deployment>
  readonly monitors: ReadonlyMap<string, Monitor>
}

/** What a project was declared with, as a type: the names and columns that a client of it knows. */
export type DefinitionsOf<P> = P extends { readonly [declared]?: infer D } ? D : never

export function isProject(value: unknown): value is Project {
  return typeof value === 'object' && value !== null && projectBrand in value
}

/** Rollouts that wait for each other would wait for ever. */
function checkOrder(project: string, deployments: ReadonlyMap<string, Deployment>): void {
  const visit = (name: string, path: readonly string[]): void => {
    const way = [...path, name]
    if (path.includes(name))
      refuse('project', project, `rollouts wait for each other: ${way.slice(path.indexOf(name)).join(' after ')}`)
    const found = deployments.get(name)
    if (!found)
      refuse('project', project, `'${path.at(-1)}' waits for rollouts of '${name}', which it does not declare`)
    for (const other of found.canary.after) visit(other, way)
  }
  for (const name of deployments.keys()) visit(name, [])
}

function declareProject<const D extends Definitions>(
  name: string,
  definitions: D,
  settings: ProjectSettings = {},
): Project<D> {
  checkName('project', name)
  if (settings.audit && Object.keys(settings.audit.anchors).length === 0)
    refuse('project', name, 'audit.anchors must name a place: file, webhook or git')
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
    if (kind === 'features' && (value as FeatureView).roleOf !== undefined)
      refuse(
        'project',
        name,
        `'${value.name}' is a role of the view ${(value as FeatureView).roleOf}: declare that one`,
      )
    if (known) refuse('project', name, `two ${kind} definitions are called '${value.name}'`)
    byKind[kind].set(value.name, value)
    if (kind === 'dataset') for (const other of (value as Dataset).related.values()) take(other)
    if (kind === 'features') take((value as FeatureView).from)
    if (kind === 'model') {
      take((value as Model).from)
      for (const view of (value as Model).views) take(viewOfRole(view))
    }
    if (kind === 'deployment') take((value as Deployment).model)
    if (kind === 'monitor') take((value as Monitor).deployment)
  }
  for (const [key, value] of Object.entries(definitions)) {
    if (definitionKind(value) === undefined)
      refuse('project', name, `'${key}' is not a dataset, feature view, model, deployment or monitor`)
    take(value)
  }
  for (const { name: deployment, canary } of byKind.deployment.values() as Iterable<Deployment>)
    if (Object.keys(canary.queries).length > 0 && settings.prometheus === undefined)
      refuse('project', name, `deployment '${deployment}' has canary.queries, and the settings no prometheus to ask`)
  checkOrder(name, byKind.deployment as Map<string, Deployment>)
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

/**
 * Collects the definitions; the default export of `millrace.config.ts`. What a definition uses (a model's dataset, a
 * deployment's model) is taken in by itself; the same name twice for two things is an error.
 */
export const project = builder(
  'project',
  { name: text, definitions: anything, settings: optional(members(settingsForms)) },
  declareProject,
)

/** Members of a definition that are derived from the others, or are functions that an expectation holds the digest of. */
const derived: Partial<Record<DefinitionKind, readonly string[]>> = {
  dataset: ['related', 'functions'],
  // How it is kept up changes no value
  features: ['all', 'as', 'freshness', 'materialise', 'notify'],
}

/**
 * A use of another definition: its name, and what of it changes the results of whoever uses it. Of a dataset that is the
 * point-in-time law; its rows count by their content, what checks them does not. A feature view counts as a whole.
 */
function referenceTo(kind: DefinitionKind, value: Definition): Json {
  const $ref = `${kind}:${value.name}`
  if (kind === 'features') return { $ref, digest: definitionDigest(value) }
  if (kind !== 'dataset') return { $ref }
  const { eventTime, knownAt } = value as Dataset
  return { $ref, law: plainJson({ eventTime, knownAt }) as Json }
}

/** Plain data as JSON; what is undefined is left out. */
function plainJson(value: unknown): Json | undefined {
  if (value === undefined || value === null) return value
  if (typeof value !== 'object') return value as Json
  if (Array.isArray(value)) return value.map(one => plainJson(one) ?? null)
  const kind = definitionKind(value)
  return kind ? referenceTo(kind, value as Definition) : compilePart(value)
}

/** Members of a definition as canonical JSON, for what depends on a part of it. */
export function compilePart(value: object): Record<string, Json> {
  const made: Record<string, Json> = {}
  for (const [key, member] of Object.entries(value)) {
    const json = plainJson(member)
    if (json !== undefined) made[key] = json
  }
  return made
}

/** A definition as canonical JSON: uses become references; where an expectation was declared is no part of it. */
export function compileDefinition(value: Definition): Json {
  const kind = definitionKind(value) as DefinitionKind
  const left = derived[kind] ?? []
  const members = Object.fromEntries(Object.entries(value).filter(([name]) => !left.includes(name)))
  if (kind === 'dataset')
    members.expectations = (value as Dataset).expectations.map(({ site: _declaredAt, ...expectation }) => expectation)
  return { kind, ...compilePart(members) }
}

/** The version of a definition: SHA-256 of its canonical JSON. */
export function definitionDigest(value: Definition): Digest {
  return digestJson(compileDefinition(value))
}
