import type { Kysely } from 'kysely'
import type { Fence, MetadataStore } from '../../../ports/metadata-store.ts'
import { checkStorable } from '../../../ports/storable.ts'
import { cacheAndLineage } from './cache.ts'
import { damagedCells } from './damage.ts'
import { documents, type RunRelaxed } from './documents.ts'
import { experiments } from './experiments.ts'
import { judgements } from './judgements.ts'
import { models } from './models.ts'
import { rowReader, type RowReader } from './readable.ts'
import { runChange } from './run-change.ts'
import { runs } from './runs.ts'
import type { Schema } from './schema.ts'
import { steps } from './steps.ts'
import { tracking } from './tracking.ts'
import { hold, inTransaction } from './transaction.ts'

/** What differs between the databases beyond the SQL that Kysely writes. */
export interface Backend {
  readonly name: string
  readonly db: Kysely<Schema>
  /** Turns a driver's error into the catalogued one. */
  readonly translate: (error: unknown) => unknown
  readonly relaxed: RunRelaxed
  /** Hears of rows that cannot be read; a line on stderr by default. */
  readonly note?: (text: string) => void
  /** Ends the connections. Kysely's own `destroy` leaves those alone that no query has used yet. */
  readonly close: () => Promise<void>
}

type Methods = Omit<MetadataStore, 'name' | 'close' | 'transaction' | 'fenced'>

const methodsOn = (db: Kysely<Schema>, relaxed: RunRelaxed, read: RowReader): Methods => ({
  ...runs(db, read),
  ...steps(db, read),
  ...cacheAndLineage(db, read),
  ...judgements(db, read),
  ...models(db, read),
  ...documents(db, relaxed, read),
  ...experiments(db, read),
  ...tracking(db),
  ...runChange(db),
  damage: () => damagedCells(db),
})

/** What a fence does not concern; all else waits behind it. */
const reads: ReadonlySet<string> = new Set<keyof Methods>([
  'getRun',
  'listRuns',
  'listSteps',
  'stepHistory',
  'getCache',
  'edgesFrom',
  'edgesTo',
  'listDecisions',
  'getDecision',
  'listReports',
  'getReport',
  'getModelVersion',
  'listModelVersions',
  'aliases',
  'damage',
  'getDocument',
  'listDocuments',
  'listWindows',
  'getExperiment',
  'getExperimentByName',
  'listExperiments',
  'runParams',
  'runTags',
  'latestMetrics',
  'metricHistory',
])

type Call = (...given: unknown[]) => Promise<unknown>

/** The one implementation of the metadata store, over whichever database `backend` speaks to. */
export function sqlStore(backend: Backend): MetadataStore {
  const { name, translate, close } = backend
  const read = rowReader(backend)
  const within = <T>(db: Kysely<Schema>, fence: Fence | undefined, work: (db: Kysely<Schema>) => Promise<T>) =>
    inTransaction(db, async trx => {
      if (fence) await hold(trx, fence)
      return work(trx)
    })

  const over = (db: Kysely<Schema>, relaxed: RunRelaxed, fence: Fence | undefined): MetadataStore => {
    const plain = methodsOn(db, relaxed, read) as unknown as Record<string, Call>
    const guarded = (method: string): Call =>
      fence === undefined || reads.has(method)
        ? (plain[method] as Call)
        : (...given) =>
            within(db, fence, trx => {
              const one = methodsOn(trx, work => work(trx), read) as unknown as Record<string, Call>
              return (one[method] as Call)(...given)
            })
    const translated = Object.fromEntries(
      Object.keys(plain).map(method => {
        const run = guarded(method)
        return [
          method,
          async (...given: unknown[]) => {
            checkStorable(method, given)
            try {
              return await run(...given)
            } catch (error) {
              throw translate(error)
            }
          },
        ]
      }),
    ) as unknown as Methods
    return {
      ...translated,
      name,
      close,
      fenced: one => over(db, relaxed, one),
      async transaction(work) {
        try {
          return await within(db, fence, trx => work(over(trx, one => one(trx), undefined)))
        } catch (error) {
          throw translate(error)
        }
      },
    }
  }
  return over(backend.db, backend.relaxed, undefined)
}
