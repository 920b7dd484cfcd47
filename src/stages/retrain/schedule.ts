import { Cron } from 'croner'
import type { Monitor } from '../../define/monitor.ts'
import { fail } from '../../errors/index.ts'
import { formatTime, type Micros } from '../../internal/time.ts'
import type { Clock } from '../../ports/clock.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import type { LiveMonitor } from '../watch/live.ts'

/** A clock that is set back by less repeats no slot; by more, the schedule begins anew. */
const day = 86_400_000_000

type Handled = { readonly cron: string; readonly until: Micros }

/**
 * Asks for a retrain at the times of a monitor's schedule (cron, UTC), by the port's clock. A time that passed while nothing
 * was running is made up for, once, whatever the number of them.
 */
export class ScheduleTrigger {
  readonly #store: MetadataStore
  readonly #clock: Clock
  readonly #definition: Monitor
  readonly #monitor: Pick<LiveMonitor, 'ask' | 'scheduled'>
  readonly #cron: string
  readonly #times: Cron
  #until: Micros | undefined

  constructor(
    services: { readonly store: MetadataStore; readonly clock: Clock },
    definition: Monitor & { readonly schedule: string },
    monitor: Pick<LiveMonitor, 'ask' | 'scheduled'>,
  ) {
    this.#store = services.store
    this.#clock = services.clock
    this.#definition = definition
    this.#monitor = monitor
    this.#cron = definition.schedule
    try {
      this.#times = new Cron(this.#cron, { timezone: 'UTC', paused: true })
    } catch (error) {
      const reason = `its schedule '${this.#cron}' is no cron expression: ${(error as Error).message}`
      throw fail('invalidDefinition', { kind: 'monitor', name: definition.name, reason }, error)
    }
  }

  async look(): Promise<void> {
    const now = this.#clock.now()
    this.#until ??= await this.#restore(now)
    if (now < this.#until - day) await this.#handled(now)
    const slot = this.#newest(this.#until, now)
    if (slot === undefined) return
    await this.#monitor.ask({
      trigger: 'schedule',
      reason: `the schedule '${this.#cron}' of ${this.#definition.name} is due since ${formatTime(slot)}`,
      evidence: [],
    })
    await this.#handled(now)
  }

  /** Slots up to the last retrain that the schedule started are handled, also when a crash kept that from being written. */
  async #restore(now: Micros): Promise<Micros> {
    const stored = (await this.#store.getDocument<Handled>('schedule', this.#definition.name))?.value
    if (stored?.cron === this.#cron) return Math.max(stored.until, Math.min(now, this.#monitor.scheduled ?? 0))
    await this.#handled(now)
    return now
  }

  async #handled(until: Micros): Promise<void> {
    this.#until = until
    await this.#store.putDocument('schedule', this.#definition.name, { cron: this.#cron, until }, this.#clock.now())
  }

  /** The last time of the schedule after `from` and not after `to`. */
  #newest(from: Micros, to: Micros): Micros | undefined {
    const next = this.#times.nextRun(new Date(from / 1000))
    if (!next || next.getTime() * 1000 > to) return undefined
    const [last] = this.#times.previousRuns(1, new Date(to / 1000 + 1))
    return (last ?? next).getTime() * 1000
  }
}
