import type { Workspace } from '../../config/workspace.ts'
import type { Dataset } from '../../define/dataset.ts'
import type { FeatureView } from '../../define/features.ts'
import type { Micros } from '../../internal/time.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Log } from '../../ports/log.ts'
import { materialisationNamed } from '../../stages/features/materialisations.ts'
import { isTable } from '../../define/source.ts'
import { presentFiles } from '../../stages/validate/files.ts'
import { FreshnessWatch } from '../../stages/watch/freshness.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { snapshotsOf } from '../snapshots.ts'
import { notifiersOf } from './notifiers.ts'
import { isVerified, ReadVerifier } from './verifying-reads.ts'

type Services = Pick<Workspace, 'store' | 'project' | 'clock' | 'root' | 'folder'>
type UpkeptView = FeatureView & { readonly materialise: NonNullable<FeatureView['materialise']> }
type PromisedView = FeatureView & { readonly freshness: Micros }

const isKeptUp = (view: FeatureView): view is UpkeptView => view.online && view.materialise !== undefined
const isPromised = (view: FeatureView): view is PromisedView => view.online && view.freshness !== undefined

/**
 * Takes new data of a dataset in, and writes the records of the views over it that are to be kept up: so often as the quickest of
 * them says, and when its files are others than before. One at a time; what fails is told, and tried again when it is due again.
 */
export class Materialiser {
  readonly #services: Services
  readonly #dataset: Dataset
  readonly #views: readonly UpkeptView[]
  readonly #jobs: Pick<Jobs, 'start'>
  readonly #log: Log
  readonly #every: Micros
  readonly #onData: boolean
  #due: Micros | undefined
  #before: string | undefined
  #taken: string | undefined
  #work: Promise<void> | undefined

  constructor(services: Services, dataset: Dataset, views: readonly UpkeptView[], jobs: Pick<Jobs, 'start'>, log: Log) {
    this.#services = services
    this.#dataset = dataset
    this.#views = views
    this.#jobs = jobs
    this.#log = log
    this.#every = Math.min(...views.map(view => view.materialise.every ?? Number.POSITIVE_INFINITY))
    this.#onData = views.some(view => view.materialise.onData)
  }

  /** Starts the work where it is due; it goes on behind it. */
  async look(): Promise<void> {
    if (this.#work) return
    const now = this.#services.clock.now()
    const arrived = this.#onData && !isTable(this.#dataset.source) && (await this.#arrived())
    this.#due ??= Number.isFinite(this.#every) ? await this.#firstDue(now) : Number.POSITIVE_INFINITY
    if (!arrived && now < this.#due) return
    this.#due = now + this.#every
    const files = this.#before
    this.#work = this.#refresh()
      .then(() => {
        this.#taken = files
      })
      .catch((error: unknown) => {
        // The same files fail again: those that come after them are tried
        this.#taken = files
        this.#log({
          level: 'error',
          text: `the features over ${this.#dataset.name} were not kept up: ${messageOf(error)}`,
          dataset: this.#dataset.name,
        })
      })
      .finally(() => {
        this.#work = undefined
      })
  }

  /** Resolves when what is under way is over. */
  async settled(): Promise<void> {
    await this.#work
  }

  /** Files differ from those that were taken in, and two looks in a row found them so. */
  async #arrived(): Promise<boolean> {
    const files = (await presentFiles(this.#dataset, this.#services.root))
      .map(one => `${one.name} ${one.digest}`)
      .join('\n')
    const isSettled = files === this.#before
    this.#before = files
    return isSettled && files !== '' && files !== this.#taken
  }

  /** After a restart the time goes on from the last time. */
  async #firstDue(now: Micros): Promise<Micros> {
    const done = await Promise.all(this.#views.map(view => materialisationNamed(this.#services, view.name)))
    const last = Math.min(...done.map(one => one?.at ?? Number.NEGATIVE_INFINITY))
    return Number.isFinite(last) ? Math.min(now + this.#every, last + this.#every) : now
  }

  async #refresh(): Promise<void> {
    const { name } = this.#dataset
    const actor = 'schedule'
    const made = await (await this.#jobs.start('snapshot', { dataset: name }, { actor })).answer
    if (made.snapshot === null) throw new Error(made.error?.reason ?? 'its new data were refused')
    const [newest] = await snapshotsOf(this.#services, this.#dataset)
    for (const view of this.#views) {
      const done = await materialisationNamed(this.#services, view.name)
      if (done?.snapshot === newest) continue
      const [written] = await (await this.#jobs.start('materialise', { view: view.name }, { actor })).answer
      if (written)
        this.#log({ level: 'info', text: `wrote the online records of ${view.name}`, entities: written.entities })
    }
  }
}

/** What keeps the project's features up, and watches what was promised of them. */
export async function keepingFeatures(
  workspace: Workspace,
  jobs: Jobs,
  log: Log,
): Promise<readonly { look(): Promise<void> }[]> {
  const { store, clock, project, folder } = workspace
  const views = [...project.views.values()]
  const keptUp = new Map<Dataset, UpkeptView[]>()
  for (const view of views.filter(isKeptUp)) keptUp.set(view.from, [...(keptUp.get(view.from) ?? []), view])
  const watches = views.filter(isPromised).map(async view => {
    const notifiers = await notifiersOf(view.notify ?? [], log)
    return new FreshnessWatch({ store, clock, project, folder, notifiers }, view)
  })
  const verifiers = views.filter(isVerified).map(async view => {
    const notifiers = await notifiersOf(view.notify ?? [], log)
    return new ReadVerifier({ store, clock, project, notifiers }, view, jobs, log)
  })
  return [
    ...[...keptUp].map(([dataset, own]) => new Materialiser(workspace, dataset, own, jobs, log)),
    ...(await Promise.all(watches)),
    ...(await Promise.all(verifiers)),
  ]
}
