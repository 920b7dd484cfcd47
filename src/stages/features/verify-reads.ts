import type { DataEngine, Value } from '../../ports/data-engine.ts'
import type { DatasetRows } from '../log/dataset-rows.ts'
import { eventMicros, type ViewPlan } from './channels.ts'
import { asTrained, ComparedValues, isSame, type ComparedFeature } from './compared-values.ts'
import { vectorOf, type KeptRead } from './kept-reads.ts'
import type { Materialisation } from './materialisations.ts'
import { knownBy, offlineVectors } from './verify.ts'

/**
 * Why what was answered is not what training has. `late`: rows came, or were corrected, after it was read: of what was there then it
 * was right. `ttl`: one side took the entity for too old. `code`: the same rows gave other values. `unknown`: what it was answered from
 * is not there any more.
 */
export type ReadReason = 'late' | 'ttl' | 'code' | 'unknown'

export interface VerifiedReads {
  readonly view: string
  /** Reads that were compared. */
  readonly reads: number
  /** Values that were compared, and those that differ for a reason that is a fault: `ttl` or `code`. */
  readonly compared: number
  readonly mismatches: number
  /** Reads that differ, by reason. */
  readonly reasons: Readonly<Record<ReadReason, number>>
  /** Reads that were answered with no value because the store did not reach back, or did not answer: there is nothing to compare. */
  readonly uncovered: number
  /** How both sides are spread, by feature. */
  readonly features: readonly ComparedFeature[]
  /** The first few values that differ, faults first. */
  readonly examples: readonly {
    readonly key: string
    readonly at: number
    readonly read: number
    readonly feature: string
    readonly online: Value
    readonly offline: Value
    readonly reason: ReadReason
  }[]
}

/** What was read may be this much (microseconds) behind what the log has: a push is told to the records after it is logged. */
const maxBehind = 2_000_000

const maxExamples = 10

/** The rows of a dataset as they are, and as they were. */
export interface ReadTruth {
  readonly newest: DatasetRows
  /** Rows of a snapshot and of what the log had at a moment; undefined where the snapshot is gone. */
  rowsAt(snapshot: Materialisation['snapshot'], at: number): Promise<DatasetRows | undefined>
  readonly done: Materialisation | undefined
}

type Source = Pick<Materialisation, 'snapshot' | 'until' | 'at'>

/** What a read may have been answered from: what was written last before it, and what was being written. */
function sourcesOf(done: Materialisation | undefined, read: number): readonly Source[] {
  if (!done) return []
  const all: readonly Source[] = [done, ...(done.before ?? [])]
  const last = all.findIndex(one => (one.at ?? 0) <= read)
  if (last < 0) return all.slice(-1)
  return all.slice(Math.max(0, last - 1), last + 1).toReversed()
}

const isAll = (online: readonly Value[], offline: readonly Value[]): boolean =>
  online.every((value, f) => isSame(value, offline[f] ?? null))

/** Whether they differ in that one side says that the entity is too old. */
function isOfTtl(plan: ViewPlan, status: string, online: readonly Value[], offline: readonly Value[]): boolean {
  if (plan.view.ttl === undefined) return false
  const isNothing = (values: readonly Value[]): boolean => values.every(value => value === null)
  return status === 'stale' ? !isNothing(offline) : isNothing(offline) && !isNothing(online)
}

/** Why a read is not what training has now. */
async function reasonOf(
  engine: DataEngine,
  plan: ViewPlan,
  truth: ReadTruth,
  { at, read, status }: KeptRead,
  { entity, values }: ReturnType<typeof vectorOf>,
  now: readonly Value[],
): Promise<ReadReason> {
  let seen = 0
  const event = eventMicros(plan, engine.dialect)
  for (const { snapshot, until } of sourcesOf(truth.done, read))
    for (const cut of [read, read - maxBehind]) {
      const rows = await truth.rowsAt(snapshot, cut)
      if (!rows) continue
      seen++
      const [then = []] = await offlineVectors(engine, plan, knownBy(rows, event, until), [{ entity, at }])
      if (isAll(values, then)) return 'late'
    }
  if (seen === 0) return 'unknown'
  return isOfTtl(plan, status, values, now) ? 'ttl' : 'code'
}

/** Compares what was read with what training has for the same entities and moments, and says of each that differs why. */
export async function verifyReads(
  engine: DataEngine,
  plan: ViewPlan,
  kept: readonly KeptRead[],
  truth: ReadTruth,
): Promise<VerifiedReads> {
  const open = kept.filter(({ status }) => status !== 'uncovered' && status !== 'unreachable')
  const vectors = open.map(one => vectorOf(plan, one))
  const offline = await offlineVectors(
    engine,
    plan,
    truth.newest,
    vectors.map(({ entity }, i) => ({ entity, at: open[i]?.at ?? 0 })),
  )
  const compared = new ComparedValues(plan)
  const reasons: Record<ReadReason, number> = { late: 0, ttl: 0, code: 0, unknown: 0 }
  const examples: VerifiedReads['examples'][number][] = []
  let mismatches = 0
  for (const [i, read] of open.entries()) {
    const vector = vectors[i] as ReturnType<typeof vectorOf>
    const there = offline[i] ?? []
    const differing = compared.add(vector.values, there)
    if (differing.length === 0) continue
    const reason = await reasonOf(engine, plan, truth, read, vector, there)
    reasons[reason]++
    if (reason === 'ttl' || reason === 'code') mismatches += differing.length
    for (const f of differing)
      examples.push({
        key: read.key.join(', '),
        at: read.at,
        read: read.read,
        feature: plan.features[f]?.name ?? '',
        online: asTrained(vector.values[f] ?? null),
        offline: asTrained(there[f] ?? null),
        reason,
      })
  }
  const isFault = ({ reason }: VerifiedReads['examples'][number]): number =>
    reason === 'code' || reason === 'ttl' ? 0 : 1
  return {
    view: plan.view.name,
    reads: open.length,
    compared: open.length * plan.features.length,
    mismatches,
    reasons,
    uncovered: kept.length - open.length,
    features: compared.features(),
    examples: examples.toSorted((a, b) => isFault(a) - isFault(b)).slice(0, maxExamples),
  }
}
