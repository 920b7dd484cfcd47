import type { Deployment } from '../../define/deployment.ts'
import { definitionBrand } from '../../define/named.ts'
import { fail } from '../../errors/index.ts'
import type { FeatureView } from '../../define/features.ts'
import type { Project } from '../../define/project.ts'
import type { Micros } from '../../internal/time.ts'
import type { Row } from '../../ports/data-engine.ts'
import type { OnlineStore } from '../../ports/online-store.ts'
import { materialisationOf } from '../features/materialisations.ts'
import type { OnlineView } from '../features/online.ts'
import { unlogged, type RowVersion } from '../log/row-version.ts'
import { DatasetLogs, type PushResult, type PushedRows } from '../log/take-rows.ts'
import type { Dataset } from '../../define/dataset.ts'
import { PastFeatures, rowOfFile } from './past-features.ts'
import type { StageServices } from '../services.ts'
import { ReadSample } from './read-sample.ts'
import { readFeatures } from './read-features.ts'
import { readPart } from '../register/version-parts.ts'
import { LiveDeployment } from './deployment.ts'
import { type FillView, OnlineViews } from './online-views.ts'
import { ServedViews } from './served-views.ts'
import { versionUnknown } from './served-version.ts'
import { recordWithdrawn, stableDocuments } from './stable-record.ts'
import type { EntityFeatures, Serving } from './types.ts'

const dayMicros = 86_400_000_000
/** Of a deployment that was recorded before there were contests. */
const maxContest = 14 * dayMicros

/** A deployment that was and cannot be told any more. */
export interface LostDeployment {
  readonly name: string
  readonly error: unknown
}

/** Everything that one process serves: its online views and its deployments. */
export class LiveServing implements Serving {
  readonly views: OnlineViews
  readonly deployments: Map<string, LiveDeployment>

  /** Deployments that the project declares no more and that cannot be read: nobody hears of them otherwise. */
  readonly lost: readonly LostDeployment[]
  readonly #served: ServedViews
  readonly #services: StageServices
  readonly #logs: DatasetLogs

  private constructor(
    views: OnlineViews,
    deployments: Map<string, LiveDeployment>,
    lost: readonly LostDeployment[],
    services: StageServices,
    logs: DatasetLogs,
  ) {
    this.views = views
    this.#logs = logs
    this.deployments = deployments
    this.lost = lost
    this.#services = services
    this.#served = new ServedViews(services, view => views.open(view))
  }

  /**
   * Opens the project's deployments as the store says that they were, and those that were deployed and are declared no more:
   * what was deployed answers until somebody ends it. One that cannot be loaded is down, and the others are not.
   * `fill` fills the online records of a view that has none.
   */
  static async open(
    services: StageServices,
    online: OnlineStore,
    fill: FillView = async () => undefined,
  ): Promise<LiveServing> {
    const { project } = services
    const { views, logs } = openOnline(services, online, fill)
    // What is pushed counts for the next model as well, though none reads it yet
    for (const view of project.views.values()) if (view.online) await views.open(view)
    const deployments = new Map<string, LiveDeployment>()
    const { kept, lost } = await undeclared(services)
    for (const definition of [...project.deployments.values(), ...kept]) {
      const monitor = [...project.monitors.values()].find(one => one.deployment.name === definition.name)
      const live = new LiveDeployment(services, definition, views, monitor?.labelHorizon ?? 2 * dayMicros)
      await live.restore()
      live.isRolling = name => deployments.get(name)?.rolling === true
      deployments.set(definition.name, live)
    }
    return new LiveServing(views, deployments, lost, services, logs)
  }

  list(): readonly LiveDeployment[] {
    return [...this.deployments.values()]
  }

  get(name: string): LiveDeployment | undefined {
    return this.deployments.get(name)
  }

