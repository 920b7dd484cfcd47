import { ulid } from '../../internal/ids.ts'
import type { Column, DataEngine } from '../../ports/data-engine.ts'
import { absentValue } from './entity-window.ts'
import { datasetRows, type DatasetRows } from '../log/dataset-rows.ts'
import { keyPresentSql, type ViewPlan } from './channels.ts'
import { sweep, type EventColumns, type LabelColumns } from './sweep.ts'
import { countedSql } from './version-sql.ts'

function numbers(columns: ReadonlyMap<string, Column>, name: string): Float64Array {
  return columns.get(name)?.values as Float64Array
}

/** Offsets of runs of equal codes 0 … keys − 1 in a sorted column. */
function segments(codes: Float64Array, keys: number): Int32Array {
  const offsets = new Int32Array(keys + 1)
  for (const code of codes) offsets[code + 1] = (offsets[code + 1] as number) + 1
  for (let key = 0; key < keys; key++) offsets[key + 1] = (offsets[key + 1] as number) + (offsets[key] as number)
  return offsets
}

/**
 * Features of a view for many moments. `events` are the dataset's rows, `labels` a SELECT of the key columns, `millrace_ordinal` (0 … n − 1) and `millrace_at`
 * (microseconds, double). Gives one column a feature, by ordinal: exactly one value a label, whatever the keys.
 */
export async function offlineFeatures(
  engine: DataEngine,
  plan: ViewPlan,
  events: string | DatasetRows,
  labels: string,
  count: number,
): Promise<Map<string, Float64Array>> {
  const { dialect } = engine
  const keys = plan.keys.map(dialect.identifier)
  const present = keyPresentSql(plan, dialect)
  const table = dialect.identifier(`keys_${ulid()}`)
  await engine.execute(
    `CREATE OR REPLACE TABLE ${table} AS SELECT ${keys.join(', ')}, CAST(row_number() OVER () - 1 AS DOUBLE) AS millrace_code FROM (SELECT DISTINCT ${keys.join(', ')} FROM (${labels}) WHERE ${present})`,
  )
  const keyCount = Number((await engine.rows(`SELECT count(*) AS n FROM ${table}`))[0]?.n)
  const on = keys.map(key => `e.${key} = k.${key}`).join(' AND ')
  const asked = await engine.columns(
    `SELECT k.millrace_code AS code, CAST(e.millrace_ordinal AS DOUBLE) AS ordinal, e.millrace_at AS moment FROM (${labels}) e JOIN ${table} k ON ${on} ORDER BY code, moment, ordinal`,
  )
  const moments: LabelColumns = { offsets: segments(numbers(asked, 'code'), keyCount), time: numbers(asked, 'moment') }
  const ordinals = numbers(asked, 'ordinal')

  const channels = plan.channels.map((_, i) => i)
  const isVersioned = datasetRows(events).versions !== undefined
  const kept = channels.map(i => `millrace_value${i}, millrace_visible${i}${isVersioned ? `, millrace_until${i}` : ''}`)
  const found = await engine.columns(
    `SELECT k.millrace_code AS code, millrace_event, ${kept.join(', ')} FROM (${countedSql(plan, events, dialect)}) e JOIN ${table} k ON ${on} ORDER BY code, millrace_event, millrace_seq`,
  )
  await engine.execute(`DROP TABLE ${table}`)
  const offsets = segments(numbers(found, 'code'), keyCount)

  const eventsOf = (channel: number): EventColumns => ({
    offsets,
    event: numbers(found, 'millrace_event'),
    visible: numbers(found, `millrace_visible${channel}`),
    value: numbers(found, `millrace_value${channel}`),
    ...(isVersioned ? { until: numbers(found, `millrace_until${channel}`) } : {}),
  })
  const state = statuses(plan, eventsOf(0), moments)
  const features = new Map<string, Float64Array>()
  for (const { name, spec, channel } of plan.features) {
    const swept = sweep(spec.aggregation, spec.window ?? Number.POSITIVE_INFINITY, eventsOf(channel), moments)
    const absent = absentValue(plan, spec)
    const values = new Float64Array(count).fill(absent)
    for (let i = 0; i < swept.length; i++)
      values[ordinals[i] as number] =
        state[i] === isPresent ? (swept[i] as number) : state[i] === isMissing ? absent : Number.NaN
    features.set(`${plan.view.name}.${name}`, values)
  }
  return features
}

const [isPresent, isMissing, isStale] = [0, 1, 2]

/** Whether there is an event before the moment that counts then, and whether the newest one is older than the view's ttl. */
function statuses(plan: ViewPlan, events: EventColumns, moments: LabelColumns): Uint8Array {
  const state = new Uint8Array(moments.time.length)
  const ttl = plan.view.ttl ?? Number.POSITIVE_INFINITY
  const newest = sweep('newest', Number.POSITIVE_INFINITY, events, moments)
  newest.forEach((event, label) => {
    if (Number.isNaN(event)) state[label] = isMissing
    else if ((moments.time[label] as number) - event > ttl) state[label] = isStale
  })
  return state
}
