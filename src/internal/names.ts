/** Characters of the longest name that a person gives to a token, a key or a principal. */
export const maxName = 100

/** Names are shown in tables, logs and command lines: one line, of a length that fits. */
export function checkName(name: string, refuse: (reason: string) => Error): void {
  if (name.trim() === '') throw refuse('is empty')
  if (name.length > maxName) throw refuse(`has ${name.length} characters, at most ${maxName} are taken`)
  if (/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(name)) throw refuse('holds a line break or another control character')
}
