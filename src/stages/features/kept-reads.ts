import { isTextual } from '../../define/vector.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Micros } from '../../internal/time.ts'
import type { ColumnType, Row, Value } from '../../ports/data-engine.ts'
import type { StageServices } from '../services.ts'
import { inEnvironment } from './applied.ts'
import type { ViewPlan } from './channels.ts'

/** One read of a view, as it was answered. */
export interface KeptRead {
  /** The number that it drew: those with the smallest ones are kept. */
  readonly draw: number
  /** Values of the key columns, in the plan's order. */
  readonly key: readonly Json[]
  /** The moment that was asked for, and when. */
  readonly at: Micros
  readonly read: Micros
  readonly status: string
  /** In the plan's order. */
  readonly values: readonly Json[]
}

/** Reads by status, by the hour (microseconds, as text) that they were in. */
export type ReadCounts = Record<string, Record<string, number>>

/** What is kept of the reads of one version of a view. */
export interface KeptReads {
  readonly view: string
  readonly records: string
  readonly reads: readonly KeptRead[]
  readonly counts: ReadCounts
}

const kind = 'feature-reads'

/** Hours whose reads are counted. */
const maxHours = 48
const maxAttempts = 20

type Services = Pick<StageServices, 'store' | 'project'>

/** Adds reads to those that are kept: of all that are young enough the sample with the smallest draws. */
export async function noteReads(
  { store, project, clock }: Services & Pick<StageServices, 'clock'>,
  { view, records }: Pick<ViewPlan, 'view' | 'records'>,
  { every, sample }: { readonly every: Micros; readonly sample: number },
  reads: readonly KeptRead[],
  counts: ReadCounts,
): Promise<void> {
  const id = inEnvironment(project, records)
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const found = await store.getDocument(kind, id)
    const before = found?.value as unknown as KeptReads | undefined
    const now = clock.now()
    const all = [...(before?.reads ?? []), ...reads].filter(one => now - one.read <= 2 * every)
    const merged: ReadCounts = { ...before?.counts }
    for (const [hour, own] of Object.entries(counts)) {
      const sum = { ...merged[hour] }
      for (const [status, n] of Object.entries(own)) sum[status] = (sum[status] ?? 0) + n
      merged[hour] = sum
    }
    const hours = Object.keys(merged)
      .toSorted((a, b) => Number(b) - Number(a))
      .slice(0, maxHours)
    const kept: KeptReads = {
      view: view.name,
      records,
      reads: all.toSorted((a, b) => a.draw - b.draw).slice(0, sample),
      counts: Object.fromEntries(hours.map(hour => [hour, merged[hour] as Record<string, number>])),
    }
    if ((await store.putDocument(kind, id, kept as unknown as Json, now, found?.revision ?? 0)) !== undefined) return
  }
}

/** What is kept of the reads of each version of a view in this environment. */
export async function keptReads({ store, project }: Services): Promise<readonly KeptReads[]> {
  return (await store.listDocuments(kind))
    .map(({ id, value }) => ({ id, kept: value as unknown as KeptReads }))
    .filter(({ id, kept }) => id === inEnvironment(project, kept.records))
    .map(({ kept }) => kept)
}

/** A value as it was before it was written. */
function readBack(value: Json, type: ColumnType): Value {
  if (typeof value !== 'string' || isTextual(type)) return value as Value
  return type === 'int' && /^-?\d+$/.test(value) ? BigInt(value) : Number(value)
}

/** The entity of a read, and the vector that was answered. */
export function vectorOf(
  plan: ViewPlan,
  { key, values }: KeptRead,
): { readonly entity: Row; readonly values: readonly Value[] } {
  const entity = plan.asks.map((ask, i) => [
    ask.key,
    readBack(key[i] ?? null, plan.view.entity.keys[ask.key]?.type ?? 'text'),
  ])
  return {
    entity: Object.fromEntries(entity) as Row,
    values: plan.features.map(({ spec }, f) => readBack(values[f] ?? null, spec.type)),
  }
}
