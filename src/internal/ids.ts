import { randomBytes } from 'node:crypto'

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** ULID: 48 bits of milliseconds, 80 random bits, Crockford base 32. Sorts by time of creation. */
export function ulid(milliseconds: number = Date.now()): string {
  let text = ''
  let time = milliseconds
  for (let i = 0; i < 10; i++) {
    text = alphabet[time % 32] + text
    time = Math.floor(time / 32)
  }
  for (const byte of randomBytes(16)) text += alphabet[byte & 31]
  return text
}

/** The one canonical form of every name a user can give: lower case, digits, `.`, `_`, `-`, at most 128 characters. */
export const nameForm = /^[a-z0-9][a-z0-9._-]{0,127}$/
