import { RE2JS } from 're2js'
import { fail } from '../../errors/index.ts'
import { messageOf } from '../../internal/message-of.ts'
import { NotLinear, translate, type LinearPattern } from './pattern-translation.ts'

export type { LinearPattern }

/** Whether a value is a RegExp, of whatever realm. */
export function isPattern(value: unknown): value is RegExp {
  return value instanceof RegExp || Object.prototype.toString.call(value) === '[object RegExp]'
}

/**
 * A RegExp as an expression carries it: as it is written, `/source/flags`. It means what it means in JavaScript, on every
 * engine, as the answer to "does the text hold it?". What cannot be searched for in time linear in the text is refused, as are
 * the flags that are about where a search goes on (`g`, `y`, `d`). Throws `invalidDefinition`.
 */
export function patternText(pattern: RegExp): string {
  const refuse = (reason: string) => fail('invalidDefinition', { kind: 'pattern', name: String(pattern), reason })
  if (!isPattern(pattern)) throw refuse('is no regular expression')
  for (const flag of pattern.flags)
    if (!'imsuv'.includes(flag))
      throw refuse(`has flag "${flag}", which says where a search goes on; leave it out, a text is searched as a whole`)
  const forgotten = /[uv]/.test(pattern.flags) ? null : /(?<!\\)(?:\\\\)*\\([pPu]\{)/.exec(pattern.source)
  if (forgotten) throw refuse(`has \\${forgotten[1]}…}, which without flag u means these letters; add flag u`)
  const text = String(pattern)
  try {
    linearSearch(text)
  } catch (error) {
    throw refuse(error instanceof NotLinear ? error.message : messageOf(error))
  }
  return text
}

const translated = new Map<string, LinearPattern>()

/** What engines search for, of the text of a pattern. */
export function linearPattern(text: string): LinearPattern {
  let made = translated.get(text)
  if (!made) {
    const end = text.lastIndexOf('/')
    made = translate(text.slice(1, end), text.slice(end + 1))
    if (translated.size >= 1000) translated.clear()
    translated.set(text, made)
  }
  return made
}

/**
 * Search with the text of a pattern, in time linear in what is searched: JavaScript's own RegExp may take for ever on a
 * hostile text, and what is searched here came with a request.
 */
export function linearSearch(text: string): (searched: string) => boolean {
  const { source, standIn } = linearPattern(text)
  const pattern = RE2JS.compile(source)
  if (standIn === undefined) return searched => pattern.matcher(searched).find()
  const pair = `${standIn}${standIn}`
  return searched => pattern.matcher(searched.replace(/[\u{10000}-\u{10FFFF}]/gu, pair)).find()
}
