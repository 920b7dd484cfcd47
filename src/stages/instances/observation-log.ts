import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { checkedLine } from '../../internal/checked-lines.ts'
import { messageOf } from '../../internal/message-of.ts'
import { makeFolder } from '../../internal/publish.ts'
import { plainArrays } from '../serve/event-json.ts'
import type { Recorder } from '../serve/recorder.ts'
import { type Observation, writingRecorder } from './observations.ts'

const flushMs = 250
/** Observations that are written at once, whatever the time. */
const maxWaiting = 1_000
const maxSegmentBytes = 16 * 2 ** 20
/** Segments that nobody has read: beyond them nothing more is written, until somebody leads again. */
const maxSegments = 64

export const segmentName = (number: number): string => `${String(number).padStart(9, '0')}.jsonl`

/** Numbers of the segments in a folder, rising. */
export async function segmentsIn(folder: string): Promise<number[]> {
  try {
    const names = (await readdir(folder)).filter(name => /^\d{9}\.jsonl$/.test(name))
    return names.map(name => Number(name.slice(0, 9))).sort((a, b) => a - b)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/**
 * What one instance was asked and told under one name, on the disk that all instances share, for the one that leads: a line
 * at most every quarter of a second and off the request's path. Whoever reads it removes what it has read.
 */
export class ObservationLog {
  readonly recorder: Recorder
  readonly #folder: string
  readonly #onError: (error: unknown) => void
  #waiting: Observation[] = []
  #file: FileHandle | undefined
  #number = 0
  #size = 0
  #trouble: string | undefined
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  private constructor(folder: string, onError: (error: unknown) => void) {
    this.#folder = folder
    this.#onError = onError
    this.recorder = writingRecorder(observation => this.#add(observation))
  }

  static async open(folder: string, onError: (error: unknown) => void): Promise<ObservationLog> {
    const log = new ObservationLog(folder, onError)
    await makeFolder(folder, 0o700)
    log.#number = (await segmentsIn(folder)).at(-1) ?? 0
    log.#timer = setInterval(() => void log.flush(), flushMs)
    log.#timer.unref()
    return log
  }

  /** Why nothing can be written at present. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  #add(observation: Observation): void {
    if (this.#waiting.push(observation) >= maxWaiting) void this.flush()
    // While the disk takes nothing the oldest are forgotten
    if (this.#waiting.length > 100 * maxWaiting) this.#waiting.splice(0, maxWaiting)
  }

  /** Resolves when everything up to now is on disk, or its failure has been told. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  async #write(): Promise<void> {
    const observations = this.#waiting
    if (observations.length === 0) return
    this.#waiting = []
    try {
      const line = checkedLine(JSON.parse(JSON.stringify(observations, plainArrays)))
      this.#file ??= await this.#next()
      await this.#file.appendFile(line)
      await this.#file.datasync()
      this.#size += Buffer.byteLength(line)
      this.#trouble = undefined
      if (this.#size >= maxSegmentBytes) await this.#end()
    } catch (error) {
      // Half a line may stand there: what follows begins a segment of its own
      await this.#end().catch(() => undefined)
      this.#waiting = [...observations, ...this.#waiting]
      if (this.#trouble === undefined) this.#onError(error)
      this.#trouble = messageOf(error)
    }
  }

  async #end(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  async #next(): Promise<FileHandle> {
    const unread = (await segmentsIn(this.#folder)).length
    if (unread >= maxSegments) throw new Error(`${unread} segments wait in ${this.#folder} for an instance that leads`)
    this.#size = 0
    await makeFolder(this.#folder, 0o700)
    return open(join(this.#folder, segmentName(++this.#number)), 'ax', 0o600)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
    await this.#end()
  }
}
