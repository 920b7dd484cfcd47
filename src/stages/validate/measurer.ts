import {
  columnsOfMetric,
  metricId,
  type Metric,
  type MetricResult,
  type MetricResults,
} from '../../define/expectation/metric.ts'
import { fail } from '../../errors/index.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ColumnType, DataEngine } from '../../ports/data-engine.ts'
import { takeStep, type Measurable, type Measurements } from './measure.ts'
import { planMeasures, type ColumnFacts, type PlanFacts, type PlanStep } from './plan.ts'
import { merge } from './state.ts'

/** A step as it was taken. */
export interface TakenStep extends PlanStep {
  readonly milliseconds: number
}

/** Rows that are looked at before the plan is made. */
const sampleRows = 50_000

/** Measures one relation: plans what is asked, takes each measure once, and remembers it. */
export class Measurer {
  readonly steps: TakenStep[] = []
  readonly #engine: DataEngine
  readonly #clock: Clock
  readonly #target: Measurable
  readonly #types: ReadonlyMap<string, ColumnType>
  readonly #found: Measurements = new Map()
  readonly #facts = new Map<string, ColumnFacts>()
  #rows: number | undefined

  constructor(engine: DataEngine, clock: Clock, target: Measurable, types: ReadonlyMap<string, ColumnType>) {
    this.#engine = engine
    this.#clock = clock
    this.#target = target
    this.#types = types
  }

  /** Number of rows; from file metadata where it states it. */
  async rows(): Promise<number> {
    if (this.#rows !== undefined) return this.#rows
    const counted = this.#target.footer?.rows
    if (counted !== undefined) return (this.#rows = counted)
    const [row] = await this.#engine.rows(`SELECT count(*) AS n FROM (${this.#target.sql})`)
    return (this.#rows = Number(row?.n ?? 0))
  }

  /** Takes all measures that were not taken yet, by one plan. */
  async take(metrics: readonly Metric[]): Promise<void> {
    const missing = metrics.filter(metric => !this.#found.has(metricId(metric)))
    if (missing.length === 0) return
    for (const step of planMeasures(missing, await this.#planFacts(missing))) {
      const started = this.#clock.elapsed()
      await takeStep(this.#engine, step, this.#target, this.#found)
      this.steps.push({ ...step, milliseconds: this.#clock.elapsed() - started })
    }
  }

  /** Why a measure could not be taken; undefined where it was. */
  failure(metric: Metric): string | undefined {
    const found = this.#found.get(metricId(metric))
    return found && 'error' in found ? found.error : undefined
  }

  /** A measure that was taken. */
  result<M extends Metric>(metric: M): MetricResults[M['fn']] {
    const found = this.#found.get(metricId(metric))
    if (!found) throw new TypeError(`${metric.fn} was not measured`)
    if ('error' in found) throw fail('queryFailed', { reason: found.error })
    const whole: MetricResult = 'whole' in found ? found.whole : merge(metric, found.parts)
    if ('parts' in found) this.#found.set(metricId(metric), { whole })
    return whole as MetricResults[M['fn']]
  }

  async measure<M extends Metric>(metric: M): Promise<MetricResults[M['fn']]> {
    await this.take([metric])
    return this.result(metric)
  }

  /** Looks at a few rows of the columns that a measure alone reads, to see whether their values are few. */
  async #planFacts(metrics: readonly Metric[]): Promise<PlanFacts> {
    const rows = await this.rows()
    const unknown = new Set<string>()
    for (const metric of metrics) {
      const [column, other] = columnsOfMetric(metric)
      if (column !== undefined && other === undefined && !this.#facts.has(column)) unknown.add(column)
    }
    if (unknown.size > 0 && rows > 0) await this.#sample([...unknown], rows)
    return { rows, columns: this.#facts, footerNulls: this.#target.footer?.nulls }
  }

  async #sample(columns: readonly string[], rows: number): Promise<void> {
    const { dialect } = this.#engine
    const names = columns.map(dialect.identifier)
    const select = `SELECT ${names.join(', ')} FROM (${this.#target.sql})`
    const some = rows > 2 * sampleRows ? dialect.sample(this.#target.sql, sampleRows / rows) : select
    const counts = names.map((name, i) => `${dialect.approximateDistinct(name)} AS d${i}`)
    const [row] = await this.#engine.rows(`SELECT count(*) AS n, ${counts.join(', ')} FROM (${some})`)
    columns.forEach((column, i) =>
      this.#facts.set(column, {
        type: this.#types.get(column) ?? 'text',
        sampledDistinct: Number(row?.[`d${i}`] ?? 0),
        sampledRows: Number(row?.n ?? 0),
      }),
    )
  }
}
