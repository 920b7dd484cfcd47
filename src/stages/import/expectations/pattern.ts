import { patternText } from '../../../define/expression/pattern.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { isMillraceError } from '../../../errors/index.ts'
import { LeftOut, shown } from './given.ts'
import type { Rule } from './rule.ts'

/** Where a pattern must hold: anywhere in a text, from its start on, or all of it. */
export type Anchor = 'search' | 'start' | 'whole'

const token = /\\[^]|\[(?:\\[^]|[^\]\\])*\]|\(\?P<\w+>|\(\?P=|\{,(\d+)\}|[.$]/g

/** What Python writes otherwise than JavaScript and RE2. */
function translated(rule: Rule, source: string): string {
  return source.replace(token, (part: string, most?: string) => {
    if (part === '(?P=') throw new LeftOut('its pattern has a back-reference')
    if (part.startsWith('(?P<')) return '('
    if (most !== undefined) return `{0,${most}}`
    if (part === '\\A') return '^'
    if (part === '\\Z') return '$'
    // Python's dot leaves out this one line end, JavaScript's four
    if (part === '.') return '[^\\n]'
    if (part === '$')
      rule.remark('In patterns $ is the very end of a text; Python also takes it before a last line break.')
    if (/\\[dDwWbB]/.test(part))
      rule.remark('In patterns \\d, \\w and \\b mean ASCII; Python takes letters and digits of all scripts.')
    return part
  })
}

function anchored(source: string, anchor: Anchor): string {
  const alone = !source.includes('|')
  const start = anchor === 'search' || (alone && source.startsWith('^')) ? '' : '^'
  const end = anchor !== 'whole' || (alone && /(?:^|[^\\])\$$/.test(source)) ? '' : '$'
  if (!start && !end) return source
  return alone ? `${start}${source}${end}` : `${start}(?:${source})${end}`
}

/** A regular expression of Python's `re` as one that every reader of Millrace supports; left out where there is none. */
export function pythonPattern(rule: Rule, text: string, anchor: Anchor): RegExp {
  const [, letters = '', rest = text] = /^\(\?([a-zA-Z]+)\)([^]*)$/.exec(text) ?? []
  const other = [...letters].find(letter => !'iua'.includes(letter))
  if (other !== undefined) throw new LeftOut(`its pattern has the flag ${other}`)
  return checked(anchored(translated(rule, rest), anchor), letters.includes('i') ? 'i' : '')
}

/** A regular expression as some SQL engine reads it. */
export function sqlPattern(rule: Rule, text: string): RegExp {
  rule.remark(
    'Patterns are searched for anywhere in a text, as PostgreSQL does; some SQL engines match the whole text.',
  )
  return checked(text, '')
}

function checked(source: string, flags: string): RegExp {
  try {
    // only with flag u does JavaScript know Unicode's properties
    const properties = /\\[pP]\{/.test(source) && !flags.includes('u')
    const pattern = new RegExp(source, properties ? `${flags}u` : flags)
    patternText(pattern)
    return pattern
  } catch (error) {
    const why = isMillraceError(error) ? String(error.details['reason']) : messageOf(error)
    throw new LeftOut(`its pattern ${shown(source)} is none that Millrace takes: ${why}`)
  }
}

const special = /[\\^$.*+?()[\]{}|/]/g

/** A text as a pattern that finds just this text. */
export function escaped(text: string): string {
  return text.replace(special, '\\$&')
}

/** A pattern of SQL's LIKE: % for any text, _ for one character. */
export function likePattern(text: string): RegExp {
  const body = text.replace(/\\[^]|[%_]|[^]/gu, part =>
    part === '%'
      ? '[\\s\\S]*'
      : part === '_'
        ? '[\\s\\S]'
        : escaped(part.length > 1 && part[0] === '\\' ? part.slice(1) : part),
  )
  return checked(`^${body}$`, 'u')
}
