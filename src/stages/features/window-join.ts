import type { FeatureSpec } from '../../define/features.ts'
import type { Dialect } from '../../ports/data-engine.ts'
import { exactSum, sumParts, type Part, type ValueFigures } from './exact-sum-sql.ts'
import type { EventSource } from './offline-events.ts'

/** A feature with the channel that it reads. */
export interface PlannedFeature {
  readonly name: string
  readonly spec: FeatureSpec
  readonly channel: number
}

/** Names of the columns in which the moments stand: `asked` has the key columns and these. */
export const asked = { ordinal: 'millrace_ordinal', at: 'millrace_at' } as const

/**
 * How rows are told apart by which is the newest, in one number: by event, then by when they were known, then by arrival. Its last
 * bits are the row's place.
 */
export interface Recency {
  readonly oldest: number
  readonly lateBits: number
  readonly placeBits: number
}

/** Undefined where 126 bits do not hold it. `latest`: after the last moment. */
export function recencyOf(events: EventSource, oldest: number, latest: number): Recency | undefined {
  const bits = (n: bigint): number => n.toString(2).length
  const span = bits(BigInt(Math.ceil(Math.max(1, latest - oldest))))
  const placeBits = bits(events.places)
  // Beyond 53 bits times are no exact doubles
  return span > 53 || span * 2 + placeBits > 125 ? undefined : { oldest, lateBits: span, placeBits }
}

export class WindowJoin {
  readonly #events: EventSource
  readonly #dialect: Dialect
  readonly #keys: readonly string[]
  readonly #figures: ReadonlyMap<string, ValueFigures>
  readonly #recency: Recency

  constructor(
    events: EventSource,
    dialect: Dialect,
    keys: readonly string[],
    figures: ReadonlyMap<string, ValueFigures>,
    recency: Recency,
  ) {
    this.#events = events
    this.#dialect = dialect
    this.#keys = keys
    this.#figures = figures
    this.#recency = recency
  }

