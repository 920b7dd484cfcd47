import type { Json } from '../../../../internal/canonical-json.ts'
import { Code } from '../../../../internal/typescript-text.ts'
import { conditionCode, parseCondition, signOf, type Condition } from '../condition.ts'
import { RuleSettings, isRecord, LeftOut, shown } from '../given.ts'
import type { Rule } from '../rule.ts'

export type Options = Readonly<Record<string, unknown>>

/** The arguments of the expectation itself. */
export function kwargs(rule: Rule): RuleSettings {
  return rule.given.part('kwargs', '') ?? new RuleSettings({})
}

function severity(rule: Rule): Options {
  const found = rule.given.text('severity')?.toLowerCase()
  if (found === undefined || found === 'critical') return {}
  if (found !== 'warning' && found !== 'info') throw new LeftOut(`its severity is ${shown(found)}`)
  return { severity: found }
}

/** A condition as newer versions write it: an object a comparison. */
function structured(value: Json): Condition {
  const given = new RuleSettings(value, 'row_condition.')
  const type = given.text('type')
  if (type === 'and' || type === 'or') {
    const of = given.needed('conditions', given.list('conditions')).map(structured)
    if (of.length === 0) throw new LeftOut('its condition is empty')
    return { is: type, of }
  }
  if (type === 'pass_through')
    return parseCondition(given.needed('pass_through_filter', given.text('pass_through_filter')), 'python')
  const part = given.part('column')
  const column = part?.needed('name', part.text('name'))
  if (column === undefined) throw new LeftOut(`its condition ${shown(value)} is not read`)
  if (type === 'nullity') return { is: given.flag('is_null') ? 'null' : 'not null', column }
  const operator = given.text('operator') ?? ''
  if (operator === 'IN' || operator === 'NOT_IN')
    return {
      is: operator === 'IN' ? 'in' : 'not in',
      column,
      values: given.needed('parameter', given.list('parameter')),
    }
  const sign = signOf(operator)
  if (type !== 'comparison' || sign === undefined) throw new LeftOut(`its condition ${shown(value)} is not read`)
  return { is: 'compared', column, sign, with: given.needed('parameter', given.take('parameter')) }
}

const negating = (condition: Condition): boolean =>
  condition.is === 'not' ||
  condition.is === 'not in' ||
  (condition.is === 'compared' && condition.sign === 'ne') ||
  ((condition.is === 'and' || condition.is === 'or') && condition.of.some(negating))

/** The rows that the rule is about; undefined for all. */
export function condition(rule: Rule): Code | undefined {
  const given = kwargs(rule)
  const value = given.take('row_condition')
  given.ignore('condition_parser')
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string' && !isRecord(value)) throw new LeftOut(`its row_condition is ${shown(value)}`)
  const parsed = typeof value === 'string' ? parseCondition(value, 'python') : structured(value)
  if (negating(parsed))
    rule.differs(
      'rows whose condition is null are left aside, as SQL does; pandas takes a null for different from every value',
    )
  return conditionCode(rule, parsed)
}

/** What every expectation has: severity, and rows it is about. */
export function common(rule: Rule): Options {
  return { ...severity(rule), when: condition(rule) }
}

/**
 * What rules about single rows have. Great Expectations lets pass where nothing is left to judge, so `onEmpty` is `pass`.
 */
export function rowOptions(rule: Rule): Options {
  const mostly = kwargs(rule).number('mostly')
  if (mostly !== undefined && !(mostly >= 0 && mostly <= 1)) throw new LeftOut(`mostly is ${mostly}`)
  return { ...(mostly === undefined || mostly === 1 ? {} : { mostly }), ...common(rule), onEmpty: 'pass' }
}

/** A figure of nothing is no figure and fails, there as here; a count of nothing is 0. */
export function emptyIsZero(holds: boolean): Options {
  return holds ? { onEmpty: 'pass' } : {}
}

/** Combines the rows a rule leaves aside by `ignore_row_if` with those of its own condition. */
export function unlessMissing(options: Options, kept: Code | undefined): Options {
  const own = options['when']
  if (kept === undefined) return options
  return { ...options, when: own instanceof Code ? new Code(`${own.text}.and(${kept.text})`) : kept }
}
