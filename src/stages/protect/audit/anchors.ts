import type { KeyObject } from 'node:crypto'
import {
  type AcceptedLoss,
  type Anchor,
  type AnchorRecord,
  type AnchorPlace,
  isSigned,
  type LostLog,
  signAnchored,
} from './anchor.ts'
import type { AnchorReceiver } from './anchor-webhook.ts'

/** What one place holds, to hold the log to. */
export interface HeldAnchor {
  readonly place: string
  readonly anchored: AnchorRecord | undefined
  /** Why it cannot be read. */
  readonly unreadable?: string
}

/** What all places of a log hold. */
export interface HeldAnchors {
  readonly store: HeldAnchor
  readonly others: readonly HeldAnchor[]
}

/** All places of one log. The metadata store is the first: it says which others there are and how far they must be. */
export interface AnchorPlaces {
  readonly log: string
  readonly store: AnchorPlace & { write(anchored: AnchorRecord, lasting?: boolean): Promise<void> }
  readonly others: readonly AnchorPlace[]
  readonly receiver?: AnchorReceiver
}

async function holds(place: AnchorPlace): Promise<HeldAnchor> {
  try {
    return { place: place.name, anchored: await place.read() }
  } catch (error) {
    return { place: place.name, anchored: undefined, unreadable: (error as Error).message }
  }
}

export async function heldAnchors({ store, others }: AnchorPlaces): Promise<HeldAnchors> {
  return { store: await holds(store), others: await Promise.all(others.map(holds)) }
}

/**
 * What places say against each other: they are written in one order (the intent in the metadata store, the log, the other
 * places, the metadata store), so that one that is behind was cut or put back, whenever a process was killed.
 */
export function disagreement({ store, others }: HeldAnchors): { place: string; reason: string } | undefined {
  const unreadable = [store, ...others].find(one => one.unreadable !== undefined)
  if (unreadable) return { place: unreadable.place, reason: `it cannot be read: ${unreadable.unreadable ?? ''}` }
  const known = store.anchored
  for (const { place, anchored } of others) {
    if (known === undefined) {
      if (anchored !== undefined)
        return { place: store.place, reason: `it holds no anchor of this log, but ${place} does` }
      continue
    }
    const must = known.places?.includes(place) ? known.current.checkpoints : 0
    if (must > 0 && anchored === undefined) return { place, reason: 'it holds no anchor of this log any more' }
    if (anchored === undefined) continue
    if (!isSigned(anchored)) return { place, reason: 'its last anchor is not signed by the key that it names' }
    const { checkpoints } = anchored.current
    if (checkpoints < must)
      return { place, reason: `its last anchor is of checkpoint ${checkpoints}, ${must} were signed` }
    if (checkpoints > (known.signing ?? known.current.checkpoints))
      return {
        place: store.place,
        reason: `its anchor is of checkpoint ${known.current.checkpoints}, that of ${place} is of ${checkpoints}`,
      }
  }
  return undefined
}

const lostOf = ({ store, others }: HeldAnchors): readonly LostLog[] => {
  const all = [store, ...others].map(one => one.anchored?.lost ?? [])
  const accepted = (lost: readonly LostLog[]) => lost.filter(one => one.accepted !== undefined).length
  return all.toSorted((a, b) => b.length - a.length || accepted(b) - accepted(a))[0] ?? []
}

/** The anchors of a log that this process has open; every call under the log's lock, so that an anchor never goes back. */
export class Anchors {
  readonly #places: AnchorPlaces
  readonly #key: KeyObject
  #lost: readonly LostLog[]

  constructor(places: AnchorPlaces, key: KeyObject, held: HeldAnchors) {
    this.#places = places
    this.#key = key
    this.#lost = lostOf(held)
  }

  get log(): string {
    return this.#places.log
  }

  async #known(): Promise<AnchorRecord | undefined> {
    const known = await this.#places.store.read()
    // Another process may have found a loss meanwhile, or somebody have accepted one
    if (known !== undefined && known.lost.length >= this.#lost.length) this.#lost = known.lost
    return known
  }

  /** Records that no checkpoint was signed for yet: known to the metadata store alone. */
  async advance(anchor: Omit<Anchor, 'checkpoints' | 'note'>): Promise<void> {
    const known = await this.#known()
    const { checkpoints = 0, note = '' } = known?.current ?? {}
    const current = { ...anchor, checkpoints, note }
    await this.#places.store.write({ places: [], ...known, current, lost: this.#lost }, false)
  }

  /**
   * Before a checkpoint is written: whoever finds the log ahead then knows that a process ended in between. `own` counts
   * the checkpoints in the log. Gives the number of the new one.
   */
  async intend(own: () => Promise<number>): Promise<number> {
    const known = await this.#known()
    const before = known?.current.checkpoints ?? 0
    const signing = (known?.signing === undefined ? before : Math.max(before, Math.min(known.signing, await own()))) + 1
    if (known !== undefined) await this.#places.store.write({ ...known, lost: this.#lost, signing })
    return signing
  }

  /** A checkpoint was written into the log. `change` is what becomes of what is known to be lost. */
  async signed(anchor: Anchor, change = (lost: readonly LostLog[]): readonly LostLog[] => lost): Promise<void> {
    const { store, others, receiver } = this.#places
    await this.#known()
    this.#lost = change(this.#lost)
    const whole = signAnchored({ current: anchor, lost: this.#lost }, this.#key)
    for (const place of others)
      await place.write(whole).catch((error: unknown) => {
        throw new Error(`its anchor cannot be written to ${place.name}: ${(error as Error).message}`, { cause: error })
      })
    await store.write({ current: anchor, lost: this.#lost, places: others.map(place => place.name) })
    receiver?.send(whole)
  }

  /** The log is not as it was anchored: kept for good, or the next record would write over it. */
  async lose(loss: LostLog, anchor: Anchor): Promise<void> {
    await this.signed(anchor, lost => [...lost, loss])
  }

  /** What is lost and was not accepted yet. */
  async open(): Promise<readonly LostLog[]> {
    await this.#known()
    return this.#lost.filter(one => one.accepted === undefined)
  }

  /** Somebody answers for all that is lost; the log goes on from this anchor. */
  async accept(accepted: AcceptedLoss, losses: readonly LostLog[], anchor: Anchor): Promise<void> {
    await this.signed(anchor, lost => [
      ...lost.filter(one => one.accepted !== undefined),
      ...losses.map(one => ({ ...one, accepted })),
    ])
  }

  /** Finishes what a killed process, or one with other settings, left undone: every place holds the last checkpoint. */
  async settle({ store, others }: HeldAnchors, own: number): Promise<void> {
    const known = store.anchored
    if (known === undefined || known.current.note === '') return
    const whole =
      known.signing === undefined &&
      others.every(one => known.places?.includes(one.place) && one.anchored?.current.checkpoints !== undefined)
    if (!whole) {
      const checkpoints = Math.max(known.current.checkpoints, Math.min(known.signing ?? 0, own))
      await this.signed({ ...known.current, checkpoints })
    }
    const { receiver } = this.#places
    if (receiver !== undefined && (await receiver.taken()) < known.current.checkpoints)
      receiver.send(signAnchored({ current: known.current, lost: this.#lost }, this.#key))
  }

  close(): Promise<void> {
    return this.#places.receiver?.close() ?? Promise.resolve()
  }
}
