import type { Row, StoredKind } from '../../../ports/data-engine.ts'
import { text, type Session } from './session.ts'

/** A column and those within it, as the footer has them. */
type Form = readonly (string | Form)[]

/** A column of a Parquet file by its footer. */
export interface ParquetColumn {
  readonly name: string
  /** How its values stand, where the engine's type for it does not say. */
  readonly as?: { readonly physical: string; readonly stored?: StoredKind }
  /** A time in nanoseconds with a zone. */
  readonly zonedNanos?: true
}

export interface ParquetSchema {
  readonly columns: readonly ParquetColumn[]
  /** Equal for files that are read alike: names and types of their columns, in whatever order. */
  readonly signature: string
}

/** Digits that the engine's decimals have; what it makes of longer ones is another number. */
const maxDigits = 38

const number = (value: unknown): number => (value === null || value === undefined ? 0 : Number(value))

function correctionOf({ logical_type, converted_type, precision, scale }: Row): ParquetColumn['as'] {
  if (String(logical_type).startsWith('NullType')) return { physical: '"NULL"', stored: 'nothing' }
  const isDecimal = converted_type === 'DECIMAL' || String(logical_type).startsWith('DecimalType')
  if (isDecimal && number(precision) > maxDigits)
    return { physical: `DECIMAL(${String(precision)},${number(scale)}), of which ${maxDigits} digits can be read` }
  return undefined
}

/** One file's schema from its rows, which stand as a tree: a node, then what is below it. */
function schemaOf(rows: readonly Row[]): ParquetSchema {
  const columns: ParquetColumn[] = []
  const forms: string[] = []
  let at = 1
  // text is made of the whole once: quoted at each level it would double at each
  const below = (): Form => {
    const row = rows[at++] as Row
    const own = [
      row.name,
      row.type,
      row.type_length,
      row.converted_type,
      row.logical_type,
      row.repetition_type,
      row.precision,
      row.scale,
    ]
    const parts = Array.from({ length: number(row.num_children) }, below)
    return [...own.map(String), ...parts]
  }
  while (at < rows.length) {
    const row = rows[at] as Row
    const as = number(row.num_children) === 0 ? correctionOf(row) : undefined
    const zonedNanos = /isAdjustedToUTC=1.*NANOS=NanoSeconds/.test(String(row.logical_type))
    columns.push({ name: String(row.name), ...(as ? { as } : {}), ...(zonedNanos ? { zonedNanos } : {}) })
    forms.push(JSON.stringify(below()))
  }
  return { columns, signature: forms.toSorted().join('\n') }
}

/** Files whose footers are asked for at once. */
const filesAtOnce = 1000

/** Fewer files are looked at one by one: it takes a query less. */
const fewFiles = 16

const fields = [
  'name',
  'type',
  'type_length',
  'num_children',
  'converted_type',
  'logical_type',
  'repetition_type',
  'precision',
  'scale',
]

/** The schemas of files, in their order. Of many files those with the same footers are told first: they share a schema. */
export async function parquetSchemas(files: readonly string[], session: Session): Promise<ParquetSchema[]> {
  const like = files.length > fewFiles ? await alikeFiles(files, session) : new Map(files.map(file => [file, file]))
  const schemas = new Map<string, ParquetSchema>()
  for (const some of inPieces([...new Set(like.values())])) {
    const rows = await session(`SELECT file_name, ${fields.join(', ')} FROM parquet_schema(${listOf(some)})`)
    const byFile = new Map<string, Row[]>()
    for (const row of rows) {
      const own = byFile.get(String(row.file_name))
      if (own) own.push(row)
      else byFile.set(String(row.file_name), [row])
    }
    for (const file of some) schemas.set(file, schemaOf(byFile.get(file) ?? []))
  }
  return files.map(file => schemas.get(like.get(file) ?? file) ?? schemaOf([]))
}

/** For each file one whose footer tells the same schema. */
async function alikeFiles(files: readonly string[], session: Session): Promise<ReadonlyMap<string, string>> {
  const first = new Map<string, string>()
  const like = new Map<string, string>()
  const whole = `concat_ws('|', ${fields.map(name => `coalesce(CAST(${name} AS VARCHAR), '-')`).join(', ')})`
  for (const some of inPieces(files)) {
    const rows = await session(
      `SELECT file_name AS file, md5(string_agg(${whole}, chr(10))) AS form FROM parquet_schema(${listOf(some)}) GROUP BY file_name`,
    )
    for (const { file, form } of rows) {
      if (!first.has(String(form))) first.set(String(form), String(file))
      like.set(String(file), first.get(String(form)) as string)
    }
  }
  return like
}

const listOf = (files: readonly string[]): string => `[${files.map(text).join(', ')}]`

function* inPieces(files: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from < files.length; from += filesAtOnce) yield files.slice(from, from + filesAtOnce)
}
