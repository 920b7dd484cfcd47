import { fail } from '../../../errors/catalogue.ts'

/** Makes records of rows. A row that cannot be read ends no list: it is left out, and named once. */
export interface RowReader {
  /** Throws `rowUnreadable`. */
  one<R extends object, T>(kind: string, id: string, row: R, make: (row: R) => T): T
  list<R extends object, T>(kind: string, rows: readonly R[], idOf: (row: R) => string, make: (row: R) => T): T[]
}

/** A store that was damaged, or written by something else, may hold what this Millrace would refuse to write. */
function checked<R extends object, T>(row: R, make: (row: R) => T): T {
  for (const [name, value] of Object.entries(row))
    if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new RangeError(`${name} is ${value}`)
  return make(row)
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 200)

/** `note` hears of each row once. */
export function rowReader({
  name,
  note = text => void process.stderr.write(`! ${text}\n`),
}: {
  readonly name: string
  readonly note?: (text: string) => void
}): RowReader {
  const told = new Set<string>()
  const tell = (kind: string, id: string, error: unknown): void => {
    const place = `${kind} ${id}`
    if (told.has(place) || told.size > 1000) return
    told.add(place)
    const { code, message, hint } = fail('rowUnreadable', { kind, id, store: name, reason: reasonOf(error) })
    note(`${code} ${message} ${hint}`)
  }
  return {
    one(kind, id, row, make) {
      try {
        return checked(row, make)
      } catch (error) {
        throw fail('rowUnreadable', { kind, id, store: name, reason: reasonOf(error) }, error)
      }
    },
    list(kind, rows, idOf, make) {
      return rows.flatMap(row => {
        try {
          return [checked(row, make)]
        } catch (error) {
          tell(kind, idOf(row), error)
          return []
        }
      })
    },
  }
}
