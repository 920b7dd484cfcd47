import { fail, isMillraceError, type ErrorName } from '../../errors/index.ts'

/** A table as messages name it. */
export interface TablePlace {
  readonly table: string
  /** `SQLite file shop.sqlite`; never with a password. */
  readonly place: string
  /** The dataset whose source it is. */
  readonly dataset: string | undefined
}

/** What went wrong: the database as a whole, the table alone, or that somebody holds it for longer than was waited (seconds). */
export type TableFault =
  | { readonly fault: 'databaseUnreachable' | 'tableUnreadable'; readonly reason: string }
  | { readonly fault: 'tableLocked'; readonly waited: number }

/** The catalogued error of a table that cannot be read; one that is catalogued already stays. */
export function tableFailure({ table, place, dataset }: TablePlace, found: TableFault, error: unknown): unknown {
  if (isMillraceError(error)) return error
  const { fault, ...details } = found
  const wanted = dataset === undefined ? '' : `, the source of dataset ${dataset},`
  return fail(fault satisfies ErrorName, { table, place, wanted, ...details }, error)
}
