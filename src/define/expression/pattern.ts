import { fail } from '../../errors/index.ts'

/**
 * Reads a RegExp as the linear-time subset that every reader supports, and gives its portable source. Flags: only `i`
 * (carried as `(?i)`); `u`, `v` and `s`-less dot are the default everywhere. Throws `invalidDefinition`.
 */
export function portablePattern(pattern: RegExp): string {
  const refuse = (reason: string) => fail('invalidDefinition', { kind: 'pattern', name: String(pattern), reason })
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
  return pattern.flags.includes('i') ? `(?i)${portable}` : portable
}

/** The portable source as a JavaScript RegExp that agrees with RE2: ASCII `\s`, a dot that excludes only line feeds. */
export function javascriptPattern(portable: string): RegExp {
  const insensitive = portable.startsWith('(?i)')
  const source = insensitive ? portable.slice(4) : portable
  let out = ''
  let inClass = false
  for (let i = 0; i < source.length; i++) {
    const char = source[i] as string
    if (char === '\\') {
      const next = source[++i] as string
      if (next === 's') out += inClass ? '\\t\\n\\f\\r ' : '[\\t\\n\\f\\r ]'
      else if (next === 'x' && source[i + 1] === '{') out += '\\u'
      else if (next === 'S' && !inClass) out += '[^\\t\\n\\f\\r ]'
      else out += char + next
    } else if (char === '[' && !inClass) {
      inClass = true
      out += char
    } else if (char === ']' && inClass) {
      inClass = false
      out += char
    } else if (char === '.' && !inClass) out += '[^\\n]'
    else out += char
  }
  return new RegExp(out, insensitive ? 'iu' : 'u')
}
