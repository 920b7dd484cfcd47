import type { Trial } from './trial.ts'
import type { RequestColumn } from './types.ts'

type Columns = readonly RequestColumn[]

/** The columns of requests, made once for as long as the versions are the same: each request asks. */
export class KnownColumns {
  #made: { readonly demanded: Columns; readonly tried: object; readonly all: Columns } | undefined

  /** What stable demands, and what only those read that are tried: who does not send that yet is answered all the same. */
  of(demanded: Columns, tried: readonly Pick<Trial, 'arm'>[]): Columns {
    if (this.#made?.demanded === demanded && this.#made.tried === tried) return this.#made.all
    const known = new Map(demanded.map(column => [column.name, column]))
    for (const { arm } of tried)
      for (const column of arm.encoder.columns)
        if (!known.has(column.name)) known.set(column.name, { ...column, nullable: true })
    const all = known.size === demanded.length ? demanded : [...known.values()]
    this.#made = { demanded, tried, all }
    return all
  }
}
