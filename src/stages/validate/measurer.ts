import {
  columnsOfMetric,
  metricId,
  type Metric,
  type MetricResult,
  type MetricResults,
} from '../../define/expectation/metric.ts'
import { cellsOf, isUnreadableName } from '../../define/expectation/kinds/readable.ts'
import { fail } from '../../errors/index.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ColumnType, DataEngine } from '../../ports/data-engine.ts'
import { toSql } from '../../define/expression/index.ts'
import type { ColumnNode } from '../../define/expression/node.ts'
import type { Digest } from '../../internal/digest.ts'
import { derivedOf, overDerived, type DerivedColumn } from './derived.ts'
import { fromValues } from './from-values.ts'
import { takeByScan, takeStep, type Measurable, type Measurements } from './measure.ts'
import {
  answeredTogether,
  hasFewValues,
  isCategory,
  planMeasures,
  type ColumnFacts,
  type PlanFacts,
  type PlanStep,
} from './plan.ts'
import { planInPlace, withNullsOf, type InPlacePlan } from './plan-in-place.ts'
import { isMergeable, merge } from './state.ts'
import type { RuleFinding, RuleMemory } from './rules/remembered.ts'
import { setName, type MetricStates } from './states.ts'

/** A step as it was taken. */
export interface TakenStep extends Omit<PlanStep, 'kind'> {
  /**
   * Besides the measures: `nulls`, those that a database counts; `read`, the rows of a table that are read into the engine;
   * `rule`, a row-level rule that looks at rows in their own way; `failures`, the second look.
   */
  readonly kind: PlanStep['kind'] | 'nulls' | 'read' | 'rule' | 'failures'
  /** What a rule says. */
  readonly says?: string
  readonly milliseconds: number
  /** Parts of which its measures were known from before. */
  readonly remembered: number
}

/** What was measured before of parts with the same content. */
export interface Memory {
  readonly states: MetricStates
  /** Digest of each part. */
  readonly parts: readonly Digest[]
  /** Digest of how columns are read from the source: their types, zones, and texts that stand for null. */
  readonly reading: string
  /** Columns of personal data: what reads them is never kept. */
  readonly personal: ReadonlySet<string>
}

/** Rows that are looked at before the plan is made. */
const sampleRows = 50_000
/** Columns that are looked at in one statement: what the engine holds of each, and its planning, is no longer linear far beyond. */
const sampledAtOnce = 256

/** Values, of all parts, that are kept though only conditions were asked of them: to take them out costs less than a statement. */
const maxKept = 4000

/** Below so many measures of several columns nothing is gained by counting these together. */
const fewestTogether = 4

/** Measures one relation: plans what is asked, takes each measure once, and remembers it. */
export class Measurer {
  readonly steps: TakenStep[] = []
  readonly #engine: DataEngine
  readonly #clock: Clock
  #target: Measurable
  readonly #types: ReadonlyMap<string, ColumnType>
  readonly #found: Measurements = new Map()
  readonly #facts = new Map<string, ColumnFacts>()
  readonly #memory: Memory | undefined
  readonly #statedBy: 'file metadata' | 'the database'
  #rows: number | undefined

