import { rowColumn, type Row } from '../../../ports/data-engine.ts'
import { duckdbDialect } from './dialect.ts'

/** Statements on one connection, one after another. */
export type Session = (sql: string) => Promise<Row[]>

/** A path for a file that goes when the engine is closed; `of` is the file that it is a copy of. */
export type Scratch = (extension: string, of?: string) => Promise<string>

export const text = (value: string): string => duckdbDialect.literal(value, 'text')

export const rowName = duckdbDialect.identifier(rowColumn)
