import type { Kysely } from 'kysely'
import type { MetadataStore } from '../../../ports/metadata-store.ts'
import { checkStorable } from '../../../ports/storable.ts'
import { cacheAndLineage } from './cache.ts'
import { documents, type Relaxed } from './documents.ts'
import { experiments } from './experiments.ts'
import { judgements } from './judgements.ts'
import { models } from './models.ts'
import { rowReader } from './readable.ts'
import { runChange } from './run-change.ts'
import { runs } from './runs.ts'
import type { Schema } from './schema.ts'
import { steps } from './steps.ts'
import { tracking } from './tracking.ts'

/** What differs between the databases beyond the SQL that Kysely writes. */
export interface Backend {
  readonly name: string
  readonly db: Kysely<Schema>
  /** Turns a driver's error into the catalogued one. */
  readonly translate: (error: unknown) => unknown
  readonly relaxed: Relaxed
  /** Hears of rows that cannot be read; a line on stderr by default. */
  readonly note?: (text: string) => void
  /** Ends the connections. Kysely's own `destroy` leaves those alone that no query has used yet. */
  readonly close: () => Promise<void>
}

/** The one implementation of the metadata store, over whichever database `backend` speaks to. */
export function sqlStore(backend: Backend): MetadataStore {
  const { db, translate } = backend
  const read = rowReader(backend)
  const methods: Omit<MetadataStore, 'name' | 'close'> = {
    ...runs(db, read),
    ...steps(db, read),
    ...cacheAndLineage(db),
    ...judgements(db, read),
    ...models(db, read),
    ...documents(db, backend.relaxed, read),
    ...experiments(db, read),
    ...tracking(db),
    ...runChange(db),
  }
  const translated = Object.fromEntries(
    Object.entries(methods).map(([name, method]) => [
      name,
      async (...given: unknown[]) => {
        checkStorable(name, given)
        try {
          return await (method as (...all: unknown[]) => Promise<unknown>)(...given)
        } catch (error) {
          throw translate(error)
        }
      },
    ]),
  ) as unknown as typeof methods
  return { ...translated, name: backend.name, close: backend.close }
}
