import { open, readFile } from 'node:fs/promises'
import type { Json } from '../../../internal/canonical-json.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { MetadataStore } from '../../../ports/metadata-store.ts'

/** How far a log was when it last was written: kept apart from it, so that nobody can shorten or replace it unnoticed. */
export interface Anchor {
  readonly records: number
  /** Leaf hash of the last record, hex. */
  readonly head: string
  /** When the last record was written. */
  readonly at: number
  /** PEM of the key that signs its checkpoints. */
  readonly publicKey: string
  /** How many checkpoints were signed, and the last of them as it stands in the log's own file. */
  readonly checkpoints: number
  readonly note: string
}

export interface Anchored {
  readonly current: Anchor
  /** Logs that were not as anchored when they were opened for writing. They stay: the proof is gone. */
  readonly lost: readonly Anchor[]
}

/** A second place. `signed`: must be there after a power cut, too. */
export interface AnchorPlace {
  read(): Promise<Anchored | undefined>
  write(anchored: Anchored, signed: boolean): Promise<void>
}

const kind = 'audit-anchor'

/** In the metadata store. `id` tells apart the logs of several machines that share one. */
export function anchorsInStore(
  { store, clock }: { readonly store: MetadataStore; readonly clock: Clock },
  id: string,
): AnchorPlace {
  return {
    read: async () => (await store.getDocument<Json>(kind, id))?.value as unknown as Anchored | undefined,
    write: async (anchored, signed) => {
      await store.putDocument(kind, id, anchored as unknown as Json, clock.now(), undefined, !signed)
    },
  }
}

/** In a file of its own, one line a checkpoint: on another disk, or where a process outside may take it from. */
export function anchorsInFile(path: string): AnchorPlace {
  return {
    async read() {
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return ''
        throw error
      })
      // A line that a crash cut was never acknowledged
      const last = text
        .slice(0, text.lastIndexOf('\n') + 1)
        .trimEnd()
        .split('\n')
        .at(-1)
      return last ? (JSON.parse(last) as Anchored) : undefined
    },
    async write(anchored, signed) {
      if (!signed) return
      const file = await open(path, 'a', 0o600)
      try {
        await file.appendFile(`${JSON.stringify(anchored)}\n`)
        await file.datasync()
      } finally {
        await file.close()
      }
    },
  }
}

/** All of several places: whoever alters one of them has to alter the others, too. The newest says how far the log was. */
export function allAnchors(places: readonly AnchorPlace[]): AnchorPlace {
  return {
    async read() {
      const found = (await Promise.all(places.map(place => place.read()))).filter(one => one !== undefined)
      const newest = found.toSorted((a, b) => b.current.at - a.current.at)[0]
      const lost = found.toSorted((a, b) => b.lost.length - a.lost.length)[0]?.lost
      return newest && { current: newest.current, lost: lost ?? [] }
    },
    async write(anchored, signed) {
      for (const place of places) await place.write(anchored, signed)
    },
  }
}
