import colors from 'picocolors'
import { count, plural } from '../../define/expectation/verdict.ts'
import { codeOf } from '../../stages/profile/suggest/call.ts'
import type { Suggestion, Suggestions } from '../../stages/profile/suggest/suggest.ts'
import { shown } from './subject.ts'

const names = { columns: 'c', expect: 'expect' } as const

const cutText = ({ cut, rows }: Suggestions): string =>
  `found in ${count(rows.train)} rows ${cut.train}, held to ${count(rows.test)} ${cut.test}`

/** Suggestions for people: what is suggested with its evidence, then what is not and why. */
export function renderSuggestions(found: Suggestions, color: boolean): string[] {
  const { bold, dim, green, yellow } = colors.createColors(color)
  const line = ({ call, evidence }: Suggestion) => `${green('+')} ${codeOf(call, names)}\n    ${dim(shown(evidence))}`
  if (found.nothing) return [`Nothing is suggested for ${found.dataset}: ${found.nothing}.`]
  const { suggested, notSuggested } = found
  return [
    `${bold(`${plural(suggested.length, 'suggestion')} for ${found.dataset}`)}, ${cutText(found)}`,
    ...(suggested.length > 0 ? ['', ...suggested.map(line)] : []),
    ...(notSuggested.length > 0
      ? [
          '',
          bold('Not suggested'),
          ...notSuggested.map(one => `${yellow('-')} ${codeOf(one.call, names)}\n    ${dim(shown(one.reason))}`),
        ]
      : []),
  ]
}