  async end(name: string, actor: string): Promise<void> {
    const ended = this.deployments.get(name)
    if (ended) await ended.withdraw(actor)
    else if (this.lost.some(one => one.name === name)) await recordWithdrawn(this.#services, name, undefined, actor)
    else throw fail('nothingToEnd', { deployment: name })
    // One that is declared can be deployed again
    if (!this.#services.project.deployments.has(name)) this.deployments.delete(name)
  }

  /** Rows for the online features of a dataset, kept in no log. Every reader sees them; `flush` waits for the disk. */
  async take(dataset: string, rows: readonly Row[]): Promise<number> {
    await this.views.push(dataset, unlogged(rows), this.#services.clock.now())
    return rows.length
  }

  flush(): Promise<void> {
    return this.views.flush()
  }

  push(dataset: Dataset, rows: PushedRows): Promise<PushResult> {
    return this.#logs.push(dataset, rows)
  }

  featureViews(): Promise<ReadonlyMap<string, FeatureView>> {
    return this.#served.current()
  }

  followApplied(): Promise<void> {
    return this.#served.look()
  }

  async features(view: FeatureView, rows: readonly Row[], at: Micros): Promise<readonly EntityFeatures[]> {
    const opened = await this.views.open(view)
    const found = await readFeatures(opened, this.views.past, rows, at, this.views.sampleOf(opened))
    // Definitions that differ only in the order of their features share their records, and whoever opened them first
    const places = Object.keys(view.features).map(name => opened.plan.features.findIndex(one => one.name === name))
    if (places.every((place, i) => place === i)) return found
    return found.map(one => ({ ...one, values: places.map(place => one.values[place] ?? null) }))
  }

  async close(): Promise<void> {
    await this.flush()
    await this.views.keepReads()
    await this.#logs.close()
    for (const deployment of this.deployments.values()) await deployment.close()
  }
}

/** Online views and the logs that tell them what is pushed, each opened when it is first asked for. */
export function openOnline(
  services: StageServices,
  online: OnlineStore,
  fill: FillView,
): { readonly views: OnlineViews; readonly logs: DatasetLogs } {
  const views: OnlineViews = new OnlineViews(
    online,
    fill,
    view => catchUp(view, logs, services),
    new PastFeatures(services),
    unreachableOf(services.project),
    plan => {
      const rule = services.project.views.get(plan.view.name)?.verify
      return rule && new ReadSample(services, plan, rule)
    },
  )
  const logs: DatasetLogs = new DatasetLogs(
    services,
    async (dataset, versions) => {
      await views.push(dataset.name, versions, services.clock.now())
      await views.flush()
    },
    (dataset, key) => rowOfFile(services, dataset, key),
  )
  return { views, logs }
}

/** What is answered while the online store is away; one on this machine never is. */
function unreachableOf({ settings }: Project): 'refuse' | 'stale' {
  const online = settings?.online
  return online && online.kind !== 'lmdb' ? (online.unreachable ?? 'refuse') : 'refuse'
}

/** Versions that a view is told at a time when it opens. */
const toldAtATime = 5_000

/** Tells a view what came to the log since its records were made: whoever took it may have died before it told anybody. */
async function catchUp(view: OnlineView, logs: DatasetLogs, services: StageServices): Promise<void> {
  const { from } = view.plan.view
  const since = (await materialisationOf(services, view.plan.view))?.seq ?? 0
  let waiting: RowVersion[] = []
  const tell = async (): Promise<void> => {
    await view.push(waiting, services.clock.now())
    waiting = []
  }
  for await (const version of logs.after(from, since)) if (waiting.push(version) >= toldAtATime) await tell()
  await tell()
}

/** Deployments that the project declares no more, as the record of their stable version has them. */
async function undeclared({
  project,
  store,
  artifacts,
}: StageServices): Promise<{ readonly kept: readonly Deployment[]; readonly lost: readonly LostDeployment[] }> {
  const kept: Deployment[] = []
  const lost: LostDeployment[] = []
  for (const { id: name, value } of await stableDocuments(store)) {
    if (project.deployments.has(name)) continue
    try {
      const record = await store.getModelVersion(value.model, value.version)
      if (!record) throw await versionUnknown(store, value.model, value.version)
      const model = await readPart({ artifacts }, record, 'declaration')
      const { canary, stickyBy, segments = [] } = value.declared
      kept.push({ [definitionBrand]: 'deployment', name, model, canary: { maxContest, ...canary }, stickyBy, segments })
    } catch (error) {
      lost.push({ name, error })
    }
  }
  return { kept, lost }
}
