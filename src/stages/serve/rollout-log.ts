import { appendFile, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkedLine, checkedValue } from '../../internal/checked-lines.ts'
import { makeFolder, named } from '../../internal/publish.ts'
import type { ContestEvent, ContestState } from '../deploy/contest/index.ts'
import type { RolloutEvent, RolloutState } from '../deploy/rollout/index.ts'
import { eventOfJson, plainArrays } from './event-json.ts'

/** Its folder, beside the journal of a deployment. */
export const eventsFolder = 'events'
/** What is kept of the contests of a deployment, beside its journal too. */
export const contestFolder = 'contest'

const flushMs = 500
/** Bytes of a file before the next one begins, and how many files are kept. */
const maxBytes = 64 * 2 ** 20
const maxFiles = 4

/** A rollout or contest as it stood, from where the events that follow can be played; or an event. */
export type LogEntry<S = RolloutState, E = RolloutEvent> = { readonly state: S } | { readonly event: E }

/** What is kept of the rollouts, or of the contests, of one deployment. */
export interface KeptEvents<S, E> {
  /** Oldest first; after a damaged line from where the state was next written as it stood. */
  readonly entries: readonly LogEntry<S, E>[]
  /** Files with lines that are not as they were written, and how many. */
  readonly damaged: readonly { readonly path: string; readonly lines: number }[]
}

const namesIn = async (folder: string): Promise<string[]> => {
  try {
    return (await readdir(folder)).filter(name => /^\d{9}\.jsonl$/.test(name)).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw named(error, folder)
  }
}

/** All that is kept in a folder. A last line that a crash cut short is none. `asItWas`: an event as it was before it was written. */
async function readEvents<S, E>(folder: string, asItWas: (written: E) => E): Promise<KeptEvents<S, E>> {
  const entries: LogEntry<S, E>[] = []
  const damaged: { path: string; lines: number }[] = []
  let isWhole = true
  for (const name of await namesIn(folder)) {
    const path = join(folder, name)
    const lines = (await readFile(path, 'utf8')).split('\n')
    lines.pop()
    const read = lines.map(line => checkedValue<LogEntry<S, E>>(line))
    for (const entry of read) {
      isWhole = entry !== undefined && (isWhole || 'state' in entry)
      // Without an event that was lost, those that follow would make other decisions
      if (entry && isWhole) entries.push('event' in entry ? { event: asItWas(entry.event) } : entry)
    }
    const bad = read.filter(entry => entry === undefined).length
    if (bad > 0) damaged.push({ path, lines: bad })
  }
  return { entries, damaged }
}

/** All that is kept of the rollouts of one deployment, whose journal lies in `folder`. */
export const readRolloutLog = (folder: string): Promise<KeptEvents<RolloutState, RolloutEvent>> =>
  readEvents(join(folder, eventsFolder), eventOfJson)

/** The same of its contests. */
export const readContestLog = (folder: string): Promise<KeptEvents<ContestState, ContestEvent>> =>
  readEvents(join(folder, contestFolder, eventsFolder), written =>
    written.type === 'arm' ? { ...written, event: eventOfJson(written.event) } : written,
  )

/**
 * Every event of the rollouts of one deployment, or of its contests, on disk and off the request's path: with them each decision can
 * be made again. The oldest go first; every file begins with the state as it stood.
 */
export class EventLog<S, E> {
  readonly #folder: string
  readonly #onError: (error: unknown) => void
  readonly #leads: () => boolean
  #lines: string[] = []
  #number = 0
  #size = maxBytes
  #failed = false
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  private constructor(folder: string, onError: (error: unknown) => void, leads: () => boolean) {
    this.#folder = folder
    this.#onError = onError
    this.#leads = leads
  }

  /** `leads`: whether this process still does; who leads no more writes nothing. */
  static async open<S = RolloutState, E = RolloutEvent>(
    folder: string,
    onError: (error: unknown) => void,
    leads: () => boolean = () => true,
  ): Promise<EventLog<S, E>> {
    const log = new EventLog<S, E>(folder, onError, leads)
    await makeFolder(folder, 0o700)
    log.#number = Number((await namesIn(folder)).at(-1)?.slice(0, 9) ?? 0)
    log.#timer = setInterval(() => void log.flush(), flushMs)
    log.#timer.unref()
    return log
  }

  /** The state as it stands: a new one, or one that is taken up again. */
  state(state: S): void {
    if (this.#size >= maxBytes) {
      this.#number++
      this.#size = 0
    }
    this.#add({ state })
  }

  /** What comes, before it is heard; `before` is the state until then. */
  event(event: E, before: S): void {
    if (this.#size >= maxBytes) this.state(before)
    this.#add({ event })
  }

  #add(entry: LogEntry<S, E>): void {
    const line = checkedLine(entry, plainArrays)
    this.#size += line.length
    this.#lines.push(`${this.#number} ${line}`)
  }

  /** Resolves when everything up to now is written, or its failure has been told. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  async #write(): Promise<void> {
    const lines = this.#lines
    if (lines.length === 0) return
    this.#lines = []
    if (!this.#leads()) return
    const files = new Map<string, string[]>()
    for (const line of lines) {
      const space = line.indexOf(' ')
      const number = line.slice(0, space)
      const list = files.get(number) ?? []
      files.set(number, list)
      list.push(line.slice(space + 1))
    }
    try {
      for (const [number, list] of files)
        await appendFile(join(this.#folder, `${number.padStart(9, '0')}.jsonl`), list.join(''), { mode: 0o600 })
      for (const name of (await namesIn(this.#folder)).slice(0, -maxFiles))
        await rm(join(this.#folder, name), { force: true })
      this.#failed = false
    } catch (error) {
      // A gap would make other decisions of the same events: what follows begins with the state as it stands
      this.#size = maxBytes
      if (!this.#failed) this.#onError(error)
      this.#failed = true
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }
}
