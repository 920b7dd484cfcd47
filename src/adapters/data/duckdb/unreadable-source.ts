import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { fail, type MillraceError } from '../../../errors/index.ts'
import { formatOfFile, otherFormat } from '../../../internal/file-format.ts'
import type { SourceSpec } from '../../../ports/data-engine.ts'

/** Words of DuckDB that speak of the file, not of the table in it. */
const ofFile = /no such file|does not exist|cannot open|IO Error|not a valid DuckDB|permission|folder|empty/i

/** The error of a source that the engine cannot read. DuckDB waits for nobody: a file that another process writes is locked. */
export function unreadableSource(source: SourceSpec, reason: string, cause?: unknown): MillraceError {
  if (source.kind !== 'duckdb') return fail('sourceUnreadable', { source: source.path, reason }, cause)
  const details = { table: source.path, place: `DuckDB file ${source.file}`, wanted: '', reason }
  if (/could not set lock/i.test(reason)) return fail('tableLocked', { ...details, waited: 0 }, cause)
  const table = /table with name|catalog error|binder error/i.test(reason)
  return fail(!table && ofFile.test(reason) ? 'databaseUnreachable' : 'tableUnreadable', details, cause)
}

/** A line of a file that is no text would speak to the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\ufffd]/gu, '·')
}

/** Why a file is no Parquet as its first and last bytes go; undefined where these say nothing. */
export function whyNoParquet(file: string): string | undefined {
  try {
    const format = formatOfFile(file)
    if (format && format.source !== 'parquet') return otherFormat(format, 'Parquet')
    if (!format) return 'it does not begin as Parquet does: it is another format, or damaged'
    return endsAsParquet(file)
      ? undefined
      : 'it is Parquet that is damaged or was not written to its end: write or copy it again'
  } catch {
    // a pattern, or a file that is gone: the engine has said so
    return undefined
  }
}

function endsAsParquet(path: string): boolean {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(4)
    readSync(file, bytes, 0, 4, Math.max(0, fstatSync(file).size - 4))
    return bytes.toString('latin1') === 'PAR1'
  } finally {
    closeSync(file)
  }
}

/** Of files that are no Parquet: the first of another format, and what it is. */
export function otherThanParquet(source: SourceSpec, files: readonly string[]): string | undefined {
  if (source.kind !== 'parquet') return undefined
  for (const file of files) {
    const reason = whyNoParquet(file)
    if (reason !== undefined) return files.length === 1 ? reason : `${basename(file)}: ${reason}`
  }
  return undefined
}
