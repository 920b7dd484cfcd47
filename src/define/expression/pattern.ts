import { RE2JS } from 're2js'
import { fail } from '../../errors/index.ts'
import { messageOf } from '../../internal/message-of.ts'

/**
 * Reads a RegExp as the linear-time subset that every reader supports, and gives its portable source. Flags: only `i`
 * (carried as `(?i)`); `u`, `v` and `s`-less dot are the default everywhere. Throws `invalidDefinition`.
 */
export function portablePattern(pattern: RegExp): string {
  const refuse = (reason: string) => fail('invalidDefinition', { kind: 'pattern', name: String(pattern), reason })
  if (!(pattern instanceof RegExp) && Object.prototype.toString.call(pattern) !== '[object RegExp]')
    throw refuse('is no regular expression')
  for (const flag of pattern.flags) if (!'iuv'.includes(flag)) throw refuse(`flag "${flag}" is not supported`)
  const source = pattern.source
  for (let i = 0; i < source.length; i++) {
    if (source[i] === '\\') {
      const next = source[i + 1] ?? ''
      if (/[1-9k]/.test(next)) throw refuse(`back-reference at ${i}`)
      i++
    } else if (source[i] === '(' && source[i + 1] === '?' && /^\(\?(?:[=!]|<[=!])/.test(source.slice(i)))
      throw refuse(`look-around at ${i}`)
  }
  // RE2 writes code points as \x{…}; other escapes stay as they are
  const portable = source.replace(
    /\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|[^])/g,
    (escape: string, long?: string, short?: string) =>
      escape === '\\/' ? '/' : (long ?? short) === undefined ? escape : `\\x{${long ?? short}}`,
  )
  const whole = pattern.flags.includes('i') ? `(?i)${portable}` : portable
  try {
    RE2JS.compile(whole)
  } catch (error) {
    throw refuse(messageOf(error))
  }
  return whole
}

/**
 * Search with a portable pattern, in time linear in the text: JavaScript's own RegExp may take for ever on a hostile text,
 * and what is searched here came with a request.
 */
export function linearSearch(portable: string): (text: string) => boolean {
  const pattern = RE2JS.compile(portable)
  return text => pattern.matcher(text).find()
}
