import type { Monitor } from '../../define/monitor.ts'
import { fail } from '../../errors/index.ts'
import { formatTime, type Micros } from '../../internal/time.ts'
import type { Clock } from '../../ports/clock.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import type { LiveMonitor } from '../watch/live.ts'
import { beginsAnew, type HandledSlots, handledUntil, Slots } from './slots.ts'

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
  readonly #slots: Slots
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
      this.#slots = new Slots(this.#cron)
    } catch (error) {
      const reason = `its schedule '${this.#cron}' is no cron expression: ${(error as Error).message}`
      throw fail('invalidDefinition', { kind: 'monitor', name: definition.name, reason }, error)
    }
  }

  async look(): Promise<void> {
    const now = this.#clock.now()
    this.#until ??= await this.#restore(now)
    if (beginsAnew(this.#until, now)) await this.#handled(now)
    const slot = this.#slots.newest(this.#until, now)
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
    const stored = (await this.#store.getDocument<HandledSlots>('schedule', this.#definition.name))?.value
    const until = handledUntil(stored, this.#cron, this.#monitor.scheduled, now)
    if (until !== undefined) return until
    await this.#handled(now)
    return now
  }

  async #handled(until: Micros): Promise<void> {
    this.#until = until
    await this.#store.putDocument('schedule', this.#definition.name, { cron: this.#cron, until }, this.#clock.now())
  }
}
