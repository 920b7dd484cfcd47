import type { Decision } from '../../define/decision.ts'
import type { Report } from '../../define/report.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Digest } from '../../internal/digest.ts'
import type { StageServices } from '../services.ts'

/** What became of a file's content. */
export interface IngestRecord {
  readonly dataset: string
  readonly digest: Digest
  /** As it was called when it first came. */
  readonly name: string
  readonly verdict: 'passed' | 'quarantined' | 'refused'
  readonly reason: string
  /** Digest of the dataset's definition that it was judged by. */
  readonly definition: Digest
  readonly rows: number
  /** Rows that no snapshot takes. */
  readonly quarantined: number
  readonly report: string
  readonly decision: string
  /** Where it lies in the dataset, relative to the project folder; null when it was refused. */
  readonly place: string | null
}

/** A verdict with its report and decision, before all of it is known to have had its effects. */
interface DecidedIngest {
  readonly state: 'decided'
  readonly result: IngestRecord
  readonly report: Report
  readonly decision: Decision
}

export type Entry = DecidedIngest | { readonly state: 'done'; readonly result: IngestRecord }

const kindOf = (dataset: string): string => `ingest:${dataset}`

/**
 * What makes an ingestion happen once for each content: the verdict is written first, whole and in one step, and its effects
 * can be repeated. A process that dies before has done nothing; one that dies after is followed by one that finishes.
 */
export class IngestJournal {
  readonly #services: Pick<StageServices, 'store' | 'clock'>
  readonly #dataset: string

  constructor(services: Pick<StageServices, 'store' | 'clock'>, dataset: string) {
    this.#services = services
    this.#dataset = dataset
  }

  async find(digest: Digest): Promise<Entry | undefined> {
    const found = await this.#services.store.getDocument<Json>(kindOf(this.#dataset), digest)
    return found?.value as unknown as Entry | undefined
  }

  async decide(result: IngestRecord, report: Report, decision: Decision): Promise<DecidedIngest> {
    const entry: DecidedIngest = { state: 'decided', result, report, decision }
    await this.#put(result.digest, entry)
    return entry
  }

  /** Makes report and decision known, where an earlier attempt did not. */
  async tell({ report, decision }: DecidedIngest): Promise<void> {
    const { store } = this.#services
    if (!(await store.getReport(report.id))) await store.addReport(report)
    if (!(await store.getDecision(decision.id))) await store.addDecision(decision)
  }

  async done(result: IngestRecord): Promise<void> {
    await this.#put(result.digest, { state: 'done', result })
  }

  async #put(digest: Digest, entry: Entry): Promise<void> {
    const { store, clock } = this.#services
    await store.putDocument(kindOf(this.#dataset), digest, entry as unknown as Json, clock.now())
  }
}
