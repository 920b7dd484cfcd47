import { numbersOf } from '../../define/vector.ts'
import { formatTime, type Micros } from '../../internal/time.ts'
import { fail } from '../../errors/index.ts'
import type { Row, Value } from '../../ports/data-engine.ts'
import { keyIn, timeless, type ViewPlan } from '../features/channels.ts'
import { featureValue } from '../features/entity-window.ts'
import type { FeatureValues } from '../features/offline.ts'
import type { OnlineView } from '../features/online.ts'
import type { PastFeatures } from './past-features.ts'
import type { ReadSample } from './read-sample.ts'
import type { EntityFeatures } from './types.ts'

/** Features of a view for entities, rows with its key columns, as predictions read them. `sample` hears of each. Throws `featuresUncovered`, `onlineUnreachable`. */
export async function readFeatures(
  view: OnlineView,
  past: PastFeatures | undefined,
  rows: readonly Row[],
  at: Micros,
  sample?: ReadSample,
): Promise<readonly EntityFeatures[]> {
  const { plan } = view
  const width = plan.features.length
  const { windows, isKept } = await view.loadToAnswer(rows.map(row => keyIn(plan, name => row[name])))
  const out = new Float64Array(rows.length * width)
  const texts: (string | null)[] = []
  const statuses = rows.map((_, i): EntityFeatures['status'] => {
    const status = view.compute(windows[i], at, out, i * width, texts)
    if (!isKept) return status
    if (!windows[i]) {
      out.fill(Number.NaN, i * width, (i + 1) * width)
      for (let f = 0; f < width; f++) texts[i * width + f] = null
    }
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
      for (const [f, column] of computed.entries()) put(column, n, out, texts, i * width + f)
    }
  }
  const valueAt = (i: number, f: number): Value => {
    const place = i * width + f
    const { spec } = plan.features[f] as ViewPlan['features'][number]
    return featureValue(spec, out[place] as number, texts[place])
  }
  if (sample)
    for (const [i, row] of rows.entries())
      sample.add(row, at, statuses[i] as EntityFeatures['status'], () => plan.features.map((_, f) => valueAt(i, f)))
  return rows.map((_, i) => {
    const newest = windows[i]?.newest(at, plan.declares) ?? Number.NaN
    return {
      status: statuses[i] as EntityFeatures['status'],
      event: Number.isNaN(newest) || newest === timeless ? null : newest,
      values: plan.features.map(({ spec }, f) => {
        const value = valueAt(i, f)
        if (spec.type === 'vector') return value === null ? null : numbersOf(value as string)
        if (typeof value !== 'number') return value as string | boolean | null
        if (!Number.isFinite(value)) return null
        return spec.type === 'timestamp' ? formatTime(value) : value
      }),
    }
  })
}

/** A value of a column of features at its place among all that are read. */
export function put(
  column: FeatureValues,
  from: number,
  out: Float64Array,
  texts: (string | null)[],
  place: number,
): void {
  if (column instanceof Float64Array) out[place] = column[from] as number
  else {
    out[place] = Number.NaN
    texts[place] = column[from] ?? null
  }
}
