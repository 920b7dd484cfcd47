import type { Dataset } from '../../../define/dataset.ts'
import type { RowsMetric } from '../../../define/expectation/metric.ts'
import type { RowRule } from '../../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import { where } from '../../../define/expectation/where.ts'
import { toSql } from '../../../define/expression/index.ts'
import { batchRule } from './batch.ts'
import { scopeOf, type RuleContext, type RuleOutcome } from './context.ts'
import { expressionParts } from './expression.ts'
import { groupRule, nullsOf } from './group.ts'
import { lookupRule } from './lookup.ts'
import { matchRule } from './match.ts'
import { orderRule } from './order.ts'
import { queryRule } from './query.ts'
import { remembered } from './remembered.ts'

export { Unavailable, type RuleContext, type RuleOutcome } from './context.ts'

/** What a rule asks beside its own look at the rows: in the plan of all, it costs no look of its own. */
export function plannedOf(spec: ExpectationSpec, rule: RowRule, columns: Dataset['columns']): RowsMetric[] {
  const own = rule.by === 'expression' ? Object.values(expressionParts(spec, rule.good).metrics) : []
  const nulls = rule.by === 'group' ? nullsOf(rule, columns) : []
  // what `scopeOf` reads
  return [...own, ...nulls, { fn: 'rows' }, { fn: 'rows', ...where(spec.when) }]
}

/** Evaluates a row-level rule: how many rows break it, and which. */
export function evaluateRule(context: RuleContext, spec: ExpectationSpec, rule: RowRule): Promise<RuleOutcome> {
  return remembered(context, spec, rule, () => look(context, spec, rule))
}

async function look(context: RuleContext, spec: ExpectationSpec, rule: RowRule): Promise<RuleOutcome> {
  switch (rule.by) {
    case 'expression': {
      const { bad, metrics } = expressionParts(spec, rule.good)
      const broken = await context.measure(metrics.bad)
      const nulls = metrics.nulls ? await context.measure(metrics.nulls) : 0
      const { inside, excludedFilter } = await scopeOf(context, spec)
      return {
        counts: { bad: broken, evaluated: inside - nulls, excludedNull: nulls, excludedFilter },
        bad: broken === 0 ? undefined : toSql(bad, context.engine.dialect),
        condition: bad,
      }
    }
    case 'group':
      return groupRule(context, spec, rule)
    case 'order':
      return orderRule(context, spec, rule)
    case 'lookup':
      return lookupRule(context, spec, rule)
    case 'match':
      return matchRule(context, spec, rule)
    case 'levels':
      // it brings a validator of JSON schemas along
      return (await import('./levels.ts')).levelsRule(context, spec, rule)
    case 'query':
      return queryRule(context, spec, rule)
    case 'batch':
      return batchRule(context, spec, rule)
  }
}
