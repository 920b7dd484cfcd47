export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

/**
 * A cell as the binding gives it whole: a text with a NUL would end there, so it comes as its bytes. A BLOB is no text: it
 * is shown as SQLite writes it, `x'6162'`, and told by `isBlob`.
 */
export const cellOf = (sql: string): string =>
  `CASE typeof(${sql}) WHEN 'blob' THEN 'x''' || lower(hex(${sql})) || '''' WHEN 'text' THEN CASE WHEN instr(${sql}, char(0)) > 0 THEN CAST(${sql} AS BLOB) ELSE ${sql} END ELSE ${sql} END`

export const isBlob = (sql: string): string => `typeof(${sql}) = 'blob'`

/** Name of the column that says whether a cell is a BLOB. */
export const blobName = (column: string): string => `${column}?blob`

/** Reads a `cellOf`, whatever its own type, as text that reads back the same. Integers come as bigint. */
export type ReadCell = (cell: unknown) => string | null

/** `encoding`: of the database, as its pragma says: of texts that come as bytes. */
export function cellReader(encoding: string): ReadCell {
  const decoder = new TextDecoder(encoding.toLowerCase(), { ignoreBOM: true })
  return cell => {
    if (cell === null || cell === undefined) return null
    if (cell instanceof Uint8Array) return decoder.decode(cell)
    if (typeof cell === 'number' && Number.isInteger(cell)) return cell.toFixed(1)
    return String(cell)
  }
}
