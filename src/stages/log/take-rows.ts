import type { Dataset } from '../../define/dataset.ts'
import { fail } from '../../errors/index.ts'
import { digestJson } from '../../internal/digest.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Micros } from '../../internal/time.ts'
import type { Row } from '../../ports/data-engine.ts'
import { type Deliver, Delivery } from './delivery.ts'
import { DatasetLog, type Arrival } from './dataset-log.ts'
import { rowJudge, type BrokenExpectation, type JudgedRow, type RowJudge } from './judge-rows.ts'
import { logFolder, type LogServices } from './log-table.ts'
import { unlogged, type RowVersion } from './row-version.ts'

/** Rows that are pushed, as one request. */
export interface PushedRows {
  /** Rows as their columns declare them: new ones, and other versions of those that are there. */
  readonly rows: readonly Row[]
  /** Keys of rows that are taken back. */
  readonly gone?: readonly Row[]
  /** From when all of it was known (default: rows as the dataset declares, later versions when they arrive). */
  readonly known?: Micros
  /** The sender's id of the request: sent again with the same rows it changes nothing. */
  readonly id?: string
}

export interface PushResult {
  /** Rows, versions and takings-back that are new. */
  readonly accepted: number
  /** Those that were there just so. */
  readonly repeated: number
  /** Rows that break critical expectations: neither trained on nor served; told to the sender, and not kept. */
  readonly rejected: readonly { readonly row: number; readonly broken: readonly BrokenExpectation[] }[]
  /** Accepted ones that break a warning, or an expectation that tolerates some. */
  readonly warned: readonly { readonly row: number; readonly broken: readonly BrokenExpectation[] }[]
  /** Keys to be taken back that no row has. */
  readonly unknown: number
  /** Whether they are kept for training; those of a dataset that is encrypted at rest are only served. */
  readonly logged: boolean
}

interface OpenLog {
  readonly log: DatasetLog
  readonly judge: RowJudge
  readonly delivery: Delivery
}

/** The logs of a project's datasets in this process, opened when they are first written to. */
export class DatasetLogs {
  readonly #services: Pick<LogServices, 'folder' | 'clock'>
  readonly #deliver: Deliver
  readonly #find: (dataset: Dataset, key: Row) => Promise<Row | undefined>
  readonly #onDamage: (error: Error) => void
  readonly #open = new Map<string, Promise<OpenLog>>()

  /** `find` gives the row of a key that came by file. */
  constructor(
    services: Pick<LogServices, 'folder' | 'clock'>,
    deliver: Deliver,
    find: (dataset: Dataset, key: Row) => Promise<Row | undefined>,
    onDamage: (error: Error) => void = () => undefined,
  ) {
    this.#services = services
    this.#deliver = deliver
    this.#find = find
    this.#onDamage = onDamage
  }

  #of(dataset: Dataset): Promise<OpenLog> {
    const found = this.#open.get(dataset.name)
    if (found) return found
    const { folder, clock } = this.#services
    const opening = DatasetLog.open(logFolder(folder, dataset.name), dataset, { clock, onDamage: this.#onDamage }).then(
      log => ({ log, judge: rowJudge(dataset), delivery: new Delivery(dataset, this.#deliver) }),
    )
    this.#open.set(dataset.name, opening)
    opening.catch(() => this.#open.delete(dataset.name))
    return opening
  }

  /**
   * Takes rows into a dataset: judged one by one, appended to its log, and told to whoever serves. Resolves when they survive a
   * crash. Throws `rowsRejected` where nothing of it can be taken, or where the dataset sets no rows aside.
   */
  async push(dataset: Dataset, pushed: PushedRows): Promise<PushResult> {
    const { log, judge, delivery } = await this.#of(dataset)
    const judged = pushed.rows.map(row => withKey(dataset, judge(row)))
    const rejected = judged.flatMap(({ broken }, row) => (broken.length > 0 ? [{ row, broken }] : []))
    const warned = judged.flatMap(({ broken, warned: list }, row) =>
      broken.length === 0 && list.length > 0 ? [{ row, broken: list }] : [],
    )
    const [first] = rejected
    const refusesWhole = dataset.quarantine === false || rejected.length === pushed.rows.length
    if (first && refusesWhole && (pushed.gone ?? []).length === 0)
      throw fail('rowsRejected', {
        dataset: dataset.name,
        row: first.row,
        rules: first.broken.map(one => `${one.check} (${one.says})`).join(', '),
        rejected: rejected.length,
        rows: pushed.rows.length,
      })
    const good = judged.filter(one => one.broken.length === 0).map(one => one.row)
    const { arrivals: gone, unknown } = await this.#goneRows(dataset, log, pushed)
    const said = { rejected, warned, unknown }
    if (dataset.encryptWith !== undefined) {
      await delivery.tell(unlogged(good))
      return { accepted: good.length, repeated: 0, ...said, logged: false }
    }
    const known = pushed.known === undefined ? {} : { known: pushed.known }
    const request = pushed.id === undefined ? undefined : { id: pushed.id, digest: digestOf(pushed) }
    const arrivals: Arrival[] = [...good.map(row => ({ row, ...known })), ...gone]
    const { versions, added, repeated } = await log.append(arrivals, request)
    await delivery.tell(versions)
    return { accepted: added, repeated, ...said, logged: true }
  }

  /** The rows that are to be taken back, as they are now. */
  async #goneRows(
    dataset: Dataset,
    log: DatasetLog,
    { gone = [], known }: PushedRows,
  ): Promise<{ readonly arrivals: readonly Arrival[]; readonly unknown: number }> {
    if (gone.length > 0 && dataset.key.length === 0) throw fail('datasetWithoutKey', { dataset: dataset.name })
    const arrivals: Arrival[] = []
    for (const key of gone) {
      const row = log.newest(key)?.row ?? (await this.#find(dataset, key))
      if (row) arrivals.push({ row, gone: true, ...(known === undefined ? {} : { known }) })
    }
    return { arrivals, unknown: gone.length - arrivals.length }
  }

  /** Every version after a place, as it is on disk; for who was away. */
  async *after(dataset: Dataset, seq: number): AsyncGenerator<RowVersion> {
    const { folder } = this.#services
    if (!(await DatasetLog.exists(logFolder(folder, dataset.name)))) return
    const { log } = await this.#of(dataset)
    yield* log.read(seq)
  }

  async close(): Promise<void> {
    for (const opening of this.#open.values()) await (await opening.catch(() => undefined))?.log.close()
    this.#open.clear()
  }
}

/** A row that its key does not name cannot be corrected, nor told from one that comes again. */
function withKey(dataset: Dataset, judged: JudgedRow): JudgedRow {
  const missing = dataset.key.filter(name => (judged.row[name] ?? null) === null)
  return missing.length === 0
    ? judged
    : {
        ...judged,
        broken: [
          ...judged.broken,
          { check: 'key', says: `${missing.join(', ')} is not null, for it is part of the key` },
        ],
      }
}

function digestOf({ rows, gone = [], known }: PushedRows): string {
  const plain = (row: Row): Json =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
    )
  return digestJson({ rows: rows.map(plain), gone: gone.map(plain), known: known ?? null })
}
