import type { ColumnType } from './expression/dialect.ts'

/**
 * How the values of a column stand in a source, by what a declared type has to know of them:
 * `int32` whole numbers of 32 bits or fewer (signed, or unsigned) · `int64` · `wide` whole numbers that need more
 * (uint64, decimals of scale 0) · `decimal` with digits after the point · `float` of any width · `text` · `bool` · `date` ·
 * `local` a time without a zone · `instant` a time with one · `list` a list of numbers · `written` text that is to be read as what is declared ·
 * `nothing` a column of a type that has no values.
 */
export type StoredKind =
  | 'int32'
  | 'int64'
  | 'wide'
  | 'decimal'
  | 'float'
  | 'text'
  | 'bool'
  | 'date'
  | 'local'
  | 'instant'
  | 'list'
  | 'written'
  | 'nothing'

/** `exact`: every value becomes itself. `checked`: a value that the declared type does not hold is unreadable. */
export type ReadMode = 'exact' | 'checked'

const all = { int: 'exact', float: 'exact', text: 'exact', bool: 'exact', timestamp: 'exact', vector: 'exact' } as const

/** What is not here is refused: the column is of another type. */
export const readings: Readonly<Record<StoredKind, Readonly<Partial<Record<ColumnType, ReadMode>>>>> = {
  int32: { int: 'exact', float: 'exact' },
  int64: { int: 'exact', float: 'checked' },
  // no declared number holds all of them: as keys they are text, digit by digit
  wide: { int: 'checked', float: 'checked', text: 'exact' },
  // the nearest float, as of a number in a text
  decimal: { float: 'exact', text: 'exact' },
  float: { float: 'exact' },
  text: { text: 'exact' },
  bool: { bool: 'exact' },
  date: { timestamp: 'checked' },
  local: { timestamp: 'checked' },
  instant: { timestamp: 'checked' },
  list: { vector: 'checked' },
  written: {
    int: 'checked',
    float: 'checked',
    text: 'exact',
    bool: 'checked',
    timestamp: 'checked',
    vector: 'checked',
  },
  nothing: all,
}

/** How a column of that kind is read as a declared type; undefined where it is not. */
export function readingOf(stored: StoredKind | undefined, declared: ColumnType): ReadMode | undefined {
  return stored === undefined ? undefined : readings[stored][declared]
}
