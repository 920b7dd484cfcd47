import { viewOfRole, type FeatureView } from '../../define/features.ts'
import { fail } from '../../errors/index.ts'
import type { Micros } from '../../internal/time.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import type { OnlineStore } from '../../ports/online-store.ts'
import type { PastFeatures } from './past-features.ts'
import { planView, recordsOf, type ViewPlan } from '../features/channels.ts'
import { OnlineView } from '../features/online.ts'
import type { ReadSample } from './read-sample.ts'
import type { RowVersion } from '../log/row-version.ts'

/** Fills the records of a view that has none, for that version to read; where there is nothing to fill them from they stay empty. */
export type FillView = (view: FeatureView, reader?: ModelVersion) => Promise<void>

/** The online views of one process, each version of a definition once, whichever model versions read it. */
export class OnlineViews {
  /** Computes what the records do not reach back to. */
  readonly past: PastFeatures | undefined
  readonly #store: OnlineStore
  readonly #fill: FillView
  readonly #unreachable: 'refuse' | 'stale'
  readonly #hears: (view: OnlineView) => Promise<void>
  readonly #samples = new Map<OnlineView, ReadSample>()
  readonly #sampleOf: (plan: ViewPlan) => ReadSample | undefined
  readonly #open = new Map<string, Promise<OnlineView>>()
  readonly #opened: OnlineView[] = []

  /** `opened` hears of each view before it answers; `sampleOf` makes what keeps a sample of what is read of it. */
  constructor(
    store: OnlineStore,
    fill: FillView,
    opened: (view: OnlineView) => Promise<void> = async () => undefined,
    past?: PastFeatures,
    unreachable: 'refuse' | 'stale' = 'refuse',
    sampleOf: (plan: ViewPlan) => ReadSample | undefined = () => undefined,
  ) {
    this.#sampleOf = sampleOf
    this.#unreachable = unreachable
    this.past = past
    this.#store = store
    this.#fill = fill
    this.#hears = opened
  }

  /** The view of that definition, whichever role it is in, its records filled where there are none. Throws `invalidDefinition` where it is not kept online. */
  open(used: FeatureView, reader?: ModelVersion): Promise<OnlineView> {
    const view = viewOfRole(used)
    const records = recordsOf(view)
    let opening = this.#open.get(records)
    if (!opening) {
      opening = this.#openNew(view, reader)
      this.#open.set(records, opening)
      // What failed is tried again by the next who needs it
      opening.catch(() => this.#open.delete(records))
    }
    return opening
  }

  async #openNew(view: FeatureView, reader: ModelVersion | undefined): Promise<OnlineView> {
    if (!view.online)
      throw fail('invalidDefinition', {
        kind: 'features',
        name: view.name,
        reason: 'is not online, and a deployed model reads it',
      })
    await this.#fill(view, reader)
    const opened = new OnlineView(planView(view), this.#store, { unreachable: this.#unreachable })
    const sample = this.#sampleOf(opened.plan)
    if (sample) this.#samples.set(opened, sample)
    // From here on it hears of what is pushed; what was pushed before it reads from the log
    this.#opened.push(opened)
    await this.#hears(opened)
    return opened
  }

  /** What keeps a sample of what is read of a view; undefined where nobody asks for one. */
  sampleOf(view: OnlineView): ReadSample | undefined {
    return this.#samples.get(view)
  }

  /** Resolves when what was read so far is among what is kept. */
  async keepReads(): Promise<void> {
    await Promise.all([...this.#samples.values()].map(one => one.flush()))
  }

  /** Those that are open. */
  list(): readonly OnlineView[] {
    return this.#opened
  }

  /** Adds versions of rows to the views over a dataset, each once. Resolves when every reader sees them. */
  async push(dataset: string, versions: readonly RowVersion[], now: Micros): Promise<void> {
    const views = this.#opened.filter(view => view.plan.view.from.name === dataset)
    await Promise.all(views.map(view => view.push(versions, now)))
  }

  /** Resolves when everything pushed so far survives a crash. */
  flush(): Promise<void> {
    return this.#store.flush()
  }
}
