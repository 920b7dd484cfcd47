import type { Decision } from '../../define/decision.ts'
import type { Monitor } from '../../define/monitor.ts'
import type { Report } from '../../define/report.ts'
import { digestJson, shortDigest } from '../../internal/digest.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Micros } from '../../internal/time.ts'
import type { Alert } from '../../ports/notifier.ts'
import { deliver, type MonitorServices, recordAlert } from '../watch/record.ts'
import { beginsAnew, type HandledSlots, handledUntil, Slots } from './slots.ts'

export type TestedOnSchedule = Monitor & { readonly test: NonNullable<Monitor['test']> }

export interface TestTarget {
  /** The version that answers now, `late@3`; undefined where none does. */
  stable(): string | undefined
  /** Runs its tests anew. */
  run(version: string): Promise<Report>
}

/** What a run of the tests says of the version: which critical ones are red, or why they could not be run. */
interface Outcome {
  readonly version: string
  readonly red: readonly string[]
  readonly reason: string
  readonly report: string | undefined
}

/**
 * Runs the tests of what is served at the times of a schedule. The first red run alerts, what turns red while it fires joins it, and
 * the first green run resolves it. Tests that could not be run are not passed: they alert as well. A time that passed while
 * nothing was running is made up for, once.
 */
export class ScheduledTests {
  readonly #services: MonitorServices
  readonly #definition: TestedOnSchedule
  readonly #tested: TestTarget
  readonly #slots: Slots
  #until: Micros | undefined
  #running = false

  constructor(services: MonitorServices, definition: TestedOnSchedule, tested: TestTarget) {
    this.#services = services
    this.#definition = definition
    this.#tested = tested
    this.#slots = new Slots(definition.test.schedule)
  }

  /** Starts the tests where they are due; they go on behind it. */
  async look(): Promise<void> {
    if (this.#running) return
    const now = this.#services.clock.now()
    this.#until ??= await this.#restore(now)
    if (beginsAnew(this.#until, now)) await this.#handled(now)
    if (this.#slots.newest(this.#until, now) === undefined) return
    const version = this.#tested.stable()
    if (version === undefined) return this.#handled(now)
    this.#running = true
    this.#work = this.#test(version, now).finally(() => (this.#running = false))
    // Who waits for it hears what went wrong
    this.#work.catch(() => undefined)
  }

  #work: Promise<void> = Promise.resolve()

  /** Resolves when the tests that run are over and recorded. */
  settled(): Promise<void> {
    return this.#work
  }

  async #test(version: string, due: Micros): Promise<void> {
    const outcome = await this.#tested.run(version).then(
      (report): Outcome => {
        const red = report.checks.filter(one => one.severity === 'critical' && ['fail', 'error'].includes(one.status))
        const words = red.map(one => one.message).join('; ')
        return { version, red: red.map(one => one.id), reason: words, report: report.id }
      },
      (error: unknown): Outcome => ({
        version,
        red: ['not run'],
        reason: `they could not be run: ${messageOf(error)}`,
        report: undefined,
      }),
    )
    await this.#conclude(outcome)
    // Last, so that a crash before it tests again
    await this.#handled(due)
  }

  async #conclude({ version, red, reason, report }: Outcome): Promise<void> {
    const { store, clock } = this.#services
    const { name } = this.#definition
    const now = clock.now()
    const fingerprint = shortDigest(digestJson({ alert: 'model tests', monitor: name }))
    const kept = (await store.getDocument<never>('alert', fingerprint))?.value as FiringAlert | undefined
    const before = kept?.state === 'firing' ? kept : undefined
    const verdict = verdictOf(before, red)
    if (verdict === undefined) return
    const summary =
      verdict === 'resolved' ? `the tests of ${version} pass again` : `the tests of ${version} are red: ${reason}`
    const decision: Decision = {
      id: `alert-${shortDigest(digestJson({ fingerprint, now, verdict }))}`,
      kind: 'alert',
      subject: `monitor ${name}`,
      at: now,
      verdict,
      reason: summary,
      rule: { name: 'one red run', statistic: 'red critical tests', value: red.length, threshold: 0 },
      inputs: { version, red: [...red] },
      evidence: report === undefined ? [] : [report],
      actor: 'system',
    }
    const resolved = verdict === 'resolved'
    const alert: FiringAlert = {
      fingerprint,
      name: 'model tests',
      severity: 'ticket',
      state: resolved ? 'resolved' : 'firing',
      summary,
      labels: { monitor: name },
      startsAt: before?.startsAt ?? now,
      ...(resolved ? { endsAt: now } : {}),
      evidence: decision.id,
      red: resolved ? [] : red,
    }
    await store.addDecision(decision)
    await recordAlert(this.#services, alert)
    if (verdict !== 'joined') await deliver(this.#services, alert)
  }

  async #restore(now: Micros): Promise<Micros> {
    const { schedule } = this.#definition.test
    const stored = (await this.#services.store.getDocument<HandledSlots>('schedule', this.#key))?.value
    const until = handledUntil(stored, schedule, undefined, now)
    if (until !== undefined) return until
    await this.#handled(now)
    return now
  }

  async #handled(until: Micros): Promise<void> {
    this.#until = until
    const handled: HandledSlots = { cron: this.#definition.test.schedule, until }
    await this.#services.store.putDocument('schedule', this.#key, handled, this.#services.clock.now())
  }

  get #key(): string {
    return `${this.#definition.name} tests`
  }
}

/** The alert with the tests that are red. */
type FiringAlert = Alert & { readonly red: readonly string[] }

/** Undefined where there is nothing to say that was not said. */
function verdictOf(
  before: FiringAlert | undefined,
  red: readonly string[],
): 'firing' | 'joined' | 'resolved' | undefined {
  if (red.length === 0) return before ? 'resolved' : undefined
  if (!before) return 'firing'
  return red.some(one => !before.red.includes(one)) ? 'joined' : undefined
}
