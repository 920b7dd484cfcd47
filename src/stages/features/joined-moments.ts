import type { FeatureSpec } from '../../define/features.ts'
import { ulid } from '../../internal/ids.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import type { PlannedFeature, ViewPlan } from './channels.ts'
import type { Part } from './exact-sum-sql.ts'
import type { EventSource } from './offline-events.ts'
import { asked } from './asked.ts'
import { isJoined, isLast, widthOf, type WindowJoin } from './window-join.ts'

/** How much further back each look goes for what was not found. */
const further = 8

/** Looks for the newest rows: names of the columns, and how far back each looks. */
interface Looks {
  readonly parts: (width: number) => readonly Part[]
  readonly columns: readonly { readonly name: string; readonly window: number }[]
}

/** A feature and its place in the view. */
interface PlacedFeature {
  readonly feature: PlannedFeature
  readonly place: number
}

/** Features as SQL over tables that are joined by ordinal with the moments. */
export interface JoinedFeatures {
  readonly tables: readonly string[]
  /** By feature, in declared order; null for null, and for what is not joined. */
  readonly columns: readonly string[]
  /** Whether the newest event is as young as the view's ttl. */
  readonly present: string
}

/** The features of moments by joins with the events that they see. */
export class JoinedMoments {
  readonly #engine: DataEngine
  readonly #plan: ViewPlan
  readonly #events: EventSource
  readonly #join: WindowJoin
  readonly #together: number
  readonly #keys: readonly string[]
  readonly #tables: string[]
  readonly moments: string
  /** Table of the moments that are left to the sweep. */
  readonly dense: string

  constructor(
    engine: DataEngine,
    plan: ViewPlan,
    events: EventSource,
    join: WindowJoin,
    moments: string,
    together: number,
    tables: string[],
  ) {
    this.#engine = engine
    this.#plan = plan
    this.#events = events
    this.#join = join
    this.#together = together
    this.#tables = tables
    this.#keys = plan.keys.map(engine.dialect.identifier)
    this.moments = moments
    this.dense = `dense_${ulid()}`
  }

