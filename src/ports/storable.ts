import { fail } from '../errors/catalogue.ts'

// What a metadata store takes, whichever database it is in. Times and counts are whole numbers that a double holds exactly
// (times: the years 1684 to 2255), so that what was written can be read; texts are Unicode without NUL. One range for
// all ways in: command line, our own API, and that of tracking clients.

/** Members that are stored as one JSON text, or in a column of doubles: any number fits there. */
const asText: ReadonlySet<string> = new Set(
  'environment parameters error outputs keyParts process owner facts body meta inputs rule checks evidence value'.split(
    ' ',
  ),
)

function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value)
  return text.slice(0, 80)
}

function refuse(name: string, value: unknown, reason: string): never {
  throw fail('valueUnstorable', { name, value: show(value), reason })
}

function checkText(name: string, text: string): void {
  if (text.includes('\0')) refuse(name, text, 'a text holds no NUL character')
  if (/\p{Surrogate}/u.test(text))
    refuse(name, text, 'it is no Unicode text: half of a pair of surrogates stands alone')
}

function check(name: string, value: unknown, depth: number): void {
  if (typeof value === 'string') checkText(name, value)
  else if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) refuse(name, value, 'it is no whole number between -(2^53 - 1) and 2^53 - 1')
  } else if (Array.isArray(value)) for (const one of value) check(name, one, depth)
  else if (typeof value === 'object' && value !== null && depth < 4)
    for (const [key, one] of Object.entries(value)) {
      checkText(name, key)
      if (!asText.has(key)) check(key, one, depth + 1)
      else if (typeof one === 'string') checkText(key, one)
    }
}

/** Throws `valueUnstorable` for what could not be read back, before anything is written. */
export function checkStorable(method: string, given: readonly unknown[]): void {
  given.forEach((value, i) => {
    // A document's value is one JSON text
    if (method === 'putDocument' && i === 2) return
    // Metrics of a model version are a record of any numbers, stored as text
    if (method === 'addModelVersion') check('version', { ...(value as object), metrics: undefined }, 0)
    else check(method, value, 0)
  })
}
