import { formatTime, type Micros } from '../../internal/time.ts'
import { fail } from '../../errors/index.ts'
import type { Row } from '../../ports/data-engine.ts'
import { keyIn } from '../features/channels.ts'
import type { OnlineView } from '../features/online.ts'
import type { PastFeatures } from './past-features.ts'
import type { EntityFeatures } from './types.ts'

/** Features of a view for entities, rows with its key columns, as predictions read them. Throws `featuresUncovered`, `onlineUnreachable`. */
export async function readFeatures(
  view: OnlineView,
  past: PastFeatures | undefined,
  rows: readonly Row[],
  at: Micros,
): Promise<readonly EntityFeatures[]> {
  const { plan } = view
  const width = plan.features.length
  const { windows, isKept } = await view.loadToAnswer(rows.map(row => keyIn(plan, name => row[name])))
  const out = new Float64Array(rows.length * width)
  const statuses = rows.map((_, i): EntityFeatures['status'] => {
    const status = view.compute(windows[i], at, out, i * width)
    if (!isKept) return status
    if (!windows[i]) out.fill(Number.NaN, i * width, (i + 1) * width)
    return 'unreachable'
  })
  const open = statuses.flatMap((status, i) => (status === 'uncovered' ? [i] : []))
  const policy = plan.view.uncovered ?? 'compute'
  if (open.length > 0 && policy !== 'null') {
    if (policy === 'refuse' || !past)
      throw fail('featuresUncovered', {
        view: view.name,
        at: formatTime(at),
        reason: 'they are kept for as long as its longest window looks back, and an hour',
      })
    const computed = await past.of(
      plan,
      open.map(i => ({ row: rows[i] ?? {}, at })),
    )
    for (const [n, i] of open.entries()) {
      statuses[i] = 'present'
      for (const [f, column] of computed.entries()) out[i * width + f] = column[n] as number
    }
  }
  return rows.map((_, i) => {
    const newest = windows[i]?.newest(at, plan.declares) ?? Number.NaN
    return {
      status: statuses[i] as EntityFeatures['status'],
      event: Number.isNaN(newest) ? null : newest,
      values: Array.from(out.subarray(i * width, (i + 1) * width), value => (Number.isFinite(value) ? value : null)),
    }
  })
}
