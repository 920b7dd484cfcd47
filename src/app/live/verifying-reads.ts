import type { FeatureView } from '../../define/features.ts'
import type { Micros } from '../../internal/time.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Log } from '../../ports/log.ts'
import { inEnvironment } from '../../stages/features/applied.ts'
import { readVerificationOf } from '../../stages/features/verifications.ts'
import type { StageServices } from '../../stages/services.ts'
import { concludeAlert } from '../../stages/watch/conclude-alert.ts'
import type { MonitorServices } from '../../stages/watch/record.ts'
import type { Jobs } from '../jobs/jobs.ts'

export type VerifiedView = FeatureView & { readonly verify: NonNullable<FeatureView['verify']> }

export const isVerified = (view: FeatureView): view is VerifiedView => view.online && view.verify !== undefined

type Services = MonitorServices & Pick<StageServices, 'project'>

/** Has the sample of what servers read of a view compared so often as it says, and alerts where reads were wrong. */
export class ReadVerifier {
  readonly #services: Services
  readonly #view: VerifiedView
  readonly #jobs: Pick<Jobs, 'start'>
  readonly #log: Log
  #due: Micros | undefined
  #work: Promise<void> | undefined

  constructor(services: Services, view: VerifiedView, jobs: Pick<Jobs, 'start'>, log: Log) {
    this.#services = services
    this.#view = view
    this.#jobs = jobs
    this.#log = log
  }

  /** Starts the work where it is due; it goes on behind it. */
  async look(): Promise<void> {
    if (this.#work) return
    const now = this.#services.clock.now()
    const { name, verify } = this.#view
    // After a restart the time goes on from the last time
    this.#due ??= ((await readVerificationOf(this.#services, name))?.at ?? now) + verify.every
    if (now < this.#due) return
    this.#due = now + verify.every
    this.#work = this.#verify()
      .catch((error: unknown) => {
        this.#log({
          level: 'error',
          text: `what was read of ${name} was not verified: ${messageOf(error)}`,
          view: name,
        })
      })
      .finally(() => {
        this.#work = undefined
      })
  }

  /** Resolves when what is under way is over. */
  async settled(): Promise<void> {
    await this.#work
  }

  async #verify(): Promise<void> {
    const { name } = this.#view
    const { results } = await (await this.#jobs.start('verifyReads', { view: name }, { actor: 'schedule' })).answer
    const reads = results.reduce((sum, one) => sum + one.reads, 0)
    // Nothing was read: what was found before stands
    if (reads === 0) return
    const compared = results.reduce((sum, one) => sum + one.compared, 0)
    const wrong = results.reduce((sum, one) => sum + one.mismatches, 0)
    const [first] = results.flatMap(one => (one.mismatches > 0 ? one.examples : []))
    const view = inEnvironment(this.#services.project, name)
    await concludeAlert(
      this.#services,
      {
        alert: 'feature reads',
        about: { view },
        isBroken: wrong > 0,
        summary: first
          ? `${wrong} of ${compared} values that were read of ${view} are not what training has: ${first.feature} of ${first.key} was ${first.online}, and is ${first.offline} (${first.reason})`
          : `what is read of ${view} is what training has again`,
        rule: { name: 'read verification', statistic: 'values that differ', value: wrong, threshold: 0 },
        inputs: { reads, compared },
      },
      this.#services.clock.now(),
    )
  }
}
