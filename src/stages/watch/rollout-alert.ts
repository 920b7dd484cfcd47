import type { RolloutState } from '../deploy/rollout/index.ts'
import { concludeAlert } from './conclude-alert.ts'
import type { MonitorServices } from './record.ts'

type Standing = Pick<RolloutState, 'salt' | 'phase' | 'config'>

/**
 * Tells people that the challenger of a deployment was taken back by its rollout, with the reason of the decision; not when a person
 * took it back. The next rollout resolves it.
 */
export class RolloutAlert {
  readonly #services: MonitorServices
  readonly #deployment: string
  readonly #rollout: () => Standing | undefined
  /** What was concluded last: the store is asked only when something changed. */
  #concluded: string | undefined

  constructor(services: MonitorServices, deployment: string, rollout: () => Standing | undefined) {
    this.#services = services
    this.#deployment = deployment
    this.#rollout = rollout
  }

  async look(): Promise<void> {
    const { store, clock } = this.#services
    const rollout = this.#rollout()
    const isBack = rollout?.phase === 'rolled-back'
    const standing = isBack ? rollout.salt : 'none'
    if (standing === this.#concluded) return
    const deployment = this.#deployment
    const [decision] = await store.listDecisions({ kind: 'rollout', subject: `deployment ${deployment}`, limit: 1 })
    // It takes effect before it is stored: then the next look finds it
    if (isBack && decision?.verdict !== 'rolled-back') return
    const isBroken = isBack && decision?.actor === 'system'
    const summary = isBroken
      ? `${rollout.config.challenger} was taken back: ${decision.reason}`
      : `no challenger of ${deployment} that was taken back is its newest any more`
    await concludeAlert(
      this.#services,
      {
        alert: 'rollout taken back',
        about: { deployment },
        isBroken,
        summary,
        rule: { name: 'rollout', statistic: 'phase', value: rollout?.phase ?? null },
        inputs: isBroken ? { challenger: rollout.config.challenger, decision: decision.id } : {},
      },
      clock.now(),
    )
    this.#concluded = standing
  }
}
