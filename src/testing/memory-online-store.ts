import type { OnlineStore, Revision } from '../ports/online-store.ts'

interface Kept {
  readonly bytes: Uint8Array
  readonly revision: Revision
  /** Milliseconds since 1970. */
  readonly until: number
}

/** An online store in memory, for tests: it passes the contract as far as one process goes. `records` is what it holds. */
export function memoryOnlineStore(): OnlineStore & {
  records(view: string): ReadonlyMap<string, Uint8Array>
} {
  const views = new Map<string, Map<string, Kept>>()
  let last = 0
  const of = (view: string): Map<string, Kept> => {
    const found = views.get(view) ?? new Map<string, Kept>()
    views.set(view, found)
    return found
  }
  const current = (view: string, key: string): Kept | undefined => {
    const found = views.get(view)?.get(key)
    return found && found.until > Date.now() ? found : undefined
  }
  return {
    records: view =>
      new Map(
        [...of(view).keys()].flatMap(key => {
          const found = current(view, key)
          return found ? [[key, found.bytes] as const] : []
        }),
      ),
    getMany: async (view, asks) =>
      asks.map(({ key, have }) => {
        const found = current(view, key)
        if (!found) return undefined
        return found.revision === have ? 'unchanged' : { bytes: found.bytes, revision: found.revision }
      }),
    writeMany: async (view, changes) =>
      changes.map(({ key, bytes, after, keepMs }) => {
        if ((current(view, key)?.revision ?? 0) !== after) return undefined
        if (bytes === undefined) {
          of(view).delete(key)
          return 0
        }
        const revision = ++last
        const until = keepMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + keepMs
        of(view).set(key, { bytes: Uint8Array.from(bytes), revision, until })
        return revision
      }),
    flush: async () => undefined,
    async *keys(view) {
      for (const key of of(view).keys()) if (current(view, key)) yield key
    },
    dropView: async view => void views.delete(view),
    close: async () => undefined,
  }
}
