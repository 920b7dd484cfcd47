import { fail } from '../../errors/index.ts'

/** The same for every store, so that a project can go from one to another: LMDB takes this at its default page size. */
const maxKeyBytes = 1976

/** Throws `keyTooLong`. */
export function checkKeys(view: string, changes: readonly { readonly key: string }[]): void {
  for (const { key } of changes)
    if (isTooLong(key)) {
      const bytes = Buffer.byteLength(key)
      throw fail('keyTooLong', { key: `${key.slice(0, 40)}…`, view, bytes, limit: maxKeyBytes })
    }
}

/** A character is at most three bytes for each of its UTF-16 units, so most keys need no counting. */
export function isTooLong(key: string): boolean {
  return key.length * 3 > maxKeyBytes && Buffer.byteLength(key) > maxKeyBytes
}
