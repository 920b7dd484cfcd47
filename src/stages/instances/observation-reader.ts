import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Json } from '../../internal/canonical-json.ts'
import { readCheckedLines } from '../../internal/checked-lines.ts'
import type { Keeper } from '../serve/journal.ts'
import type { Recorder } from '../serve/recorder.ts'
import { segmentName, segmentsIn } from './observation-log.ts'
import { type Observation, tell } from './observations.ts'

/** Up to where the log of an instance was heard: a segment, bytes of it, and observations of the line that follows. */
export type Position = readonly [segment: number, bytes: number, observations: number]
export type Positions = Readonly<Record<string, Position>>

/** Bytes that are read of one log at a time, so that nothing else waits for long. */
const maxBytes = 4 * 2 ** 20

/** An instance makes its folder before its first sign of life: it is gone when it was missed so often. */
const maxMissed = 60

function isBefore(a: Position, b: Position | undefined): boolean {
  if (!b) return false
  const at = a.findIndex((one, i) => one !== b[i])
  return at >= 0 && (a[at] as number) < (b[at] as number)
}

/** A recorder that hears nothing of the rollout: its state counts that already. */
const withoutRollout = (recorder: Recorder): Recorder => ({
  answered: rows => recorder.answered(rows),
  challenged: rows => recorder.challenged(rows),
  served: (rows, rollout) => recorder.served(rows, rollout),
  counted: minutes => recorder.counted(minutes),
  told: values => recorder.told(values),
  learned: () => undefined,
  labelled: labels => recorder.labelled(labels),
})

/** The bytes of a file from there on: so many, or all where no line ends among them. */
async function bytesFrom(path: string, from: number): Promise<{ readonly bytes: Buffer; readonly rest: number }> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const read = async (length: number): Promise<Buffer> => {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, from)
      return buffer.subarray(0, bytesRead)
    }
    let bytes = await read(Math.max(0, Math.min(size - from, maxBytes)))
    if (!bytes.includes(10) && size - from > bytes.length) bytes = await read(size - from)
    return { bytes, rest: size - from - bytes.length }
  } finally {
    await file.close()
  }
}

/**
 * Reads what the other instances wrote down under one name, each line once: how far it got is kept in the journal beside what
 * came of it.
 */
export class ObservationReader implements Keeper {
  readonly keeps = 'instances'
  readonly #folder: string
  readonly #recorder: Recorder
  /** What the rollout's stored state counts already; a journal may be behind it by one frame. */
  readonly #counted: Positions
  #positions: Record<string, Position> = {}
  #captured: Positions = {}
  /** In the journal: what lies before is read by nobody again. */
  #kept: Positions = {}
  /** How often in a row an instance was not among those that live. */
  readonly #missed = new Map<string, number>()
  #reading: Promise<unknown> = Promise.resolve()

  /** `folder` has one folder an instance. */
  constructor(folder: string, recorder: Recorder, counted: Positions = {}) {
    this.#folder = folder
    this.#recorder = recorder
    this.#counted = counted
  }

  get positions(): Positions {
    return { ...this.#positions }
  }

  /** Hears of what is new. */
  read(): Promise<void> {
    const reading = this.#reading.then(async () => {
      for (const instance of await this.#instances()) await this.#readOne(instance)
    })
    this.#reading = reading.catch(() => undefined)
    return reading
  }

  async #instances(): Promise<string[]> {
    try {
      return await readdir(this.#folder)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  async #readOne(instance: string): Promise<void> {
    const folder = join(this.#folder, instance)
    for (const segment of await segmentsIn(folder)) {
      const [at, from] = this.#positions[instance] ?? [0, 0, 0]
      if (segment < at) continue
      const start = segment === at ? from : 0
      const { bytes, rest } = await bytesFrom(join(folder, segmentName(segment)), start)
      this.#tell(instance, [segment, start, segment === at ? (this.#positions[instance]?.[2] ?? 0) : 0], bytes)
      // The rest comes the next time, and before what follows. A line without end before another segment is what a crash left
      if (rest > 0) return
    }
  }

  #tell(instance: string, [segment, start, heard]: Position, bytes: Buffer): void {
    let from = 0
    let skip = heard
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      const line = bytes.subarray(from, end + 1).toString('utf8')
      const [observations = []] = readCheckedLines<readonly Observation[]>(line).values
      observations.slice(skip).forEach((one, i) => {
        // Before it is heard: a decision that it leads to is stored with it
        const position: Position = [segment, start + from, skip + i + 1]
        this.#positions[instance] = position
        const counted = !isBefore(this.#counted[instance] ?? [0, 0, 0], position)
        tell(counted ? withoutRollout(this.#recorder) : this.#recorder, one)
      })
      from = end + 1
      skip = 0
      this.#positions[instance] = [segment, start + from, 0]
    }
    this.#positions[instance] ??= [segment, start, 0]
  }

  /** Removes what was heard and is in the journal; of instances that are gone their folder too. */
  async sweep(lives: ReadonlySet<string>): Promise<void> {
    for (const instance of await this.#instances()) {
      const folder = join(this.#folder, instance)
      const kept = this.#kept[instance]
      const missed = lives.has(instance) ? 0 : (this.#missed.get(instance) ?? 0) + 1
      this.#missed.set(instance, missed)
      const gone = missed > maxMissed
      for (const segment of await segmentsIn(folder)) {
        const path = join(folder, segmentName(segment))
        // Who lives may still write to the segment that it has begun
        const heard = kept && (segment < kept[0] || (gone && segment === kept[0] && (await this.#isHeard(path, kept))))
        if (!heard) break
        await rm(path, { force: true })
      }
      if (gone && (await segmentsIn(folder)).length === 0) {
        await rm(folder, { recursive: true, force: true })
        delete this.#positions[instance]
        this.#missed.delete(instance)
      }
    }
  }

  async #isHeard(path: string, [, bytes]: Position): Promise<boolean> {
    const { bytes: more } = await bytesFrom(path, bytes)
    return !more.includes(10)
  }

  capture(whole: boolean): Json | undefined {
    const changed = JSON.stringify(this.#positions) !== JSON.stringify(this.#captured)
    this.#captured = this.positions
    return whole || changed ? (this.positions as unknown as Json) : undefined
  }

  written(): void {
    this.#kept = this.#captured
  }

  takeBack(state: Json): void {
    this.#positions = { ...(state as unknown as Positions) }
  }

  recall(): void {
    // what the journal holds was heard already
  }
  recallLabel(): void {
    // likewise
  }
  stored(): Promise<unknown> {
    return Promise.resolve()
  }
}
