import type { Range } from '../bounds.ts'
import { LeftOut, shown, type RuleSettings } from '../given.ts'

/** What a figure may be so that a check passes; a comparison that no range says has none. */
export type AllowedRange = Range
/** The range of each level; at least one of them. */
export interface Levels {
  readonly fail?: AllowedRange
  readonly warn?: AllowedRange
}

const open: AllowedRange = { min: undefined, max: undefined, minExclusive: false, maxExclusive: false }

function ofSign(sign: string, value: number, text: string): AllowedRange {
  if (sign === '=' || sign === '==') return { ...open, min: value, max: value }
  if (sign === '>' || sign === '>=') return { ...open, min: value, minExclusive: sign === '>' }
  if (sign === '<' || sign === '<=') return { ...open, max: value, maxExclusive: sign === '<' }
  throw new LeftOut(`that a figure is not one value (${text.trim()}) has no counterpart`)
}

const number = '(-?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][-+]?\\d+)?)\\s*%?'
const comparison = new RegExp(`^\\s*(==?|!=|<>|<=?|>=?)\\s*${number}\\s*$`)
const between = new RegExp(`^\\s*(not\\s+)?between\\s+([([]?)\\s*${number}\\s+and\\s+${number}\\s*([)\\]]?)\\s*$`)

/** `> 5`, `= 0 %`, `between (0 and 10]`, as what lets the check pass. */
export function passing(text: string): AllowedRange {
  const [, sign, value] = comparison.exec(text) ?? []
  if (sign !== undefined) return ofSign(sign, Number(value), text)
  const [, not, low, min, max, high] = between.exec(text) ?? []
  if (min === undefined) throw new LeftOut(`its threshold ${shown(text.trim())} is not read`)
  if (not) throw new LeftOut(`that a figure lies outside a range (${text.trim()}) has no counterpart`)
  return { min: Number(min), max: Number(max), minExclusive: low === '(', maxExclusive: high === ')' }
}

const opposite: Readonly<Record<string, string>> = { '>': '<=', '>=': '<', '<': '>=', '<=': '>', '!=': '=', '<>': '=' }

/** `when > 5`, as what lets the check pass: its opposite. */
function unless(text: string): AllowedRange {
  const [, condition] = /^\s*when\s+(.*)$/s.exec(text) ?? []
  const [, sign, value] = comparison.exec(condition ?? '') ?? []
  if (sign !== undefined && Object.hasOwn(opposite, sign)) return ofSign(opposite[sign] as string, Number(value), text)
  const [, not, low, min, max, high] = between.exec(condition ?? '') ?? []
  if (min !== undefined && not)
    return { min: Number(min), max: Number(max), minExclusive: low === '(', maxExclusive: high === ')' }
  // between counts and zero, as in a warning before the failure, the range up to its beginning passes
  if (min !== undefined) return { ...open, max: Number(min), maxExclusive: low !== '(' }
  throw new LeftOut(`its threshold ${shown(text)} is not read`)
}

/** The levels of a check of SodaCL: what stands in its line, or `warn` and `fail` below it. */
export function levelsOf(given: RuleSettings, inline: string): Levels {
  const warn = given.text('warn')
  const fail = given.text('fail')
  if (inline.trim() !== '') {
    if (warn !== undefined || fail !== undefined) throw new LeftOut('it has a threshold in its line and others below')
    return { fail: passing(inline) }
  }
  if (warn === undefined && fail === undefined) throw new LeftOut('it has no threshold')
  if (fail !== undefined && isWithin(fail))
    throw new LeftOut(`beyond its failure (${shown(fail)}) it would pass again, which has no counterpart`)
  const failing = fail === undefined ? undefined : unless(fail)
  const warning = warn === undefined ? undefined : unless(warn)
  if (warn !== undefined && isWithin(warn) && !covered(warn, failing))
    throw new LeftOut(`beyond its warning (${shown(warn)}) it would pass again, which has no counterpart`)
  return { ...(failing ? { fail: failing } : {}), ...(warning ? { warn: warning } : {}) }
}

/** Whether it tells of a range within which, and not beyond which, something is wrong. */
const isWithin = (text: string): boolean => /between/.test(text) && !/not\s+between/.test(text)

/** Whether what lies above a warning's range fails, so that the warning is all from the beginning of its range on. */
function covered(warn: string, fail: AllowedRange | undefined): boolean {
  const max = Number(between.exec(warn.replace(/^\s*when\s+/, ''))?.[4])
  return fail?.max !== undefined && fail.max <= max
}

const names = [
  'must_be',
  'must_not_be',
  'must_be_greater_than',
  'must_be_greater_than_or_equal',
  'must_be_less_than',
  'must_be_less_than_or_equal',
  'must_be_between',
  'must_be_not_between',
] as const

function mustBe(given: RuleSettings): AllowedRange | undefined {
  const told = names.filter(name => given.names.includes(name))
  if (told.length === 0) return undefined
  const [name] = told
  if (told.length > 1) throw new LeftOut(`it has ${told.join(' and ')}`)
  if (name === 'must_not_be' || name === 'must_be_not_between') throw new LeftOut(`${name} has no counterpart`)
  if (name === 'must_be_between') {
    const range = given.needed(name, given.part(name))
    const [above, from] = [range.number('greater_than'), range.number('greater_than_or_equal')]
    const [below, to] = [range.number('less_than'), range.number('less_than_or_equal')]
    return {
      min: above ?? from,
      max: below ?? to,
      minExclusive: above !== undefined,
      maxExclusive: below !== undefined,
    }
  }
  const value = given.needed(name as string, given.number(name as string))
  const sign = {
    must_be: '=',
    must_be_greater_than: '>',
    must_be_greater_than_or_equal: '>=',
    must_be_less_than: '<',
    must_be_less_than_or_equal: '<=',
  }[name as 'must_be']
  return ofSign(sign, value, name as string)
}

/** The levels of a check of a contract. `usual` holds where it has no threshold. */
export function contractLevels(threshold: RuleSettings | undefined, usual: AllowedRange | undefined): Levels {
  const own = (threshold && mustBe(threshold)) ?? usual
  if (!own) throw new LeftOut('it has no threshold')
  const level = threshold?.text('level') ?? 'fail'
  const additional = threshold?.part('additional')
  const other = additional && mustBe(additional)
  const otherLevel = additional?.text('level') ?? 'fail'
  for (const one of [level, otherLevel])
    if (one !== 'fail' && one !== 'warn') throw new LeftOut(`its level is ${shown(one)}`)
  return { [level]: own, ...(other ? { [otherLevel]: other } : {}) }
}

export const atMostNone: AllowedRange = { ...open, min: 0, max: 0 }
export const someRows: AllowedRange = { ...open, min: 0, minExclusive: true }
