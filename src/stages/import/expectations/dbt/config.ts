import { Code } from '../../../../internal/typescript-text.ts'
import { type Call } from '../code.ts'
import { conditionCode, parseCondition } from '../condition.ts'
import { RuleSettings, LeftOut, shown } from '../given.ts'
import type { Rule } from '../rule.ts'

/** What changes nothing of a verdict: where failing rows are kept, how a test is called and found. */
const aside = [
  'name',
  'description',
  'tags',
  'meta',
  'docs',
  'group',
  'alias',
  'schema',
  'database',
  'store_failures',
  'store_failures_as',
  'enabled',
  'test_name',
  'column_name',
  'quote_columns',
]

/** A setting of a test, in its config or, as older files have it, beside its arguments. */
function setting<T>(rule: Rule, read: (given: RuleSettings) => T | undefined): T | undefined {
  const config = rule.given.part('config', 'config.') ?? new RuleSettings({})
  return read(config) ?? read(rule.given)
}

/** Most failures of a test that a comparison such as `>10` lets be. */
function most(name: string, comparison: string): number {
  const [, sign, figure] = /^\s*(>=?|!=|<>)\s*(\d+)\s*$/.exec(comparison) ?? []
  if (sign === undefined) throw new LeftOut(`its ${name} is ${shown(comparison)}`)
  const value = Number(figure)
  if (sign === '>') return value
  if (sign === '>=' && value > 0) return value - 1
  if (value === 0 && sign !== '>=') return 0
  throw new LeftOut(`its ${name} is ${shown(comparison)}`)
}

function limits(rule: Rule, counts: string | undefined): Readonly<Record<string, unknown>> {
  const severity = (setting(rule, given => given.text('severity')) ?? 'error').toLowerCase()
  if (severity !== 'error' && severity !== 'warn') throw new LeftOut(`its severity is ${shown(severity)}`)
  const warns = setting(rule, given => given.text('warn_if'))
  const errors = setting(rule, given => given.text('error_if'))
  const warn = most('warn_if', warns ?? '!=0')
  const error = most('error_if', errors ?? '!=0')
  const allowed = severity === 'warn' ? warn : error
  if (allowed > 0 && counts === undefined)
    throw new LeftOut('its threshold counts failures of something that is no row')
  if (allowed > 0 && counts !== undefined && counts !== 'rows')
    rule.differs(`its threshold counts rows, where dbt counts ${counts}`)
  const level = severity === 'warn' ? { severity: 'warning' } : {}
  if (allowed === 0) return level
  return severity === 'error' && warn < error
    ? { warn: { count: warn }, fail: { count: error } }
    : { ...level, maxBad: allowed }
}

function filtered(rule: Rule, options: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const where = setting(rule, given => given.text('where'))
  if (where === undefined) return {}
  const code = conditionCode(rule, parseCondition(where, 'sql'))
  const own = options['when']
  return { when: own instanceof Code ? new Code(`${own.text}.and(${code.text})`) : code }
}

/**
 * Adds to an expectation what the test's config says. `counts` names what dbt counts where that is not rows; it is undefined
 * for rules that rows do not break.
 */
export function configured(rule: Rule, call: Call, counts: string | undefined): Call {
  if (setting(rule, given => given.flag('enabled')) === false) throw new LeftOut('it is switched off')
  rule.given.ignore(...aside)
  rule.given.part('config')?.ignore(...aside)
  return { ...call, options: { ...call.options, ...limits(rule, counts), ...filtered(rule, call.options) } }
}
