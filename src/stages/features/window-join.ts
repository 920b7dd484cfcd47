import type { Dialect } from '../../ports/data-engine.ts'
import { alignedAs, alignedColumns, type AlignedColumns } from './aligned-moments.ts'
import { asked } from './asked.ts'
import type { PlannedFeature, ViewPlan } from './channels.ts'
import { exactSum, sumParts, type Part, type ValueFigures } from './exact-sum-sql.ts'
import type { EventSource } from './offline-events.ts'
import { reachOf } from './window-bounds.ts'

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
  const bits = (n: number): number => BigInt(Math.ceil(Math.max(1, n))).toString(2).length
  // What is after the last moment is seen by none
  const eventBits = bits(Math.min(events.newest + 1, latest) - oldest)
  const lateBits = bits(latest - oldest)
  const placeBits = events.places.toString(2).length
  // Beyond 53 bits times are no exact doubles
  const isExact = Math.max(Math.abs(oldest), Math.abs(latest)) <= 2 ** 53
  return !isExact || eventBits + lateBits + placeBits > 125 ? undefined : { oldest, lateBits, placeBits }
}

export class WindowJoin {
  readonly #events: EventSource
  readonly #dialect: Dialect
  readonly #keys: readonly string[]
  readonly #figures: ReadonlyMap<string, ValueFigures>
  readonly #recency: Recency
  readonly #aligned: ReadonlyMap<string, AlignedColumns>

  constructor(
    plan: ViewPlan,
    events: EventSource,
    dialect: Dialect,
    figures: ReadonlyMap<string, ValueFigures>,
    recency: Recency,
  ) {
    this.#aligned = alignedColumns(plan)
    this.#events = events
    this.#dialect = dialect
    this.#keys = plan.keys.map(dialect.identifier)
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
    // As whole numbers: the difference of two doubles may be none
    const late = `least(CAST(least(${from}, 9e17) AS HUGEINT) - CAST(millrace_event AS HUGEINT), ${2n ** BigInt(lateBits) - 1n}::HUGEINT)`
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
      ...this.#between(spec, width),
    ])
  }

  /** The bounds of a feature's window, as far as the join does not have them already. */
  #between(spec: PlannedFeature['spec'], width: number): readonly string[] {
    const aligned = alignedAs(this.#aligned, spec)
    if (!aligned) return since(spec.window, width)
    return [`millrace_event >= ${aligned.start}`, ...(spec.align?.toDate ? [] : [`millrace_event < ${aligned.end}`])]
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
      case 'first':
        return alone(`arg_min(${value}, ${this.#newestOf(channel)})`)
      case 'last':
        return alone(`arg_max(${value}, ${this.#newestOf(channel)})`)
      case 'lag': {
        const found = alone(`arg_max(${value}, ${this.#newestOf(channel)}, ${(spec.nth ?? 1) + 1})`)
        return { ...found, sql: `coalesce(${as}[${(spec.nth ?? 1) + 1}], 'NaN'::DOUBLE)` }
      }
      case 'secondsSince': {
        const found = alone('max(millrace_event)')
        return { ...found, sql: `coalesce((${asked.at} - ${as}) / 1000000.0::DOUBLE, 'NaN'::DOUBLE)` }
      }
      case 'distinct': {
        const found = alone(`count(DISTINCT ${value})`)
        return { ...found, sql: `CAST(coalesce(${as}, 0) AS DOUBLE)` }
      }
      case 'quantile':
        return { ...alone(`list(${value})`), sql: quantileSql(`list_sort(${as})`, spec.level ?? 0.5) }
      default:
        throw new TypeError(`${spec.aggregation satisfies Swept} is not joined`)
    }
  }

  #newestOf(channel: number): string {
    return this.newest(this.#events.visibilityOf[channel] ?? 0)
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
    const bounds = [...this.#aligned.values()].flatMap(({ start, end }) => [start, end])
    const columns = [...this.#keys, asked.ordinal, asked.at, ...bounds].join(', ')
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

/** What no engine adds up, or orders, to the last bit as is done here: features of it are always swept. */
type Swept = 'std' | 'mostFrequent' | 'derived'
const swept: readonly string[] = ['std', 'mostFrequent'] satisfies Swept[]

export const isJoined = ({ spec }: PlannedFeature): boolean => !swept.includes(spec.aggregation)

/** The end of an aligned window is no moment's: what is the newest before it is not looked for nearby. */
export const isLast = ({ spec }: PlannedFeature): boolean => spec.aggregation === 'last' && spec.align === undefined

/** How far back a join has to look for a feature. */
export const widthOf = ({ spec }: PlannedFeature): number => reachOf(spec)

/** Between the two neighbours of a place in a sorted list, in proportion, as `aggregates.ts` has it. */
function quantileSql(sorted: string, level: number): string {
  const place = `(CAST(len(list_values) - 1 AS DOUBLE) * ${level}::DOUBLE)`
  const below = `CAST(floor(${place}) AS BIGINT)`
  const [low, high] = [`list_values[${below} + 1]`, `list_values[${below} + 2]`]
  const between = `${low} + (${high} - ${low}) * (${place} - ${below})`
  const value = `CASE WHEN ${place} = ${below} OR ${low} = ${high} THEN ${low} ELSE ${between} END`
  return `coalesce((SELECT ${value} FROM (SELECT ${sorted} AS list_values)), 'NaN'::DOUBLE)`
}

const always = 'true'
const all = (conditions: readonly string[]): string => conditions.join(' AND ') || always

/** Nothing where the join reaches no further back than the window. */
const since = (window: number | undefined, width: number): readonly string[] =>
  window === undefined || window >= width ? [] : [`millrace_event >= ${asked.at} - ${window}::DOUBLE`]
