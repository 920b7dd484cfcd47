import type { ChildProcess } from 'node:child_process'
import { addFigures, type Figures, type RunningServer } from '../../server/index.ts'
import { type PartOptions, Supervisor } from './supervisor.ts'

/** What the server asks of a worker; with the first comes where it listens. */
export type WorkerRequest = { readonly listen: true } | { readonly figures: number }

/** What a worker says besides that it works. */
export type WorkerMessage = 'listener please' | { readonly asked: number; readonly figures: Figures }

/** One that has not told its figures for so long is told as it was, milliseconds. */
const patienceMs = 1_000

/**
 * Processes that answer predictions beside the server, on the same port. One that ends is begun anew; the figures of the one
 * before count on, so that no total ever falls.
 */
export class Workers {
  #parts: readonly Supervisor[] = []
  readonly #last = new Map<ChildProcess, Figures>()
  /** Of all that have ended together. */
  #ended: Promise<Figures> = Promise.resolve({ metrics: [], statistics: {} })
  readonly #waiting = new Map<number, (figures: Figures) => void>()
  #asked = 0

  /** Begins so many of them. */
  start(count: number, server: RunningServer, part: Pick<PartOptions, 'args' | 'project' | 'log'>): void {
    this.#parts = Array.from(
      { length: count },
      (_, i) =>
        new Supervisor({
          name: `worker ${i + 1}`,
          module: './worker-process.ts',
          ...part,
          args: [...part.args, String(server.forWorkers)],
          onTold: (child, told) => this.#hear(child, told as WorkerMessage, server),
          onEnd: child => {
            const last = this.#last.get(child)
            this.#last.delete(child)
            if (last) this.#ended = this.#ended.then(before => addFigures([before, totalsOf(last)]))
          },
        }),
    )
  }

  #hear(child: ChildProcess, told: WorkerMessage, server: RunningServer): void {
    if (told === 'listener please') {
      const request: WorkerRequest = { listen: true }
      child.send(request, server.listener)
      return
    }
    this.#last.set(child, told.figures)
    this.#waiting.get(told.asked)?.(told.figures)
  }

  /** What all of them have counted, also those that have ended. */
  readonly figures = async (): Promise<readonly Figures[]> => {
    const living = this.#parts.flatMap(({ child }) => (child?.connected ? [child] : []))
    const told = await Promise.all(living.map(child => this.#ask(child)))
    return [...told.filter(one => one !== undefined), await this.#ended]
  }

  async #ask(child: ChildProcess): Promise<Figures | undefined> {
    const asked = ++this.#asked
    let timer: NodeJS.Timeout | undefined
    const answer = await new Promise<Figures | undefined>(resolve => {
      this.#waiting.set(asked, resolve)
      timer = setTimeout(() => resolve(undefined), patienceMs)
      const request: WorkerRequest = { figures: asked }
      child.send(request, error => error && resolve(undefined))
    })
    clearTimeout(timer)
    this.#waiting.delete(asked)
    return answer ?? this.#last.get(child)
  }

  async close(): Promise<void> {
    await Promise.all(this.#parts.map(part => part.close()))
  }
}

/** What counts on when its process has ended: its memory is none any more. */
function totalsOf({ metrics, statistics }: Figures): Figures {
  return { statistics, metrics: metrics.filter(one => one.type === 'counter' || one.type === 'histogram') }
}
