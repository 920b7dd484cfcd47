import { randomBytes } from 'node:crypto'

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

let last = 0
let tail: number[] = []
/** The first ten characters, which are those of the millisecond. */
let head = ''
/** Drawn beforehand: asking the system for a few bytes costs as much as for many. */
let drawn = Buffer.alloc(0)
let used = 0

function draw(count: number): Buffer {
  if (used + count > drawn.length) {
    drawn = randomBytes(256 * count)
    used = 0
  }
  return drawn.subarray(used, (used += count))
}

function headOf(milliseconds: number): string {
  let text = ''
  for (let i = 0, time = milliseconds; i < 10; i++) {
    text = alphabet[time % 32] + text
    time = Math.floor(time / 32)
  }
  return text
}

/**
 * ULID: 48 bits of milliseconds, 80 random bits, Crockford base 32. Sorts by time of creation; those of one process in the
 * order of their making, also when the clock stands still or is set back.
 */
export function ulid(milliseconds: number = Date.now()): string {
  if (milliseconds > last) {
    last = milliseconds
    head = headOf(last)
    tail = Array.from(draw(16), byte => byte & 31)
  } else {
    let place = tail.length - 1
    while (place >= 0 && tail[place] === 31) tail[place--] = 0
    if (place < 0) head = headOf(++last)
    else tail[place] = (tail[place] as number) + 1
  }
  let id = head
  for (const digit of tail) id += alphabet[digit]
  return id
}

/** The one canonical form of every name a user can give: lower case, digits, `.`, `_`, `-`, at most 128 characters. */
export const nameForm = /^[a-z0-9][a-z0-9._-]{0,127}$/