  constructor(
    engine: DataEngine,
    clock: Clock,
    target: Measurable,
    types: ReadonlyMap<string, ColumnType>,
    memory?: Memory,
  ) {
    this.#memory = memory
    this.#engine = engine
    this.#clock = clock
    this.#target = target
    this.#statedBy = target.unread ? 'the database' : 'file metadata'
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
    for (const step of await this.#plan(missing)) {
      const started = this.#clock.elapsed()
      const remembered = await this.#takeStep(step)
      this.steps.push({ ...step, remembered, milliseconds: this.#clock.elapsed() - started })
    }
    if (!this.#target.unread) return
    const left = missing.filter(metric => !this.#found.has(metricId(metric)))
    if (left.length === 0) return
    await this.ready('counted values do not answer all that is asked')
    await this.take(left)
  }

  /**
   * Reads the rows of a table that stand in its database still; why, for the plan. Nothing where they are there already. To
   * be called before its SQL is asked.
   */
  async ready(because: string): Promise<void> {
    const { unread, ...target } = this.#target
    if (!unread) return
    const started = this.#clock.elapsed()
    await unread.read()
    this.#target = target
    this.#tell('read', `${unread.rows.toLocaleString('en-US')} rows read through a cursor: ${because}`, started)
  }

  async #plan(metrics: readonly Metric[]): Promise<readonly PlanStep[]> {
    const plan = await this.#planInPlace(metrics)
    if (plan && 'steps' in plan) return plan.steps
    if (plan) await this.ready(plan.because)
    return planMeasures(metrics, await this.#planFacts(metrics))
  }

  /** The plan of a table that stands in its database still; undefined where there is none such. */
  async #planInPlace(metrics: readonly Metric[]): Promise<InPlacePlan | undefined> {
    const { unread, footer } = this.#target
    if (!unread || !footer) return undefined
    const facts = await this.#planFacts(metrics)
    const { plan, nulls } = withNullsOf(metrics, facts)
    if ('because' in plan || nulls.length === 0) return plan
    const started = this.#clock.elapsed()
    const known = new Map([...footer.nulls, ...(await unread.nulls(nulls))])
    this.#target = { ...this.#target, footer: { ...footer, nulls: known } }
    this.#tell('nulls', `the values of ${nulls.join(', ')} are too many to count`, started)
    return planInPlace(metrics, { ...facts, footerNulls: known })
  }

  #tell(kind: TakenStep['kind'], because: string, started: number): void {
    const milliseconds = this.#clock.elapsed() - started
    this.steps.push({ kind, metrics: [], estimateMs: 0, remembered: 0, because, milliseconds })
  }

  /** Takes a step for the parts of which its measures are not known yet. Gives how many parts were known. */
  async #takeStep(step: PlanStep): Promise<number> {
    if (step.kind === 'counted') {
      this.#answerByValues(step.metrics, step.of as ColumnNode)
      return 0
    }
    const counted: Metric | undefined =
      step.kind === 'values' && (step.metrics.some(metric => metric.fn !== 'rows') || this.#areKept(step.of))
        ? { fn: 'values', of: step.of as ColumnNode }
        : undefined
    const wanted = step.kind === 'values' ? step.metrics.filter(metric => metric.fn === 'rows') : step.metrics
    const all = [...(counted ? [counted] : []), ...wanted]
    const known = step.kind === 'footer' ? undefined : await this.#known(all)
    const pending = known ? known.flatMap((part, i) => (part ? [] : [i])) : undefined
    if (pending?.length !== 0) {
      const some = known && pending && pending.length < known.length && this.#target.only
      const target = some ? await some(pending as number[]) : this.#target
      const taken: Measurements = new Map()
      await takeStep(this.#engine, counted ? { ...step, metrics: [...step.metrics, counted] } : step, target, taken)
      await this.#combine(all, taken, some ? pending : undefined)
    }
    if (counted) {
      const others = step.metrics.filter(metric => metric.fn !== 'rows' && metricId(metric) !== metricId(counted))
      if (this.#countedBefore(step.of as ColumnNode)) this.#answerByValues(others, step.of as ColumnNode)
      else if (!this.#target.unread) await takeByScan(this.#engine, others, this.#target, this.#found)
    }
    return known ? known.length - (pending?.length ?? 0) : 0
  }

  /** For each part whether all of these measures are remembered; undefined where nothing is remembered. */
  async #known(metrics: readonly Metric[]): Promise<boolean[] | undefined> {
    const { states, parts } = this.#memory ?? {}
    if (!states || !parts) return undefined
    if (metrics.some(metric => this.#isPersonal(metric))) return undefined
    const known = parts.map(() => true)
    for (const metric of metrics)
      if (isMergeable(metric)) {
        const before = await Promise.all(parts.map(async part => (await states.get(part)).get(this.#key(metric))))
        before.forEach((result, i) => {
          if (result === undefined) known[i] = false
        })
      } else if ((await states.get(setName(parts))).get(this.#key(metric)) === undefined) known.fill(false)
    if (known.every(Boolean)) for (const metric of metrics) await this.#recall(metric)
    return known
  }

  /** Takes a measure of all parts from memory. */
  async #recall(metric: Metric): Promise<void> {
    const { states, parts } = this.#memory as { states: MetricStates; parts: readonly Digest[] }
    const of = isMergeable(metric) ? parts : [setName(parts)]
    const results = await Promise.all(
      of.map(async part => (await states.get(part)).get(this.#key(metric)) as MetricResult),
    )
    this.#found.set(metricId(metric), isMergeable(metric) ? { parts: results } : { whole: results[0] as MetricResult })
  }

  /** Remembers what was taken now, and joins it with what is known of the other parts. */
  async #combine(
    metrics: readonly Metric[],
    taken: Measurements,
    pending: readonly number[] | undefined,
  ): Promise<void> {
    for (const metric of metrics) {
      const found = taken.get(metricId(metric))
      if (!found) continue
      const { states, parts } = this.#memory ?? {}
      if (!states || !parts || 'error' in found || this.#isPersonal(metric)) {
        this.#found.set(metricId(metric), found)
        continue
      }
      if ('whole' in found) await states.put(setName(parts), this.#key(metric), found.whole)
      else
        for (const [i, result] of found.parts.entries())
          await states.put(parts[pending?.[i] ?? i] as Digest, this.#key(metric), result)
      if (pending && isMergeable(metric)) await this.#recall(metric)
      else this.#found.set(metricId(metric), found)
    }
  }

  /** Whether the values of a column are so few that what is asked of it later is best answered by them. */
  #areKept(of: ColumnNode | undefined): boolean {
    const known = of && this.#facts.get(of.name)
    return known !== undefined && known.sampledDistinct * this.#target.parts <= maxKept
  }

  #countedBefore(of: ColumnNode): boolean {
    const found = this.#found.get(metricId({ fn: 'values', of }))
    return found !== undefined && !('error' in found)
  }

  /** Measures of a column whose values are counted. */
  #answerByValues(metrics: readonly Metric[], of: ColumnNode): void {
    const counts = this.result({ fn: 'values', of })
    for (const metric of metrics) this.#found.set(metricId(metric), { whole: fromValues(metric, of.name, counts) })
  }

  /** What rules found before in all of the rows; undefined where nothing is remembered. */
  get rules(): RuleMemory | undefined {
    const { states, parts, reading, personal } = this.#memory ?? {}
    if (!states || !parts) return undefined
    const isKept = (columns: readonly string[]) => !columns.some(column => personal?.has(column))
    return {
      recall: async (key, columns) =>
        isKept(columns) ? ((await states.get(setName(parts))).get(`${key}/${reading}`) as RuleFinding) : undefined,
      keep: async (key, columns, finding) => {
        if (isKept(columns)) await states.put(setName(parts), `${key}/${reading}`, finding)
      },
    }
  }

  #isPersonal(metric: Metric): boolean {
    return columnsOfMetric(metric).some(column => this.#memory?.personal.has(column))
  }

  /** A measure of a column that is read in another way is another measure. */
  #key(metric: Metric): string {
    return `${metricId(metric)}/${this.#memory?.reading ?? ''}`
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

  /** Whether the values of a column are few enough to be counted, as a look at some rows tells. */
  async hasFewValues(column: string): Promise<boolean> {
    const rows = await this.rows()
    if (rows === 0) return false
    if (!this.#facts.has(column)) await this.#sample([column], rows)
    return hasFewValues(this.#facts.get(column) as ColumnFacts, rows)
  }

  async measure<M extends Metric>(metric: M): Promise<MetricResults[M['fn']]> {
    await this.take([metric])
    return this.result(metric)
  }

  /**
   * Looks at a few rows of the columns that a measure alone reads, or that many measures read together, to see whether their
   * values are few.
   */
  async #planFacts(metrics: readonly Metric[]): Promise<PlanFacts> {
    const rows = await this.rows()
    const unknown = new Set<string>()
    const { footer, unread } = this.#target
    for (const metric of metrics) {
      const columns = columnsOfMetric(metric)
      // what tells of unreadable cells is no column of a table in its database
      const [column, other] = unread ? new Set(columns.map(cellsOf)) : columns
      if (column !== undefined && other === undefined && !this.#facts.has(column)) unknown.add(column)
    }
    const pairs = unread
      ? []
      : metrics
          .filter(answeredTogether)
          .map(columnsOfMetric)
          .filter(columns => columns.length > 1)
    if (pairs.length >= fewestTogether)
      for (const column of pairs.flat()) if (!this.#facts.has(column)) unknown.add(column)
    if (unknown.size > 0 && rows > 0) await this.#sample([...unknown], rows)
    const derived = unread || rows === 0 ? undefined : await this.#derived(metrics, rows)
    const counted = new Set<string>()
    for (const [name, { type }] of this.#facts) if (this.#countedBefore({ op: 'column', name, type })) counted.add(name)
    const statedBy = footer && this.#statedBy
    return {
      rows,
      columns: this.#facts,
      footerNulls: footer?.nulls,
      statedBy,
      counted,
      ...(derived ? { derived } : {}),
    }
  }

  /** What measures derive of columns with many values, and how many values that has among some rows. */
  async #derived(metrics: readonly Metric[], rows: number): Promise<ReadonlyMap<string, DerivedColumn> | undefined> {
    const found = derivedOf(metrics.filter(answeredTogether), column => {
      const known = this.#facts.get(column)
      return !this.#types.has(`=${column}`) && (known === undefined || !isCategory(known, rows))
    })
    const asked = metrics.filter(metric => overDerived(metric, found) !== metric)
    if (asked.length < fewestTogether) return undefined
    const unknown = [...found.values()].filter(({ column }) => !this.#facts.has(column.name))
    if (unknown.length > 0) {
      const { dialect } = this.#engine
      const counts = unknown.map(({ node }, i) => `${dialect.approximateDistinct(toSql(node, dialect))} AS d${i}`)
      const [row] = await this.#engine.rows(`SELECT count(*) AS n, ${counts.join(', ')} FROM (${this.#some(rows)})`)
      unknown.forEach(({ column }, i) =>
        this.#facts.set(column.name, {
          type: column.type,
          sampledDistinct: Number(row?.[`d${i}`] ?? 0),
          sampledRows: Number(row?.n ?? 0),
        }),
      )
    }
    return found
  }

  /** SELECT of some of the rows, of all where these are few; with other columns than those that are asked perhaps. */
  #some(rows: number, columns?: readonly string[]): string {
    const { narrow, sample } = this.#target
    const { sql } = columns && narrow ? narrow(new Set(columns.map(cellsOf))) : this.#target
    if (rows <= 2 * sampleRows) return sql
    return sample?.(sampleRows, rows) ?? this.#engine.dialect.sample(sql, sampleRows / rows)
  }

  async #sample(columns: readonly string[], rows: number): Promise<void> {
    const { dialect } = this.#engine
    const { unread } = this.#target
    if (unread) {
      const look = await unread.look(columns, sampleRows)
      columns.forEach((column, i) => this.#know(column, look.distinct[i] ?? 0, look.rows))
      return
    }
    for (let start = 0; start < columns.length; start += sampledAtOnce) {
      const asked = columns.slice(start, start + sampledAtOnce)
      const counts = asked.map((name, i) => `${dialect.approximateDistinct(dialect.identifier(name))} AS d${i}`)
      const [row] = await this.#engine.rows(
        `SELECT count(*) AS n, ${counts.join(', ')} FROM (${this.#some(rows, asked)})`,
      )
      asked.forEach((column, i) => this.#know(column, Number(row?.[`d${i}`] ?? 0), Number(row?.n ?? 0)))
    }
  }

  /** Which share of some rows is different in sets of columns; near 1 where few rows are alike in them. */
  async different(sets: readonly (readonly string[])[]): Promise<readonly number[]> {
    const { dialect } = this.#engine
    const counts = sets.map(
      (set, i) => `${dialect.approximateDistinct(dialect.rowHash(set.map(dialect.identifier)))} AS d${i}`,
    )
    const some = this.#some(await this.rows())
    const [row] = await this.#engine.rows(`SELECT count(*) AS n, ${counts.join(', ')} FROM (${some})`)
    return sets.map((_, i) => Number(row?.[`d${i}`] ?? 0) / Math.max(1, Number(row?.n ?? 0)))
  }

  #know(column: string, sampledDistinct: number, sampledRows: number): void {
    const type = this.#types.get(column) ?? (isUnreadableName(column) ? 'bool' : 'text')
    this.#facts.set(column, { type, sampledDistinct, sampledRows })
  }
}
