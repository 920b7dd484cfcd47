import type { Dataset } from '../../define/dataset.ts'
import type { Kind, Measurements, RowCounts, Verdict, VerdictContext } from '../../define/expectation/kind.ts'
import type { Metric } from '../../define/expectation/metric.ts'
import type { Needs, Reference, RowRule } from '../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../define/expectation/spec.ts'
import { ownFault } from './measure.ts'
import type { Measurer } from './measurer.ts'
import { evaluateRule, plannedOf, Unavailable, type RuleContext, type RuleOutcome } from './rules/index.ts'
import { skipped } from '../../define/expectation/verdict.ts'

/** What one expectation asks of another relation. */
export interface ReferenceAsk {
  readonly from: Reference
  readonly metrics: readonly Metric[]
}

/** One expectation on its way through its stages of measuring to its verdict. */
export class ExpectationRun {
  readonly spec: ExpectationSpec
  readonly kind: Kind<unknown>
  readonly #columns: Dataset['columns']
  readonly #own = new Map<string, Metric>()
  readonly #theirs = new Map<string, Metric>()
  #from: Reference | undefined
  #rule: RowRule | undefined
  #stage = 0
  #counts: RowCounts | undefined
  /** Where its bad rows are, once it was judged. */
  outcome: RuleOutcome | undefined
  /** Why it cannot be judged. */
  error: string | undefined

  constructor(spec: ExpectationSpec, kind: Kind, columns: Dataset['columns']) {
    this.#columns = columns
    this.spec = spec
    this.kind = kind as unknown as Kind<unknown>
  }

  /** Whether there is a stage of measuring ahead. */
  get more(): boolean {
    return this.error === undefined && this.#stage <= (this.kind.later?.length ?? 0)
  }

  /** What the next stage needs of the dataset, and of a reference. */
  next(measurer: Measurer, reference: Measurer | undefined): { own: readonly Metric[]; reference?: ReferenceAsk } {
    const needs = this.#needs(measurer, reference)
    this.#stage++
    if (!needs) return { own: [] }
    const own = Object.entries(needs.metrics ?? {})
    for (const [name, metric] of own) this.#own.set(name, metric)
    const theirs = Object.entries(needs.reference?.metrics ?? {})
    for (const [name, metric] of theirs) this.#theirs.set(name, metric)
    if (needs.reference) this.#from = needs.reference.from
    const counted: Metric[] = []
    if (needs.rows) {
      this.#rule = needs.rows
      counted.push(...plannedOf(this.spec, needs.rows, this.#columns))
    }
    return {
      own: [...own.map(([, metric]) => metric), ...counted],
      ...(needs.reference
        ? { reference: { from: needs.reference.from, metrics: theirs.map(([, metric]) => metric) } }
        : {}),
    }
  }

  #needs(measurer: Measurer, reference: Measurer | undefined): Needs | undefined {
    try {
      if (this.#stage === 0) return this.kind.needs(this.spec)
      return this.kind.later?.[this.#stage - 1]?.(this.spec, this.#measured(measurer, reference))
    } catch (error) {
      this.error = ownFault(error)
      return undefined
    }
  }

  /** Whether its rule takes a look at the rows of its own. */
  get looksForItself(): boolean {
    return this.#rule !== undefined && this.#rule.by !== 'expression' && this.error === undefined
  }

  /** Its rule, where that is about rows that are alike. */
  get keyRule(): Extract<RowRule, { by: 'group' }> | undefined {
    return this.error === undefined && this.#rule?.by === 'group' ? this.#rule : undefined
  }

  /** The relation that it compares with. */
  get from(): Reference | undefined {
    return this.#from
  }

  /** Remembers what could not be measured as its error. */
  checkFailures(measurer: Measurer, reference: Measurer | undefined): void {
    for (const metric of this.#own.values()) this.error ??= measurer.failure(metric)
    if (reference) for (const metric of this.#theirs.values()) this.error ??= reference.failure(metric)
  }

  #measured(measurer: Measurer, reference: Measurer | undefined): Measurements {
    const known = (names: ReadonlyMap<string, Metric>, name: string): Metric => {
      const metric = names.get(name)
      if (!metric) throw new TypeError(`${this.spec.kind} did not ask for '${name}'`)
      return metric
    }
    return {
      metric: name => measurer.result(known(this.#own, name)) as never,
      reference: name => {
        const metric = this.#theirs.get(name)
        return (metric && reference ? reference.result(metric) : undefined) as never
      },
      rows: this.#counts,
    }
  }

  /** Counts the rows that break it, and judges. What is at fault with this one expectation is its error alone. */
  async judge(
    context: RuleContext,
    measurer: Measurer,
    reference: Measurer | undefined,
    verdicts: VerdictContext,
  ): Promise<Verdict | undefined> {
    if (this.error !== undefined) return undefined
    try {
      if (this.#rule) {
        this.outcome = await evaluateRule(context, this.spec, this.#rule)
        this.#counts = this.outcome.counts
      }
      return this.kind.verdict(this.spec, this.#measured(measurer, reference), verdicts)
    } catch (error) {
      if (error instanceof Unavailable) return skipped(this.spec, error.message)
      this.error = ownFault(error)
      return undefined
    }
  }
}
