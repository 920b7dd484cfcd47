import type { FeatureView } from '../../define/features.ts'
import type { Digest } from '../../internal/digest.ts'
import { appliedHistory, environmentOf, viewsOfSet } from '../features/applied.ts'
import type { StageServices } from '../services.ts'

/** So long (milliseconds) nobody looks again whether other views were applied. */
const lookMs = 200

/** So long (milliseconds) a request waits for views that were just applied; then it is answered by those before. */
const patienceMs = 1_000

type ViewSet = ReadonlyMap<string, FeatureView>

/**
 * The feature views by name that this process answers with: those that were applied, and what the project declares beside them.
 * A set is replaced by the next one as a whole, once all of its views are open, so that no answer is made of both.
 */
export class ServedViews {
  readonly #services: Pick<StageServices, 'store' | 'project'>
  readonly #open: (view: FeatureView) => Promise<unknown>
  #views: ViewSet
  #set: Digest | undefined
  #lookedAt = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined

  /** `open` makes a view ready to answer. */
  constructor(
    services: Pick<StageServices, 'store' | 'project'>,
    open: (view: FeatureView) => Promise<unknown> = async () => undefined,
  ) {
    this.#services = services
    this.#open = open
    this.#views = services.project.views
  }

  /** The set to answer one request with. */
  async current(): Promise<ViewSet> {
    if (performance.now() - this.#lookedAt < lookMs) return this.#views
    const looking = (this.#looking ??= this.look().finally(() => {
      this.#looking = undefined
    }))
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>(resolve => {
      timer = setTimeout(resolve, patienceMs)
    })
    await Promise.race([looking, patience]).finally(() => clearTimeout(timer))
    return this.#views
  }

  /** Looks at once. */
  async look(): Promise<void> {
    const { store, project } = this.#services
    const { history } = await appliedHistory(store, environmentOf(project))
    const set = history.at(-1)?.set
    if (set !== undefined && set !== this.#set) {
      const views = new Map([...project.views, ...(await viewsOfSet(store, set))])
      for (const view of views.values()) if (view.online) await this.#open(view)
      this.#views = views
      this.#set = set
    }
    this.#lookedAt = performance.now()
  }
}
