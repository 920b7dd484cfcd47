import { fail } from '../errors/index.ts'

/** A whole number from 0; undefined where none is given. Throws `usageWrong`. */
export function seedOption(given: unknown): number | undefined {
  if (given === undefined) return undefined
  const seed = Number(given)
  if (!Number.isSafeInteger(seed) || seed < 0 || seed > 2 ** 32 - 1 || String(given).trim() === '')
    throw fail('usageWrong', {
      reason: `--seed must be a whole number from 0 to 4294967295, not "${String(given)}".`,
      verb: 'models test',
    })
  return seed
}
