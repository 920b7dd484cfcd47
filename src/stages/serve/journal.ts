import { type FileHandle, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { checkedLine, readCheckedLines } from '../../internal/checked-lines.ts'
import { makeFolder, named, publishFile, syncFolder } from '../../internal/publish.ts'
import { formatTime, type Micros } from '../../internal/time.ts'
import type { Score } from '../../math/metrics/row-loss.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Clock } from '../../ports/clock.ts'

/** A prediction as a label will need it. `canary` is NaN where no challenger scored it; `epoch` says which one did. */
export interface KeptPrediction {
  readonly id: string
  readonly at: Micros
  readonly stable: Score
  readonly canary: Score
  readonly epoch: number
}

/** Something in memory that a restart must not lose. */
export interface Keeper {
  /** Its name among the keepers of one journal. */
  readonly keeps: string
  /** What changed since the last call, or all of it (`whole`); undefined when nothing did. `takeBack` must be able to tell. */
  capture(whole: boolean): Json | undefined
  /** Takes back what `capture` gave: a whole, then changes in their order. */
  takeBack(state: Json): void
  /** A prediction or a label of the time before the restart; the state that follows already knows of it. */
  recall(prediction: KeptPrediction): void
  recallLabel(id: string, label: number, at: Micros): void
  /** The same of a prediction as one challenger of several made it; `canary` is what that one said. */
  recallTried?(prediction: KeptPrediction, challenger: string): void
  /** Resolves when what it wrote elsewhere because of its present state is stored. */
  stored(): Promise<unknown>
  /** What `capture` gave last is on disk. */
  written?(): void
}

export interface JournalOptions {
  readonly clock: Clock
  /** Predictions older than this are waited for no longer. */
  readonly retention: Micros
  /** Hears of writing that fails, once until it succeeds again; what was to be written is tried again. */
  readonly onError: (error: unknown) => void
  /** Whether this process still leads; left out where no other can. Who leads no more writes nothing. */
  readonly leads?: () => boolean
}

/** Of each segment how much of it counts: what one who was asleep while another took over writes behind it does not. */
const endsFile = 'ends.json'

type Kept = number | readonly number[] | null
type PredictionEntry = readonly [id: string, at: Micros, stable: Kept, canary: Kept, epoch: number]
/** Of one challenger of several, by its name among them. */
type TriedEntry = readonly [...PredictionEntry, challenger: string]
type LabelEntry = readonly [id: string, label: number, at: Micros]
/** In the order in which they came: a label may come before its prediction, or twice, and must do so again. */
type Entry = PredictionEntry | TriedEntry | LabelEntry

interface Frame {
  readonly at: Micros
  readonly r: readonly Entry[]
  readonly s: Readonly<Record<string, Json>>
}

const isPrediction = (entry: Entry): entry is PredictionEntry | TriedEntry => entry.length >= 5
const predictionsIn = (entries: readonly Entry[]): number =>
  entries.reduce((count, entry) => (isPrediction(entry) ? count + 1 : count), 0)
const kept = (score: Score): Kept => (typeof score !== 'number' || Number.isFinite(score) ? score : null)

interface Segment {
  readonly path: string
  readonly number: number
  until: Micros
  predictions: number
}

const flushMs = 500
const flushRows = 1_000
const segmentBytes = 16 * 2 ** 20
/** Predictions kept at most, and rows kept in memory while the disk refuses them. */
const maxKept = 2_000_000
const maxWaiting = 200_000

/**
 * The whole frames of a segment. A last line that was cut is what a crash leaves, and no damage: it was never acknowledged.
 * `text`: the whole lines.
 */
export function readSegment(content: string): {
  readonly frames: readonly Frame[]
  readonly damaged: number
  readonly text: string
} {
  const { values, damaged, text } = readCheckedLines<Frame>(content)
  return { frames: values, damaged, text }
}

/** What is missing between two segments that stand beside each other in a folder; undefined where they follow on. */
export function gapBetween(
  before: { readonly number: number; readonly until: Micros },
  after: { readonly number: number; readonly from: Micros | undefined },
): { readonly missing: string; readonly from: string; readonly until: string } | undefined {
  const count = after.number - before.number - 1
  if (count <= 0) return undefined
  const name = (number: number) => `${String(number).padStart(9, '0')}.jsonl`
  const [first, last] = [name(before.number + 1), name(after.number - 1)]
  return {
    missing: count === 1 ? first : `${first} to ${last}`,
    from: formatTime(before.until),
    until: after.from === undefined ? 'now' : formatTime(after.from),
  }
}

/** The same of a file, or of its first `bytes`. Whatever else stands in its place is damage. */
export async function readSegmentAt(path: string, bytes?: number): Promise<ReturnType<typeof readSegment>> {
  try {
    const content = await readFile(path)
    return readSegment(content.subarray(0, bytes ?? content.length).toString('utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EISDIR') return { frames: [], damaged: 1, text: '' }
    throw named(error, path)
  }
}

/**
 * What one served name holds in memory, on disk: predictions, labels and the changes of its keepers' states, one frame at
 * most every half second and off the request's path. `kill -9` loses at most the last second; `close` loses nothing.
 * A frame is written only after what its states led to is stored, so that state never runs ahead of its records. Segments
 * begin with whole states, and go when all their predictions are too old.
 */
export class ServingJournal {
  readonly #folder: string
  readonly #keepers: readonly Keeper[]
  readonly #options: JournalOptions
  readonly #segments: Segment[] = []
  #entries: Entry[] = []
  #file: FileHandle | undefined
  #size = 0
  #last = 0
  #trouble: string | undefined
  #abandoned = false
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  private constructor(folder: string, keepers: readonly Keeper[], options: JournalOptions) {
    this.#folder = folder
    this.#keepers = keepers
    this.#options = options
  }

  /** Gives the keepers back what an earlier process kept for them, and begins to keep. */
  static async open(folder: string, keepers: readonly Keeper[], options: JournalOptions): Promise<ServingJournal> {
    const journal = new ServingJournal(folder, keepers, options)
    await makeFolder(folder, 0o700)
    await journal.#replay()
    journal.#timer = setInterval(() => void journal.flush(), flushMs)
    journal.#timer.unref()
    return journal
  }

  prediction(id: string, at: Micros, stable: Score, canary: Score, epoch: number): void {
    this.#add([id, at, kept(stable), kept(canary), epoch])
  }

  /** The same as one challenger of several made it. */
  tried(challenger: string, id: string, at: Micros, stable: Score, canary: Score): void {
    this.#add([id, at, kept(stable), kept(canary), 0, challenger])
  }

  label(id: string, label: number, at: Micros): void {
    this.#add([id, label, at])
  }

  #add(entry: Entry): void {
    this.#entries.push(entry)
    if (this.#entries.length === flushRows) void this.flush()
  }

  /** Ends without writing: what is in memory is another's now. */
  async abandon(): Promise<void> {
    clearInterval(this.#timer)
    this.#abandoned = true
    await this.#writing
    await this.#file?.close().catch(() => undefined)
    this.#file = undefined
  }

  /** Why nothing can be written at present. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /** Resolves when everything up to now is on disk, or its failure has been told. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
    await this.#file?.close()
    this.#file = undefined
  }

  async #write(): Promise<void> {
    if (this.#abandoned || this.#options.leads?.() === false) return
    const whole = this.#file === undefined || this.#size >= segmentBytes
    const s: Record<string, Json> = {}
    for (const keeper of this.#keepers) {
      const state = keeper.capture(whole)
      if (state !== undefined) s[keeper.keeps] = state
    }
    const r = this.#entries
    if (r.length === 0 && Object.keys(s).length === 0) return
    this.#entries = []
    const at = this.#options.clock.now()
    try {
      for (const keeper of this.#keepers) await keeper.stored()
      if (this.#options.leads?.() === false) throw fail('leadershipLost', { name: 'serving' })
      const line = checkedLine({ at, r, s })
      const file = whole ? await this.#next() : (this.#file as FileHandle)
      await file.appendFile(line)
      await file.datasync()
      this.#size += Buffer.byteLength(line)
      const segment = this.#segments.at(-1) as Segment
      segment.until = Math.max(segment.until, at)
      segment.predictions += predictionsIn(r)
      for (const keeper of this.#keepers) keeper.written?.()
      this.#trouble = undefined
    } catch (error) {
      // The next frame begins a segment with whole states; a row that is written twice counts once
      await this.#file?.close().catch(() => undefined)
      this.#file = undefined
      this.#entries = [...r, ...this.#entries].slice(-maxWaiting)
      if (this.#trouble === undefined) this.#options.onError(error)
      this.#trouble = messageOf(error)
    }
  }

  async #next(): Promise<FileHandle> {
    await this.#file?.close()
    const number = ++this.#last
    const path = join(this.#folder, `${String(number).padStart(9, '0')}.jsonl`)
    this.#file = await open(path, 'ax', 0o600)
    await syncFolder(this.#folder)
    this.#segments.push({ path, number, until: 0, predictions: 0 })
    this.#size = 0
    await this.#prune()
    return this.#file
  }

  /** The newest segment always stays, and the one before it until the newest holds whole states. */
  async #prune(): Promise<void> {
    const since = this.#options.clock.now() - this.#options.retention
    let newer = this.#segments.reduce((sum, one) => sum + one.predictions, 0)
    // from the oldest on without a gap: one between others is damage
    while (this.#segments.length > 2) {
      const [oldest] = this.#segments as [Segment]
      newer -= oldest.predictions
      if (oldest.until >= since && newer < maxKept) return
      await rm(oldest.path, { force: true })
      this.#segments.shift()
    }
  }

  async #replay(): Promise<void> {
    const names = (await readdir(this.#folder)).filter(name => /^\d{9}\.jsonl$/.test(name)).sort()
    const ends = this.#options.leads ? await this.#endsOf(names) : {}
    for (const name of names) {
      const path = join(this.#folder, name)
      const segment: Segment = { path, number: Number(name.slice(0, 9)), until: 0, predictions: 0 }
      const before = this.#segments.at(-1)
      this.#segments.push(segment)
      this.#last = segment.number
      const { frames, damaged, text } = await readSegmentAt(path, ends[name])
      const gap = before && gapBetween(before, { number: segment.number, from: frames[0]?.at })
      if (gap) this.#options.onError(fail('journalGap', { path: this.#folder, ...gap }))
      if (damaged > 0) await this.#setAside(path, damaged, text)
      for (const frame of frames) {
        segment.until = Math.max(segment.until, frame.at)
        segment.predictions += predictionsIn(frame.r)
        this.#give(frame)
      }
    }
  }

  /** What of each segment counted for those who led before, and of the newest ones what is there now. */
  async #endsOf(names: readonly string[]): Promise<Readonly<Record<string, number>>> {
    const path = join(this.#folder, endsFile)
    const known = JSON.parse(await readFile(path, 'utf8').catch(() => '{}')) as Readonly<Record<string, number>>
    const ends: Record<string, number> = {}
    for (const name of names) ends[name] = known[name] ?? (await stat(join(this.#folder, name))).size
    await publishFile(path, JSON.stringify(ends), 0o600)
    return ends
  }

  /** Keeps a damaged segment as it was found, and what is whole of it in its place. */
  async #setAside(path: string, damaged: number, text: string): Promise<void> {
    const kept = `${path}.damaged-${this.#options.clock.now()}`
    await rename(path, kept)
    await publishFile(path, text, 0o600)
    this.#options.onError(
      fail('journalDamaged', { path, damaged: `${damaged} ${damaged === 1 ? 'line' : 'lines'}`, kept }),
    )
  }

  #give({ r, s }: Frame): void {
    for (const entry of r)
      if (isPrediction(entry)) {
        const [id, at, stable, canary, epoch, challenger] = entry
        const prediction = { id, at, stable: stable ?? Number.NaN, canary: canary ?? Number.NaN, epoch }
        for (const keeper of this.#keepers)
          if (challenger === undefined) keeper.recall(prediction)
          else keeper.recallTried?.(prediction, challenger)
      } else for (const keeper of this.#keepers) keeper.recallLabel(...entry)
    for (const keeper of this.#keepers) {
      const state = s[keeper.keeps]
      if (state !== undefined) keeper.takeBack(state)
    }
  }
}
