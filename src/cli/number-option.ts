import { fail } from '../errors/index.ts'

/** Options that are numbers, checked where they are read. */
export const usage = {
  /** A whole number of at least `min`; undefined when it was not given. Throws `usageWrong`. */
  whole(flag: string, given: string | boolean | string[] | undefined, min = 0): number | undefined {
    if (given === undefined) return undefined
    const value = Number(given)
    if (!Number.isInteger(value) || value < min)
      throw fail('usageWrong', {
        reason: `${flag} must be a whole number from ${min} on, but is "${String(given)}".`,
        verb: '',
      })
    return value
  },
}
