import { randomBytes } from 'node:crypto'

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

let last = 0
let tail: number[] = []

/**
 * ULID: 48 bits of milliseconds, 80 random bits, Crockford base 32. Sorts by time of creation; those of one process in the
 * order of their making, also when the clock stands still or is set back.
 */
export function ulid(milliseconds: number = Date.now()): string {
  if (milliseconds > last) {
    last = milliseconds
    tail = Array.from(randomBytes(16), byte => byte & 31)
  } else {
    let place = tail.length - 1
    while (place >= 0 && tail[place] === 31) tail[place--] = 0
    if (place < 0) last++
    else tail[place] = (tail[place] as number) + 1
  }
  let head = ''
  for (let i = 0, time = last; i < 10; i++) {
    head = alphabet[time % 32] + head
    time = Math.floor(time / 32)
  }
  return head + tail.map(digit => alphabet[digit]).join('')
}

/** The one canonical form of every name a user can give: lower case, digits, `.`, `_`, `-`, at most 128 characters. */
export const nameForm = /^[a-z0-9][a-z0-9._-]{0,127}$/
