import { viewOfRole, type FeatureView } from '../define/features.ts'
import { compileDefinition, definitionDigest, type Project } from '../define/project.ts'
import { digestJson, type Digest } from '../internal/digest.ts'
import type { Json } from '../internal/canonical-json.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'

export interface ViewChange {
  readonly view: string
  /** `breaking`: a feature that models use is gone or has another type. `materialise`: values change. `new`, `gone`, `none`. */
  readonly change: 'new' | 'gone' | 'breaking' | 'materialise' | 'none'
  readonly why: string
  readonly models: readonly string[]
}

export interface FeaturesPlan {
  /** Of the definitions and of what they are compared with. */
  readonly digest: Digest
  readonly changes: readonly ViewChange[]
}

type Applied = {
  readonly digest: string
  readonly definition: { readonly features?: Record<string, { readonly type?: string }> }
}

export const appliedKind = 'features-applied'

function changeOf(view: FeatureView, applied: Applied | undefined, models: readonly string[]): ViewChange {
  const base = { view: view.name, models }
  if (!applied) return { ...base, change: 'new', why: 'was not applied yet' }
  if (applied.digest === definitionDigest(view)) return { ...base, change: 'none', why: 'is as it was applied' }
  const before = applied.definition.features ?? {}
  const broken = Object.keys(before).filter(
    name => view.features[name] === undefined || view.features[name]?.type !== before[name]?.type,
  )
  if (broken.length > 0 && models.length > 0)
    return {
      ...base,
      change: 'breaking',
      why: `${broken.join(', ')} ${broken.length === 1 ? 'is' : 'are'} gone or of another type`,
    }
  return { ...base, change: 'materialise', why: 'computes other values' }
}

/** What the definitions change against those that were applied. */
export async function planFeatures(store: MetadataStore, project: Project): Promise<FeaturesPlan> {
  const applied = new Map(
    (await store.listDocuments(appliedKind)).map(one => [one.id, one.value as unknown as Applied]),
  )
  const models = (view: string): string[] =>
    [...project.models.values()]
      .filter(model => model.views.some(one => viewOfRole(one).name === view))
      .map(model => model.name)
  const changes = [...project.views.values()].map(view => changeOf(view, applied.get(view.name), models(view.name)))
  for (const view of applied.keys())
    if (!project.views.has(view)) changes.push({ view, change: 'gone', why: 'is no longer defined', models: [] })
  const digest = digestJson({
    now: [...project.views.values()].map(view => definitionDigest(view)),
    before: [...applied].map(([name, one]) => [name, one.digest]),
  })
  return { digest, changes }
}

export function appliedDocument(view: FeatureView): Json {
  return { digest: definitionDigest(view), definition: compileDefinition(view) }
}
