import { compileDefinition, definitionDigest, type Project } from '../../define/project.ts'
import type { FeatureView } from '../../define/features.ts'
import { readViews, writeViews, type WrittenViews } from '../../define/written-model.ts'
import { fail } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { digestJson, type Digest } from '../../internal/digest.ts'
import type { Micros } from '../../internal/time.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'

/** How an environment is called where the settings name none. */
export const defaultEnvironment = 'dev'

export const environmentOf = ({ settings }: Pick<Project, 'settings'>): string =>
  settings.environment ?? defaultEnvironment

/** An id that is an environment's own where several share a metadata store. Slashes stand in no name. */
export function inEnvironment(project: Pick<Project, 'settings'>, id: string): string {
  const environment = environmentOf(project)
  return environment === defaultEnvironment ? id : `${environment}/${id}`
}

/** One change of what an environment serves, as it was made. */
export interface AppliedChange {
  /** 1, 2, … in its environment. */
  readonly number: number
  readonly at: Micros
  readonly action: 'apply' | 'rollback' | 'promote'
  readonly actor: string
  /** Digest of the plan that was executed, or what was gone back to or promoted: `#3`, `staging#12`. */
  readonly from: string
  /** Digest of all definitions together. */
  readonly set: Digest
  /** Digest of each view's definition, by its name. */
  readonly views: Readonly<Record<string, Digest>>
}

/** The definitions of features that an environment serves, and how they came to be. */
export interface AppliedViews {
  /** The change that made them so. */
  readonly current: AppliedChange
  /** Oldest first, the current one last. */
  readonly history: readonly AppliedChange[]
  readonly views: ReadonlyMap<string, FeatureView>
}

const appliedKind = 'features-applied'
const setKind = 'features-set'

/** Changes that are kept. */
const maxHistory = 200

/** A store keeps the members of an object in no order; features are answered in the declared one. */
type StoredSet = WrittenViews & { readonly order: Readonly<Record<string, readonly string[]>> }
type StoredHistory = { readonly history: readonly AppliedChange[] }
type Store = Pick<MetadataStore, 'getDocument' | 'putDocument'>

/** Of all definitions: sets with the same ones have one digest. */
export const setDigest = (views: Iterable<FeatureView>): Digest =>
  digestJson(Object.fromEntries([...views].map(view => [view.name, compileDefinition(view)])))

const orderOf = (views: readonly FeatureView[]): StoredSet['order'] =>
  Object.fromEntries(views.map(view => [view.name, Object.keys(view.features)]))

/** The history of an environment; `revision` is what the next change of it follows. */
export async function appliedHistory(
  store: Store,
  environment: string,
): Promise<{ readonly history: readonly AppliedChange[]; readonly revision: number }> {
  const found = await store.getDocument(appliedKind, environment)
  return {
    history: (found?.value as unknown as StoredHistory | undefined)?.history ?? [],
    revision: found?.revision ?? 0,
  }
}

/** The definitions of a change. They are never changed: who has read a set once need not read it again. */
export async function viewsOfSet(store: Store, set: Digest): Promise<ReadonlyMap<string, FeatureView>> {
  const written = (await store.getDocument(setKind, set))?.value as unknown as StoredSet | undefined
  const lost = (reason: string): Error => fail('featureSetLost', { set: set.slice(7, 19), reason })
  if (!written) throw lost('the metadata store has it no longer')
  const views = readViews(written, name => lost(`it lacks the dataset ${String(name)}`)).map(view => {
    const order = written.order[view.name] ?? []
    const placed = Object.entries(view.features).toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b))
    return { ...view, features: Object.fromEntries(placed) }
  })
  return new Map(views.map(view => [view.name, view]))
}

/** What an environment serves; undefined where nothing was ever applied. */
export async function appliedViews(store: Store, environment: string): Promise<AppliedViews | undefined> {
  const { history } = await appliedHistory(store, environment)
  const current = history.at(-1)
  return current && { current, history, views: await viewsOfSet(store, current.set) }
}

/**
 * Makes views what an environment serves: one document names all of them, so that nobody ever sees some of the old and some of
 * the new. Gives undefined where somebody else was quicker: `revision` is not the newest any more.
 */
export async function serveViews(
  store: Store,
  environment: string,
  views: Iterable<FeatureView>,
  change: Pick<AppliedChange, 'action' | 'from' | 'actor' | 'at'>,
  revision: number,
): Promise<AppliedChange | undefined> {
  const list = [...views]
  const set = setDigest(list)
  const { history } = await appliedHistory(store, environment)
  const applied: AppliedChange = {
    number: (history.at(-1)?.number ?? 0) + 1,
    ...change,
    set,
    views: Object.fromEntries(list.map(view => [view.name, definitionDigest(view)])),
  }
  // The set before what names it
  if (!(await store.getDocument(setKind, set)))
    await store.putDocument(setKind, set, { ...writeViews(list), order: orderOf(list) } as unknown as Json, change.at)
  const next = { history: [...history, applied].slice(-maxHistory) } as unknown as Json
  return (await store.putDocument(appliedKind, environment, next, change.at, revision)) === undefined
    ? undefined
    : applied
}
