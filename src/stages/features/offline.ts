import type { Column, DataEngine } from '../../ports/data-engine.ts'
import { absentValue } from './entity-window.ts'
import { channelSql, type ViewPlan } from './channels.ts'
import { sweep, type LabelColumns } from './sweep.ts'

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
 * Features of a view for many moments. `events` and `labels` are SELECTs: events give the dataset's columns and
 * `millrace_seq` (order of arrival); labels give the key columns, `millrace_ordinal` (0 … n − 1) and `millrace_at`
 * (microseconds, double). Gives one column a feature, by ordinal: exactly one value a label, whatever the keys.
 */
export async function offlineFeatures(
  engine: DataEngine,
  plan: ViewPlan,
  events: string,
  labels: string,
  count: number,
): Promise<Map<string, Float64Array>> {
  const { dialect } = engine
  const keys = plan.keys.map(dialect.identifier)
  const present = keys.map(key => `${key} IS NOT NULL`).join(' AND ')
  const table = dialect.identifier(`keys_${plan.view.name}`)
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

  const event = `CAST(${dialect.epochMicros(dialect.identifier(plan.view.from.eventTime as string))} AS DOUBLE)`
  const channels = plan.channels.map(channel => channelSql(plan, channel, dialect))
  const inner = `SELECT ${keys.join(', ')}, millrace_seq, ${event} AS event, ${channels.map((sql, i) => `${sql.value} AS value${i}, ${sql.visible} AS visible${i}`).join(', ')} FROM (${events}) WHERE ${present}`
  const kept = channels.map((_, i) => `value${i}, visible${i}`).join(', ')
  const found = await engine.columns(
    `SELECT k.millrace_code AS code, event, ${kept} FROM (${inner}) e JOIN ${table} k ON ${on} ORDER BY code, event, millrace_seq`,
  )
  await engine.execute(`DROP TABLE ${table}`)
  const offsets = segments(numbers(found, 'code'), keyCount)

  const stale = staleness(plan, offsets, numbers(found, 'event'), moments)
  const features = new Map<string, Float64Array>()
  for (const { name, spec, channel } of plan.features) {
    const swept = sweep(
      spec.aggregation,
      spec.window ?? Number.POSITIVE_INFINITY,
      {
        offsets,
        event: numbers(found, 'event'),
        visible: numbers(found, `visible${channel}`),
        value: numbers(found, `value${channel}`),
      },
      moments,
    )
    const absent = absentValue(spec)
    const values = new Float64Array(count).fill(absent)
    for (let i = 0; i < swept.length; i++) values[ordinals[i] as number] = stale[i] ? absent : (swept[i] as number)
    features.set(`${plan.view.name}.${name}`, values)
  }
  return features
}

/** 1 where the newest event before the moment is missing or older than the view's ttl. */
function staleness(plan: ViewPlan, offsets: Int32Array, event: Float64Array, moments: LabelColumns): Uint8Array {
  const stale = new Uint8Array(moments.time.length)
  const ttl = plan.view.ttl ?? Number.POSITIVE_INFINITY
  for (let key = 0; key + 1 < moments.offsets.length; key++) {
    const from = offsets[key] as number
    const to = offsets[key + 1] as number
    let at = from
    for (let label = moments.offsets[key] as number; label < (moments.offsets[key + 1] as number); label++) {
      const t = moments.time[label] as number
      while (at < to && (event[at] as number) < t) at++
      if (at === from || t - (event[at - 1] as number) > ttl) stale[label] = 1
    }
  }
  return stale
}