  async #table(sql: string): Promise<string> {
    const name = this.#engine.dialect.identifier(`moments_${ulid()}`)
    await this.#engine.execute(`CREATE TABLE ${name} AS ${sql}`)
    this.#tables.push(name)
    return name
  }

  async #count(from: string): Promise<number> {
    return Number((await this.#engine.rows(`SELECT count(*) AS n FROM ${from}`))[0]?.n)
  }

  async prepare(): Promise<void> {
    await this.#engine.execute(`CREATE TABLE ${this.dense} AS SELECT * FROM ${this.moments} LIMIT 0`)
    this.#tables.push(this.dense)
  }

  /** Those of the moments that are joined: entities with too many of them in one stretch are left to the sweep. */
  async #sparse(moments: string, width: number): Promise<string> {
    const keys = this.#keys.join(', ')
    const stretch = Number.isFinite(width)
      ? `, ${this.#engine.dialect.wholeDivision(`CAST(${asked.at} AS BIGINT)`, width)}`
      : ''
    const crowded = `SELECT ${keys} FROM ${moments} GROUP BY ${keys}${stretch} HAVING count(*) > ${this.#together}`
    if ((await this.#count(`(${crowded})`)) === 0) return moments
    await this.#engine.execute(
      `INSERT INTO ${this.dense} SELECT * FROM ${moments} SEMI JOIN (${crowded}) USING (${keys}) ANTI JOIN ${this.dense} USING (${asked.ordinal})`,
    )
    return this.#table(`SELECT * FROM ${moments} ANTI JOIN (${crowded}) USING (${keys})`)
  }

  async #entities(moments: string): Promise<number> {
    return Math.max(1, await this.#count(`(SELECT DISTINCT ${this.#keys.join(', ')} FROM ${moments})`))
  }

  /** So far back there are a few events of an entity, if they are as many at all times. */
  #firstWidth(entities: number, furthest: number): number {
    const span = this.#events.newest - this.#events.oldest + 1
    const width = Math.max(1, Math.ceil((4 * span * entities) / this.#events.rows))
    return width * 3 >= Math.min(furthest, span) ? furthest : width
  }

  /**
   * Looks for the newest rows, first nearby and then further and further back for the moments that found none: what is near
   * is newer than all that is further. Gives a table with the columns of `looks`, null where there is nothing.
   */
  async find(from: string, looks: Looks): Promise<string> {
    const furthest = Math.max(...looks.columns.map(one => one.window))
    const found: string[] = []
    let moments = from
    const entities = await this.#entities(moments)
    let width = this.#firstWidth(entities, furthest)
    for (;;) {
      moments = await this.#sparse(moments, width)
      const table = await this.#table(this.#join.sql(moments, width, looks.parts(width)))
      found.push(table)
      if (width >= furthest) break
      const open = looks.columns.filter(one => one.window > width).map(one => `${one.name} IS NULL`)
      moments = await this.#table(
        `SELECT m.* FROM ${moments} m LEFT JOIN ${table} f USING (${asked.ordinal}) WHERE f.${asked.ordinal} IS NULL OR ${open.join(' OR ')}`,
      )
      const left = await this.#count(moments)
      if (left === 0) break
      // Where these meet all events of their entities in no more steps than it takes to read the events, there is no third look
      width = left <= entities ? furthest : width * further
      if (width * 3 >= Math.min(furthest, this.#events.newest - this.#events.oldest + 1)) width = furthest
    }
    const [only] = found
    if (only !== undefined && found.length === 1) return only
    const columns = looks.columns.map(
      ({ name }) => `coalesce(${found.map((_, i) => `f${i}.${name}`).join(', ')}) AS ${name}`,
    )
    const joins = found.map((table, i) => `LEFT JOIN ${table} f${i} USING (${asked.ordinal})`)
    return this.#table(`SELECT m.${asked.ordinal}, ${columns.join(', ')} FROM ${from} m ${joins.join(' ')}`)
  }

  /** The last values, each channel looked for by itself. */
  async #ownLast(
    from: string,
    features: readonly PlacedFeature[],
    looksForPresent: boolean,
  ): Promise<string | undefined> {
    if (features.length === 0 && !looksForPresent) return undefined
    return this.find(from, {
      parts: width => [
        ...features.flatMap(({ feature, place }) => this.#join.feature(feature, width, `o${place}`).parts),
        ...(looksForPresent ? this.#present(width) : []),
      ],
      columns: [
        ...features.map(({ feature, place }) => ({
          name: `o${place}`,
          window: feature.spec.window ?? Number.POSITIVE_INFINITY,
        })),
        ...(looksForPresent ? [{ name: 'present', window: this.#plan.view.ttl ?? Number.POSITIVE_INFINITY }] : []),
      ],
    })
  }

  /**
   * The last values of channels of one visibility: they are those of one row, but where that has no value in a channel. Gives
   * SQL of each feature's value over tables to be joined.
   */
  async #sharedLast(
    features: readonly PlacedFeature[],
    newest: string,
    column: string,
  ): Promise<{ readonly tables: readonly string[]; readonly sql: ReadonlyMap<number, string> }> {
    const channels = [...new Set(features.map(({ feature }) => feature.channel))]
    const values = channels.map(channel => this.#events.values[channel] as string)
    const place = this.#tables.length
    const row = await this.#table(
      `SELECT w.${asked.ordinal}, w.millrace_then AS e${place}, ${values.map((value, i) => `e.${value} AS v${place}_${i}`).join(', ')} FROM (SELECT ${asked.ordinal}, ${this.#join.eventIn(column)} AS millrace_then, ${this.#join.rowIn(column)} AS millrace_row FROM ${newest} WHERE ${column} IS NOT NULL) w JOIN (${this.#events.sql}) e ON e.millrace_row = w.millrace_row`,
    )
    const tables = [row]
    const lacking = await this.#engine.rows(
      `SELECT ${values.map((_, i) => `count(*) FILTER (WHERE isnan(v${place}_${i})) AS n${i}`).join(', ')} FROM ${row}`,
    )
    const without = channels.filter((_, i) => Number(lacking[0]?.[`n${i}`]) > 0)
    const again = features.filter(({ feature }) => without.includes(feature.channel))
    if (again.length > 0) {
      const isLacking = without.map(channel => `isnan(v${place}_${channels.indexOf(channel)})`).join(' OR ')
      const moments = await this.#table(
        `SELECT m.* FROM ${this.moments} m JOIN ${row} USING (${asked.ordinal}) WHERE ${isLacking}`,
      )
      tables.push((await this.#ownLast(moments, again, false)) as string)
    }
    const sql = new Map<number, string>()
    for (const { feature, place: at } of features) {
      const value = `v${place}_${channels.indexOf(feature.channel)}`
      const { window } = feature.spec
      const near =
        window === undefined ? value : `CASE WHEN e${place} >= ${asked.at} - ${window}::DOUBLE THEN ${value} END`
      sql.set(at, without.includes(feature.channel) ? `CASE WHEN isnan(${value}) THEN o${at} ELSE ${near} END` : near)
    }
    return { tables, sql }
  }

  async features(): Promise<JoinedFeatures> {
    const { features } = this.#plan
    const { ttl } = this.#plan.view
    const places = features
      .map((feature, place) => ({ feature, place }))
      .filter(({ feature }) => feature.spec.aggregation !== 'derived' && isJoined(feature))
    const lasts = places.filter(({ feature }) => isLast(feature))
    const others = places.filter(({ feature }) => !isLast(feature))
    const tables: string[] = []
    const values = new Map<number, string>()
    // Everything in one join, as far back as the longest aggregate; what is the newest may lie further back
    const width = Math.max(0, ...others.map(({ feature }) => widthOf(feature)))
    const made = others.map(({ feature, place }) => ({ place, ...this.#join.feature(feature, width, `a${place}`) }))
    const isPresent = ttl !== undefined && others.length > 0 && ttl <= width
    if (others.length > 0) {
      const sparse = await this.#sparse(this.moments, width)
      const present = isPresent ? this.#present(width) : []
      tables.push(await this.#table(this.#join.sql(sparse, width, [...made.flatMap(one => one.parts), ...present])))
      for (const { place, sql } of made) values.set(place, sql)
    }
    const looksForPresent = ttl !== undefined && !isPresent
    if (this.#events.shared) {
      const visibilities = [
        ...new Set([
          ...lasts.map(({ feature }) => this.#events.visibilityOf[feature.channel] as number),
          ...(looksForPresent ? [this.#events.visibilityOf[0] as number] : []),
        ]),
      ]
      const columns = visibilities.map(visibility => {
        const windows = lasts
          .filter(({ feature }) => this.#events.visibilityOf[feature.channel] === visibility)
          .map(({ feature }) => feature.spec.window ?? Number.POSITIVE_INFINITY)
        const own = looksForPresent && visibility === this.#events.visibilityOf[0] ? [ttl] : []
        return { name: `newest${visibility}`, visibility, window: Math.max(...windows, ...own) }
      })
      if (columns.length > 0) {
        const newest = await this.find(this.moments, {
          columns,
          parts: at => columns.map(one => this.#join.newestWithin(one.visibility, one.window, at, one.name)),
        })
        tables.push(newest)
        for (const { visibility, name } of columns) {
          const own = lasts.filter(({ feature }) => this.#events.visibilityOf[feature.channel] === visibility)
          if (own.length === 0) continue
          const shared = await this.#sharedLast(own, newest, name)
          tables.push(...shared.tables)
          for (const [place, sql] of shared.sql) values.set(place, sql)
        }
        const first = `newest${this.#events.visibilityOf[0]}`
        if (looksForPresent)
          return this.#complete(tables, values, `${this.#join.eventIn(first)} >= ${asked.at} - ${ttl}::DOUBLE`)
      }
    } else {
      const found = await this.#ownLast(this.moments, lasts, looksForPresent)
      if (found !== undefined) tables.push(found)
      for (const { place } of lasts) values.set(place, `o${place}`)
    }
    return this.#complete(tables, values, ttl === undefined ? 'true' : 'present IS NOT NULL')
  }

  /** Whether there is a row as young as the view's ttl: `present` is not null. Of channel 0 every row has a value that is there. */
  #present(width: number): readonly Part[] {
    const { ttl } = this.#plan.view
    const spec = { aggregation: 'last', window: ttl, type: 'float', nullable: true } as const
    return this.#join.feature(
      { name: 'present', spec: spec as FeatureSpec, channel: 0, type: 'number' },
      width,
      'present',
    ).parts
  }

  #complete(tables: readonly string[], values: ReadonlyMap<number, string>, present: string): JoinedFeatures {
    const columns = this.#plan.features.map((_, f) => `CASE WHEN ${present} THEN ${values.get(f) ?? 'NULL'} END`)
    return { tables, columns, present }
  }
}
