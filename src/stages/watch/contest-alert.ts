import type { ContestState } from '../deploy/contest/index.ts'
import { concludeAlert } from './conclude-alert.ts'
import type { MonitorServices } from './record.ts'

/**
 * Tells people that a challenger of a contest is broken: it fails, hangs, gives no numbers, takes too much memory or cannot be
 * loaded. One that is merely worse is what a contest is held to find. The next contest resolves it.
 */
export class ContestAlert {
  readonly #services: MonitorServices
  readonly #deployment: string
  readonly #contest: () => Pick<ContestState, 'id' | 'since' | 'arms'> | undefined
  /** What was concluded last: the store is asked only when something changed. */
  #concluded: string | undefined

  constructor(
    services: MonitorServices,
    deployment: string,
    contest: () => Pick<ContestState, 'id' | 'since' | 'arms'> | undefined,
  ) {
    this.#services = services
    this.#deployment = deployment
    this.#contest = contest
  }

  async look(): Promise<void> {
    const { store, clock } = this.#services
    const contest = this.#contest()
    if (!contest) return
    const out = contest.arms.filter(one => one.phase === 'rolled-back').length
    const standing = `${contest.id} ${out}`
    if (standing === this.#concluded) return
    const deployment = this.#deployment
    const decisions = await store.listDecisions({ kind: 'contest', subject: `deployment ${deployment}` })
    const left = decisions.filter(one => one.verdict === 'rolled-back' && one.at >= contest.since)
    // It takes effect before it is stored: then the next look finds it
    if (left.length < out) return
    const broken = left.findLast(one => one.rule.name !== 'paired loss')
    await concludeAlert(
      this.#services,
      {
        alert: 'challenger of a contest broken',
        about: { deployment },
        isBroken: broken !== undefined,
        summary: broken
          ? `${String(broken.inputs.challenger)} was taken out of the contest: ${broken.reason}`
          : `no challenger of the newest contest of ${deployment} is broken`,
        rule: { name: 'contest', statistic: 'broken challengers', value: broken ? 1 : 0 },
        inputs: broken ? { challenger: broken.inputs.challenger ?? null, decision: broken.id } : {},
      },
      clock.now(),
    )
    this.#concluded = standing
  }
}
