import type { Workspace } from '../config/workspace.ts'
import { viewOfRole, type FeatureView } from '../define/features.ts'
import { definitionDigest } from '../define/project.ts'
import { digestJson, type Digest } from '../internal/digest.ts'
import { appliedHistory, environmentOf, viewsOfSet } from '../stages/features/applied.ts'
import { keyPresentSql, planView, recordsOf } from '../stages/features/channels.ts'
import { snapshotSql } from '../stages/features/frame.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import type { DataEngine } from '../ports/data-engine.ts'
import { materialisations, type Materialisation } from '../stages/features/materialisations.ts'
import { viewDifferences, type FeatureChange, type ViewDifference } from '../stages/features/view-changes.ts'
import { datasetStepName } from '../stages/pipeline/validation.ts'
import { featureReaders, featuresRead, type FeatureReader } from '../stages/serve/feature-readers.ts'
import { isLost } from '../errors/index.ts'

export interface PlannedFeature extends FeatureChange {
  /** A model or a served version reads it, and it is gone or of another type. */
  readonly breaking: boolean
  /** Models of the project that read it, and served versions that were made with it: `api: fare@2 (stable)`. */
  readonly readers: readonly string[]
}

/** What has to be written for a view before its features can be answered; of one that is not online nothing. */
export interface Backfill {
  /** Of the newest snapshot; null where there is none yet. */
  readonly rows: number | null
  readonly entities: number | null
  /** By how fast views were materialised before; null where none was. */
  readonly seconds: number | null
}

export interface ViewChange {
  readonly view: string
  /** `breaking`: a feature that is read is gone or has another type. `materialise`: values change. `new`, `gone`, `none`. */
  readonly change: 'new' | 'gone' | 'breaking' | 'materialise' | 'none'
  readonly why: string
  readonly features: readonly PlannedFeature[]
  /** Models of the project that read the view. */
  readonly models: readonly string[]
  /** Served versions that read the view, and whether as it is to be or as they were made with it. */
  readonly served: readonly {
    readonly deployment: string
    readonly arm: 'stable' | 'canary'
    readonly version: string
    readonly reads: 'planned' | 'own'
  }[]
  /** Null where no records change. */
  readonly backfill: Backfill | null
}

export interface FeaturesPlan {
  /** Of the environment, the definitions and of what they are compared with. */
  readonly digest: Digest
  readonly environment: string
  /** Number of the change that they are compared with; null where nothing was applied yet. */
  readonly applied: number | null
  /** A commit that they are compared with instead, `main (3f6c0a91b2d4)`; null else. */
  readonly against: string | null
  readonly breaking: boolean
  readonly changes: readonly ViewChange[]
}

/** A plan with what it compares, for who executes it. */
export interface PlannedViews {
  readonly plan: FeaturesPlan
  readonly views: readonly FeatureView[]
  /** Of what it is compared with. */
  readonly revision: number
}

/** What a plan is made from; with an engine entities are counted, without one they are those that were materialised before. */
export type PlanServices = Pick<Workspace, 'project' | 'store'> & {
  readonly artifacts: ArtifactStore
} & Partial<Pick<Workspace, 'engine'>>

/** Entities of a view in a snapshot; null where it cannot be read: who fills from it is told. */
async function entitiesIn({ artifacts }: PlanServices, engine: DataEngine, view: FeatureView, snapshot: Digest) {
  try {
    const plan = planView(view)
    const keys = plan.keys.map(engine.dialect.identifier).join(', ')
    const rows = await snapshotSql(engine, await artifacts.localPath(snapshot))
    const [counted] = await engine.rows(
      `SELECT count(*) AS n FROM (SELECT DISTINCT ${keys} FROM (${rows}) WHERE ${keyPresentSql(plan, engine.dialect)})`,
    )
    return Number(counted?.n)
  } catch (error) {
    if (!isLost(error)) throw error
    return null
  }
}

/** What the records of a view take, from the newest snapshot of its dataset. */
async function backfillOf(
  services: PlanServices,
  view: FeatureView,
  done: readonly Materialisation[],
): Promise<Backfill> {
  const [made] = await services.store.stepHistory(datasetStepName(view.from), 1)
  const data = made?.outputs?.data
  if (!data) return { rows: null, entities: null, seconds: null }
  const rows = typeof data.meta?.rows === 'number' ? data.meta.rows : null
  const own = done.filter(one => one.records.startsWith(`${view.name}@`))
  const entities = services.engine
    ? await entitiesIn(services, await services.engine(), view, data.digest)
    : (own[0]?.entities ?? null)
  const timed = [...own, ...done].find(one => (one.seconds ?? 0) > 0 && one.rows > 0)
  const seconds = rows === null || timed?.seconds === undefined ? null : (rows * timed.seconds) / timed.rows
  return { rows, entities, seconds }
}