  #counts(visibility: number): string[] {
    const { from, until, atOnce } = this.#events.visibilities[visibility] ?? { from: '', atOnce: true }
    return [...(atOnce ? [] : [`${from} <= ${asked.at}`]), ...(until === undefined ? [] : [`${until} > ${asked.at}`])]
  }

  /** Orders rows by which is the newest. */
  newest(visibility: number): string {
    const { oldest, lateBits, placeBits } = this.#recency
    const { from } = this.#events.visibilities[visibility] ?? { from: '' }
    const late = `CAST(least(${from} - millrace_event, ${2 ** lateBits - 1}) AS HUGEINT)`
    return `((CAST(millrace_event - ${oldest}::DOUBLE AS HUGEINT) << ${lateBits + placeBits}) + (${late} << ${placeBits}) + millrace_row)`
  }

  eventIn(newest: string): string {
    const { oldest, lateBits, placeBits } = this.#recency
    return `${oldest}::DOUBLE + CAST(CAST(${newest} >> ${lateBits + placeBits} AS BIGINT) AS DOUBLE)`
  }

  rowIn(newest: string): string {
    return `CAST(${newest} & ${2n ** BigInt(this.#recency.placeBits) - 1n}::HUGEINT AS BIGINT)`
  }

  /** The condition under which a row is in a feature's window, of rows that are in the join's. */
  #within({ spec, channel }: PlannedFeature, width: number): string {
    const value = this.#events.values[channel] as string
    const isThere = (channel === 0 && this.#events.shared) || this.#figures.get(value)?.lacking === false
    return all([
      ...this.#counts(this.#events.visibilityOf[channel] ?? 0),
      ...(isThere ? [] : [`NOT isnan(${value})`]),
      ...since(spec.window, width),
    ])
  }

  /** Aggregates of a feature, named after `as`, and the feature that is made of them: NaN for null. */
  feature(
    feature: PlannedFeature,
    width: number,
    as: string,
  ): { readonly parts: readonly Part[]; readonly sql: string } {
    const { spec, channel } = feature
    const value = this.#events.values[channel] as string
    const where = this.#within(feature, width)
    const count: Part = { aggregate: 'count(*)', where, as: `${as}_n` }
    const n = `coalesce(${as}_n, 0)`
    const alone = (aggregate: string) => ({
      parts: [{ aggregate, where, as }],
      sql: `coalesce(${as}, 'NaN'::DOUBLE)`,
    })
    const sum = () => {
      const figures = this.#figures.get(value)
      if (!figures) throw new TypeError('nobody looked at what is added up')
      return { parts: sumParts(figures, value, where, as), sql: exactSum(figures, as) }
    }
    const mean = (of: { readonly parts: readonly Part[]; readonly sql: string }) => ({
      parts: [count, ...of.parts],
      sql: `CASE WHEN ${n} = 0 THEN 'NaN'::DOUBLE ELSE (${of.sql}) / ${n} END`,
    })
    switch (spec.aggregation) {
      case 'count':
        return { parts: [count], sql: `CAST(${n} AS DOUBLE)` }
      case 'sum':
        return sum()
      case 'mean':
        return mean(sum())
      case 'share':
        // Ones and zeros: no sum of them is rounded
        return mean({ parts: [{ aggregate: `sum(${value})`, where, as }], sql: as })
      case 'min':
        return alone(`min(${value})`)
      case 'max':
        return alone(`max(${value})`)
      case 'last':
        return alone(`arg_max(${value}, ${this.newest(this.#events.visibilityOf[channel] ?? 0)})`)
      default:
        throw new TypeError(`there is no aggregate '${spec.aggregation satisfies never}'`)
    }
  }

  /** The newest row of a visibility within `window`. */
  newestWithin(visibility: number, window: number, width: number, as: string): Part {
    const where = all([...this.#counts(visibility), ...since(window, width)])
    return { aggregate: `max(${this.newest(visibility)})`, where, as }
  }

  /**
   * SELECT of aggregates by ordinal, over the events of the entity in [moment − width, moment). An event meets only the moments of
   * the two stretches of `width` that can see it.
   */
  sql(moments: string, width: number, parts: readonly Part[]): string {
    const finite = Number.isFinite(width)
    const { oldest } = this.#recency
    const stretch = (time: string): string =>
      this.#dialect.wholeDivision(`CAST(${time} - ${oldest}::DOUBLE AS BIGINT)`, width)
    const columns = [...this.#keys, asked.ordinal, asked.at].join(', ')
    const spread = finite
      ? `SELECT ${columns}, ${stretch(asked.at)} - millrace_back AS millrace_stretch FROM ${moments}, (VALUES (0), (1)) back(millrace_back)`
      : `SELECT ${columns} FROM ${moments}`
    const on = [
      ...this.#keys.map(key => `e.${key} = l.${key}`),
      ...(finite ? [`l.millrace_stretch = ${stretch('e.millrace_event')}`] : []),
      `e.millrace_event < l.${asked.at}`,
      ...(finite ? [`e.millrace_event >= l.${asked.at} - ${width}::DOUBLE`] : []),
    ]
    // Each condition is looked at once for all aggregates that share it
    const conditions = [...new Set(parts.map(one => one.where))]
    const flags = conditions.map((where, i) => `${where} AS millrace_if${i}`)
    const met = `SELECT ${asked.ordinal}, e.* EXCLUDE (${this.#keys.join(', ')}), ${flags.join(', ')} FROM (${spread}) l JOIN (${this.#events.sql}) e ON ${on.join(' AND ')}`
    const aggregates = parts.map(
      ({ aggregate, where, as }) =>
        `${aggregate}${where === always ? '' : ` FILTER (WHERE millrace_if${conditions.indexOf(where)})`} AS ${as}`,
    )
    return `SELECT ${asked.ordinal}, ${aggregates.join(', ')} FROM (${met}) GROUP BY ${asked.ordinal}`
  }
}

const always = 'true'
const all = (conditions: readonly string[]): string => conditions.join(' AND ') || always

/** Nothing where the join reaches no further back than the window. */
const since = (window: number | undefined, width: number): readonly string[] =>
  window === undefined || window >= width ? [] : [`millrace_event >= ${asked.at} - ${window}::DOUBLE`]
