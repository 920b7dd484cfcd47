/** A cell of a text; null for one in which nothing stands, not even quotes. */
export type Cell = string | null

/** Why a text is no CSV: the line, from 1, and the reason. */
export interface CsvFault {
  readonly line: number
  readonly reason: string
}

/**
 * The lines of a CSV text (RFC 4180: commas, double quotes, any end of line). The end of the last line may be missing; lines
 * in which nothing stands are none.
 */
export function cellsOf(text: string): readonly (readonly Cell[])[] | CsvFault {
  const rows: Cell[][] = []
  let row: Cell[] = []
  let [at, line] = [0, 1]
  const endRow = (): void => {
    if (row.length > 1 || row[0] !== null) rows.push(row)
    row = []
  }
  while (at < text.length) {
    if (text[at] === '"') {
      const begun = line
      let value = ''
      for (at++; ; at++) {
        if (at >= text.length) return { line: begun, reason: 'a quote is not closed' }
        if (text[at] === '"') {
          if (text[at + 1] !== '"') break
          at++
        } else if (text[at] === '\n') line++
        value += text[at]
      }
      at++
      if (at < text.length && !',\r\n'.includes(text[at] as string))
        return { line, reason: 'something stands behind a closing quote' }
      row.push(value)
    } else {
      const from = at
      while (at < text.length && !',\r\n'.includes(text[at] as string)) at++
      const value = text.slice(from, at)
      if (value.includes('"')) return { line, reason: 'a quote stands within a cell without quotes' }
      row.push(value === '' ? null : value)
    }
    if (text[at] === ',') {
      at++
      // a comma at the very end has an empty cell behind it
      if (at >= text.length || text[at] === '\r' || text[at] === '\n') row.push(null)
      else continue
    }
    if (text[at] === '\r') at++
    if (text[at] === '\n') at++
    line++
    endRow()
  }
  return rows
}