function whyOf({ change, features, whole }: ViewDifference, broken: readonly FeatureChange[]): string {
  if (change === 'new') return 'was not applied yet'
  if (change === 'gone') return 'is no longer defined'
  if (change === 'none') return 'is as it was applied'
  if (broken.length > 0) {
    const names = broken.map(one => one.feature).join(', ')
    return `${names} ${broken.length === 1 ? 'is' : 'are'} gone or of another type`
  }
  const counts = (['added', 'removed', 'changed', 'retyped'] as const).flatMap(kind => {
    const n = features.filter(one => one.change === kind).length
    return n === 0 ? [] : [`${n} ${kind}`]
  })
  return [...counts, ...whole].join(', ')
}

const readerName = ({ deployment, version, arm }: FeatureReader): string => `${deployment}: ${version} (${arm})`

function changeOf(
  difference: ViewDifference,
  planned: FeatureView | undefined,
  workspace: Pick<Workspace, 'project'>,
  readers: readonly FeatureReader[],
): Omit<ViewChange, 'backfill'> {
  const { view, change } = difference
  const models = [...workspace.project.models.values()].filter(model =>
    model.views.some(one => viewOfRole(one).name === view),
  )
  const served = readers.filter(one => one.views.some(read => read.name === view))
  const features = difference.features.map((one): PlannedFeature => {
    const name = `${view}.${one.feature}`
    const list = [
      ...models.filter(model => featuresRead(model).has(name)).map(model => model.name),
      ...served.filter(reader => reader.reads.has(name)).map(readerName),
    ]
    const lost = one.change === 'removed' || one.change === 'retyped'
    return { ...one, breaking: lost && (list.length > 0 || models.length > 0) && change === 'changed', readers: list }
  })
  const broken = features.filter(one => one.breaking)
  const records = planned && recordsOf(planned)
  const isRead = models.length > 0 || served.length > 0
  return {
    view,
    change: change !== 'changed' ? change : broken.length > 0 && isRead ? 'breaking' : 'materialise',
    why: whyOf(difference, broken),
    features,
    models: models.map(model => model.name),
    served: served.map(({ deployment, arm, version, views }) => {
      const own = views.find(one => one.name === view)
      return { deployment, arm, version, reads: own && recordsOf(own) === records ? 'planned' : 'own' }
    }),
  }
}

/** What it takes to serve those views instead of what the environment serves now, and what that means to who reads them. */
export async function planViews(
  services: PlanServices,
  given: Iterable<FeatureView>,
  instead?: { readonly views: ReadonlyMap<string, FeatureView>; readonly words: string },
): Promise<PlannedViews> {
  const { store } = services
  const environment = environmentOf(services.project)
  const views = [...given]
  const { history, revision } = await appliedHistory(store, environment)
  const current = history.at(-1)
  const before = instead
    ? instead.views
    : current
      ? await viewsOfSet(store, current.set)
      : new Map<string, FeatureView>()
  const after = new Map(views.map(view => [view.name, view]))
  const readers = await featureReaders(services)
  const done = await materialisations(services)
  const changes: ViewChange[] = []
  for (const difference of viewDifferences(before, after)) {
    const planned = after.get(difference.view)
    const change = changeOf(difference, planned, services, readers)
    const isWritten = change.change !== 'none' && planned?.online === true
    changes.push({ ...change, backfill: isWritten ? await backfillOf(services, planned, done) : null })
  }
  const digest = digestJson({
    environment,
    now: views.map(view => [view.name, definitionDigest(view)]),
    before: instead ? instead.words : current ? { number: current.number, set: current.set } : null,
  })
  const breaking = changes.some(one => one.change === 'breaking')
  return {
    plan: { digest, environment, applied: current?.number ?? null, against: instead?.words ?? null, breaking, changes },
    views,
    revision,
  }
}

/** What the definitions of the project change against those that were applied. */
export async function planFeatures(
  services: PlanServices,
  instead?: Parameters<typeof planViews>[2],
): Promise<FeaturesPlan> {
  return (await planViews(services, services.project.views.values(), instead)).plan
}
