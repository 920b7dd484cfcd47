import type { Json } from '../../internal/canonical-json.ts'

/** What happened, for screens that are open: a hint to read again, never the record itself. */
export interface ServerEvent {
  /** Grows by one; a reader that reconnects says which it saw last. */
  readonly id: number
  readonly type:
    | 'run'
    | 'step'
    | 'progress'
    | 'decision'
    | 'report'
    | 'rollout'
    | 'contest'
    | 'deployment'
    | 'alert'
    | 'windows'
    | 'job'
  readonly data: Json
}

type Listener = (event: ServerEvent) => void
type EndListener = () => void
const kept = 256

/** In-process events with a short memory, so that a screen whose connection broke misses nothing. */
export class EventBus {
  readonly #listeners = new Map<Listener, EndListener>()
  readonly #recent: ServerEvent[] = []
  #last = 0

  get listeners(): number {
    return this.#listeners.size
  }

  publish(type: ServerEvent['type'], data: Json): void {
    const event = { id: ++this.#last, type, data }
    this.#recent.push(event)
    if (this.#recent.length > kept) this.#recent.shift()
    for (const listener of this.#listeners.keys()) listener(event)
  }

  /**
   * Events after `since` first (as far as they are remembered), then new ones. Gives the way to stop; `ended` is called
   * when the server closes.
   */
  subscribe(listener: Listener, since: number | undefined, ended: EndListener): () => void {
    if (since !== undefined) for (const event of this.#recent) if (event.id > since) listener(event)
    this.#listeners.set(listener, ended)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    const ended = [...this.#listeners.values()]
    this.#listeners.clear()
    for (const end of ended) end()
  }
}
