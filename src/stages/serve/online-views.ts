import type { FeatureView } from '../../define/features.ts'
import { fail } from '../../errors/index.ts'
import type { Value } from '../../ports/data-engine.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import type { OnlineStore } from '../../ports/online-store.ts'
import { planView, recordsOf } from '../features/channels.ts'
import { OnlineView } from '../features/online.ts'

/** Fills the records of a view that has none, for that version to read; where there is nothing to fill them from they stay empty. */
export type FillView = (view: FeatureView, reader?: ModelVersion) => Promise<void>

/** The online views of one process, each version of a definition once, whichever model versions read it. */
export class OnlineViews {
  readonly #store: OnlineStore
  readonly #fill: FillView
  readonly #open = new Map<string, Promise<OnlineView>>()
  readonly #opened: OnlineView[] = []

  constructor(store: OnlineStore, fill: FillView) {
    this.#store = store
    this.#fill = fill
  }

  /** The view of that definition, its records filled where there are none. Throws `invalidDefinition` where it is not kept online. */
  open(view: FeatureView, reader?: ModelVersion): Promise<OnlineView> {
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
    const opened = new OnlineView(planView(view), this.#store)
    this.#opened.push(opened)
    return opened
  }

  /** Those that are open. */
  list(): readonly OnlineView[] {
    return this.#opened
  }

  /** Adds rows to the views over a dataset, in memory; `flush` makes them durable. */
  push(dataset: string, rows: readonly Readonly<Record<string, Value>>[]): void {
    for (const view of this.#opened) if (view.plan.view.from.name === dataset) view.push(rows)
  }

  async flush(): Promise<void> {
    for (const view of this.#opened) await view.flush()
  }
}
