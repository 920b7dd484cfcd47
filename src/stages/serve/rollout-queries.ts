import { messageOf } from '../../internal/message-of.ts'
import type { Micros } from '../../internal/time.ts'
import type { RolloutState } from '../deploy/rollout/index.ts'
import type { QueryEvent } from '../deploy/rollout/state.ts'
import { versionCalled } from '../register/version-parts.ts'
import type { StageServices } from '../services.ts'

/** A query with what its names in braces stand for. */
function filled(query: string, { deployment, challenger, stable }: RolloutState['config']): string {
  const values: Readonly<Record<string, string>> = {
    deployment,
    challenger: String(versionCalled(challenger).version),
    stable: String(versionCalled(stable).version),
  }
  return query.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) => values[name] ?? whole)
}

/** Asks the queries of a running rollout, each when it is due, one at a time. */
export class RolloutQueries {
  readonly #services: Pick<StageServices, 'clock' | 'queries'>
  readonly #hear: (event: QueryEvent, of: RolloutState) => void
  readonly #open = new Map<string, Promise<void>>()
  readonly #over = new AbortController()
  /** Of which rollout and phase queries were asked last, and when each. */
  #of = ''
  readonly #asked = new Map<string, Micros>()

  /** `hear` gets each answer, and the rollout that it was asked for. */
  constructor(services: Pick<StageServices, 'clock' | 'queries'>, hear: (event: QueryEvent, of: RolloutState) => void) {
    this.#services = services
    this.#hear = hear
  }

  /** Time has passed. A challenger that answers nobody yet is asked nothing about. */
  tick(state: RolloutState): void {
    if (state.phase !== 'step' && state.phase !== 'bake') return
    const of = `${state.salt} ${state.phase} ${state.step}`
    // With more traffic everything is asked at once
    if (of !== this.#of) this.#asked.clear()
    this.#of = of
    const now = this.#services.clock.now()
    for (const [name, { query, every }] of Object.entries(state.config.queries)) {
      const before = this.#asked.get(name)
      if (this.#open.has(name) || (before !== undefined && now >= before && now - before < every)) continue
      this.#asked.set(name, now)
      const asked = this.#ask(name, filled(query, state.config), state).finally(() => this.#open.delete(name))
      this.#open.set(name, asked)
    }
  }

  async #ask(name: string, query: string, state: RolloutState): Promise<void> {
    const answer = await this.#answer(query)
    if (this.#over.signal.aborted) return
    this.#hear({ type: 'query', at: this.#services.clock.now(), name, ...answer }, state)
  }

  async #answer(query: string): Promise<Pick<QueryEvent, 'value' | 'reason'>> {
    try {
      const source = await this.#services.queries?.()
      return source
        ? { value: await source.ask(query, this.#over.signal) }
        : { value: null, reason: 'the project has no prometheus to ask' }
    } catch (error) {
      return { value: null, reason: messageOf(error) }
    }
  }

  /** Nobody waits for an answer any more: none is heard from now on. */
  async close(): Promise<void> {
    this.#over.abort()
    await this.settled()
  }

  /** Resolves when nothing is being asked. */
  async settled(): Promise<void> {
    await Promise.all(this.#open.values())
  }
}
