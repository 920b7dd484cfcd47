import { canonicalJson, type Json } from '../../internal/canonical-json.ts'
import type { FeatureSpec } from '../../define/features.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import type { ViewPlan } from './channels.ts'
import { origin, windowBounds } from './window-bounds.ts'
import { asked } from './asked.ts'

/** Names of the columns with the bounds of an aligned window at each moment. */
export interface AlignedColumns {
  readonly start: string
  readonly end: string
}

const identity = ({ window, align }: FeatureSpec): string => canonicalJson({ window, align } as unknown as Json)

/** The aligned windows of a view, each once, by what they are. */
export function alignedColumns(plan: ViewPlan): ReadonlyMap<string, { readonly spec: FeatureSpec } & AlignedColumns> {
  const found = new Map<string, { readonly spec: FeatureSpec } & AlignedColumns>()
  for (const { spec } of plan.features)
    if (spec.align && !found.has(identity(spec)))
      found.set(identity(spec), { spec, start: `millrace_start${found.size}`, end: `millrace_end${found.size}` })
  return found
}

export const alignedAs = (
  aligned: ReadonlyMap<string, AlignedColumns>,
  spec: FeatureSpec,
): AlignedColumns | undefined => (spec.align ? aligned.get(identity(spec)) : undefined)

const double = (x: number): string => (Number.isFinite(x) ? `${x}::DOUBLE` : `'${x < 0 ? '-' : ''}infinity'::DOUBLE`)

/**
 * SELECT of moments with the bounds of the aligned windows of a view. In UTC they are a sum, the same in doubles here and there; by the
 * clocks of a zone they come from here, as a table of its days. `table` makes one.
 */
export async function withBounds(
  engine: DataEngine,
  plan: ViewPlan,
  moments: string,
  table: (sql: string) => Promise<string>,
): Promise<string> {
  const columns: string[] = []
  const joins: string[] = []
  for (const { spec, start, end } of alignedColumns(plan).values()) {
    const { every, zone, toDate } = spec.align as NonNullable<FeatureSpec['align']>
    if (zone === undefined) {
      const boundary = `(floor((m.${asked.at} - ${double(origin)}) / ${double(every)}) * ${double(every)} + ${double(origin)})`
      const begin = toDate ? boundary : `${boundary} - ${double(spec.window ?? every)}`
      columns.push(`${begin} AS ${start}`, `${toDate ? `m.${asked.at}` : boundary} AS ${end}`)
      continue
    }
    const pieces = await zonePieces(engine, spec, moments, table)
    joins.push(`JOIN ${pieces} ${start} ON m.${asked.at} >= ${start}.begins AND m.${asked.at} < ${start}.ends`)
    columns.push(`${start}.starts AS ${start}`, `${toDate ? `m.${asked.at}` : `${start}.begins`} AS ${end}`)
  }
  if (columns.length === 0) return `SELECT * FROM (${moments})`
  return `SELECT m.*, ${columns.join(', ')} FROM (${moments}) m ${joins.join(' ')}`
}

/** A table of the pieces of a zone's time that moments are in, with where the window begins that belongs to them. */
async function zonePieces(
  engine: DataEngine,
  spec: FeatureSpec,
  moments: string,
  table: (sql: string) => Promise<string>,
): Promise<string> {
  const [span] = await engine.rows(`SELECT min(${asked.at}) AS first, max(${asked.at}) AS last FROM (${moments})`)
  // Without its end a window that reaches to the moment does not say where its piece begins
  const { every, zone } = spec.align as NonNullable<FeatureSpec['align']>
  const pieces = windowBounds({ ...spec, window: every, align: { every, ...(zone === undefined ? {} : { zone }) } })
  const bounds = windowBounds(spec)
  const rows: { readonly begins: number; readonly ends: number; readonly starts: number }[] = []
  if (span?.first !== null && span?.first !== undefined)
    for (let begins = pieces.end(Number(span.first)); begins <= Number(span.last); ) {
      const ends = pieces.entersAt(begins)
      rows.push({ begins, ends, starts: bounds.start(begins) })
      begins = ends
    }
  const column = (name: 'begins' | 'ends' | 'starts') => ({
    name,
    type: 'float' as const,
    values: Float64Array.from(rows, row => row[name]),
  })
  const loaded = await engine.load('millrace_pieces', [column('begins'), column('ends'), column('starts')])
  return table(`SELECT * FROM ${loaded.sql}`)
}
