import { LeftOut } from './given.ts'

const months = 'January|February|March|April|May|June|July|August|September|October|November|December'
const days = 'Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday'
const short = (names: string): string =>
  names
    .split('|')
    .map(name => name.slice(0, 3))
    .join('|')

/** What Python's strptime takes for each directive, in the C locale; a leading zero may be left away. */
const directives: Readonly<Record<string, string>> = {
  Y: '[0-9]{4}',
  y: '[0-9]{2}',
  m: '(?:1[0-2]|0?[1-9])',
  d: '(?:3[01]|[12][0-9]|0?[1-9]| [1-9])',
  H: '(?:2[0-3]|1[0-9]|0?[0-9])',
  I: '(?:1[0-2]|0?[1-9])',
  M: '(?:[0-5][0-9]|[0-9])',
  S: '(?:6[01]|[0-5][0-9]|[0-9])',
  f: '[0-9]{1,6}',
  p: '(?:[aApP][mM])',
  z: '(?:[+-][0-9]{2}:?[0-5][0-9](?::?[0-5][0-9](?:\\.[0-9]{1,6})?)?|Z)',
  j: '(?:36[0-6]|3[0-5][0-9]|[12][0-9]{2}|0?[1-9][0-9]|0{0,2}[1-9])',
  B: `(?:${months})`,
  b: `(?:${short(months)})`,
  A: `(?:${days})`,
  a: `(?:${short(days)})`,
  '%': '%',
}

/** A format of Python's strptime as a pattern of the whole text. */
export function strftimePattern(format: string, escaped: (text: string) => string): RegExp {
  const body = format.replace(/%([^])|[^%]+|%$/g, (part, letter?: string) => {
    if (letter === undefined) return escaped(part).replace(/\s+/g, '\\s+')
    if (!Object.hasOwn(directives, letter)) throw new LeftOut(`its format has the directive %${letter}`)
    return directives[letter] as string
  })
  return new RegExp(`^${body}$`, /%[aAbB]/.test(format) ? 'i' : '')
}
