import type { Dataset } from '../../define/dataset.ts'
import type { FeatureView } from '../../define/features.ts'
import { formatTime, asDuration, spanInWords, type Micros } from '../../internal/time.ts'
import { inEnvironment } from '../features/applied.ts'
import { materialisationNamed } from '../features/materialisations.ts'
import { DatasetLog } from '../log/dataset-log.ts'
import { logFolder } from '../log/log-table.ts'
import type { StageServices } from '../services.ts'
import { concludeAlert } from './conclude-alert.ts'
import type { MonitorServices } from './record.ts'

/** What is known of a promise. */
export interface Freshness {
  /** The newest event that the features know of; null where nothing was written yet. */
  readonly newest: Micros | null
  readonly promise: Micros
  readonly isBroken: boolean
}

export const freshnessKind = 'feature-freshness'

/** So often (microseconds) it is looked at. */
const every = 5_000_000

type Services = MonitorServices & Pick<StageServices, 'project' | 'folder'>

/** Events of a time to come that are remembered until then, the nearest: a clock that is ahead sends few, a wrong one many. */
const maxAhead = 1_000

/** The newest event of what was pushed, read on from where the last look was. */
class LoggedEvents {
  #seq = 0
  #newest = Number.NEGATIVE_INFINITY
  #ahead: readonly Micros[] = []

  async newestBy(now: Micros, { folder, clock }: Services, dataset: Dataset): Promise<Micros | undefined> {
    const place = logFolder(folder, dataset.name)
    if (!(await DatasetLog.exists(place))) return undefined
    const log = await DatasetLog.open(place, dataset, { clock })
    const ahead = [...this.#ahead]
    try {
      for await (const { row, seq, gone } of log.read(this.#seq)) {
        this.#seq = seq
        const event = Number(row[dataset.eventTime as string] ?? Number.NaN)
        if (gone) continue
        if (event > now) ahead.push(event)
        else if (event > this.#newest) this.#newest = event
      }
    } finally {
      await log.close()
    }
    const come = ahead.filter(event => event <= now)
    this.#newest = Math.max(this.#newest, ...come)
    this.#ahead = ahead
      .filter(event => event > now)
      .sort((a, b) => a - b)
      .slice(0, maxAhead)
    return Number.isFinite(this.#newest) ? this.#newest : undefined
  }
}

/** Watches the promise of one view: the look at which it is broken alerts, the first at which it is kept resolves. */
export class FreshnessWatch {
  readonly #services: Services
  readonly #view: FeatureView & { readonly freshness: Micros }
  readonly #logged = new LoggedEvents()
  #last = Number.NEGATIVE_INFINITY
  #stored = ''

  constructor(services: Services, view: FeatureView & { readonly freshness: Micros }) {
    this.#services = services
    this.#view = view
  }

  async look(): Promise<void> {
    const { clock, store, project } = this.#services
    const now = clock.now()
    if (now >= this.#last && now - this.#last < every) return
    this.#last = now
    const newest = await this.#newest(now)
    const { name, freshness: promise } = this.#view
    const found: Freshness = {
      newest: newest ?? null,
      promise,
      isBroken: newest === undefined || now - newest > promise,
    }
    await this.#conclude(found, now)
    const stored = JSON.stringify(found)
    if (stored === this.#stored) return
    // What is lost by a power cut is found again at the next look
    await store.putDocument(freshnessKind, inEnvironment(project, name), { ...found }, now, undefined, true)
    this.#stored = stored
  }

  async #newest(now: Micros): Promise<Micros | undefined> {
    const done = await materialisationNamed(this.#services, this.#view.name)
    const ofFiles = done && Math.min(done.newest ?? done.until, done.until)
    // Only where files alone are too old for it: a log is long
    if (ofFiles !== undefined && now - ofFiles <= this.#view.freshness) return ofFiles
    const pushed = await this.#logged.newestBy(now, this.#services, this.#view.from)
    return pushed === undefined || (ofFiles !== undefined && ofFiles > pushed) ? ofFiles : pushed
  }

  async #conclude({ newest, promise, isBroken }: Freshness, now: Micros): Promise<void> {
    const { project } = this.#services
    const view = inEnvironment(project, this.#view.name)
    const age = newest === null ? null : now - newest
    const known =
      newest === null
        ? 'have no records yet'
        : `know of nothing after ${formatTime(newest)}, ${spanInWords(now - newest)} ago`
    const summary = isBroken
      ? `the features of ${view} ${known}: ${asDuration(promise)} are promised`
      : `the features of ${view} are as fresh as promised again`
    const rule = {
      name: 'freshness',
      statistic: 'seconds since the newest event',
      ...(age === null ? {} : { value: age / 1e6 }),
      threshold: promise / 1e6,
    }
    const inputs = { newest, promise }
    await concludeAlert(
      this.#services,
      { alert: 'feature freshness', about: { view }, isBroken, summary, rule, inputs },
      now,
    )
  }
}

/** Promises of the project's views as they were last looked at, by view. */
export async function freshnessOf({
  store,
  project,
}: Pick<StageServices, 'store' | 'project'>): Promise<ReadonlyMap<string, Freshness>> {
  const promised = [...project.views.values()].filter(view => view.freshness !== undefined)
  if (promised.length === 0) return new Map()
  const kept = new Map(
    (await store.listDocuments(freshnessKind)).map(one => [one.id, one.value as unknown as Freshness]),
  )
  return new Map(
    promised.flatMap(({ name }) => {
      const found = kept.get(inEnvironment(project, name))
      return found ? [[name, found] as const] : []
    }),
  )
}
