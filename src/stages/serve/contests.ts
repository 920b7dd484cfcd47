import type { Deployment } from '../../define/deployment.ts'
import { fail } from '../../errors/index.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import { type ContestState, startContest } from '../deploy/contest/index.ts'
import type { ResolvedConfig, RolloutState } from '../deploy/rollout/index.ts'
import { versionCalled, versionName } from '../register/version-parts.ts'
import type { StageServices } from '../services.ts'
import type { Arm } from './arm.ts'
import { type ContestHooks, LiveContest } from './live-contest.ts'
import { rolloutConfigOf } from './rollout-config.ts'
import { retire } from './served-version.ts'
import type { Trial } from './trial.ts'

/** How many versions may be compared with the stable one at once: each is loaded, and scores every request. */
const fewest = 2
const most = 8

/** The deployment whose contests these are. */
export interface ContestHost {
  readonly definition: Deployment
  readonly stable: () => Arm | undefined
  /** Loads a version as a challenger; refuses one of another task than the stable one. */
  readonly load: (model: string, version: number) => Promise<Arm>
  readonly trialOf: (arm: Arm, config: ResolvedConfig) => Trial
  /** Throws where something is tried already, that `asked` has to wait for. */
  readonly free: (asked: string) => void
  /** The rollout of a challenger begins; gives what stores it. */
  readonly begin: (arm: Arm) => (store: MetadataStore) => Promise<unknown>
  /** A challenger could not be loaded, and why. */
  readonly trouble: (reason: string) => void
}

/** Begins the contests of one deployment, takes them up after a restart, and ends them by a person's word. */
export class Contests {
  readonly #services: StageServices
  readonly #of: ContestHost
  readonly live: LiveContest
  /** Challengers that cannot be loaded here, by their salts, and why. */
  readonly #untried = new Map<string, string>()

  constructor(services: StageServices, of: ContestHost, hooks: Pick<ContestHooks, 'queue' | 'heard'>) {
    this.#services = services
    this.#of = of
    this.live = new LiveContest(services.clock, of.definition.name, {
      ...hooks,
      left: ({ arm }) => retire(arm),
      chosen: ({ arm }) => of.begin(arm),
    })
  }

  /** Throws `contestRunning` while there is one. */
  free(asked: string): void {
    const { state } = this.live
    if (state?.phase !== 'running') return
    const challengers = state.arms.map(one => one.config.challenger).join(', ')
    throw fail('contestRunning', { deployment: state.deployment, challengers, stable: state.stable, asked })
  }

  #check(versions: readonly number[], stable: Arm): void {
    const { name, canary } = this.#of.definition
    const refused = (reason: string): Error => fail('contestRefused', { deployment: name, reason })
    if (versions.length < fewest || versions.length > most)
      throw refused(`it compares ${fewest} to ${most} versions, not ${versions.length}`)
    const twice = versions.find((one, i) => versions.indexOf(one) !== i)
    if (twice !== undefined) throw refused(`version ${twice} is named twice`)
    if (versions.includes(stable.record.version))
      throw refused(`version ${stable.record.version} is the stable one, which all are compared with`)
    if (canary.labels === 'none') throw refused("it is decided by labels, and its canary says labels: 'none'")
  }

  /** Begins to compare versions with the stable one. */
  async start(versions: readonly number[]): Promise<void> {
    const { definition, load, trialOf } = this.#of
    const { name, model, canary } = definition
    const stable = this.#of.stable()
    if (!stable) throw fail('nothingDeployed', { deployment: name })
    this.#check(versions, stable)
    this.#of.free('a contest')
    const arms: Arm[] = []
    try {
      for (const version of versions) arms.push(await load(model.name, version))
      // Something else may have begun while they were read
      this.#of.free('a contest')
    } catch (error) {
      for (const arm of arms) retire(arm)
      throw error
    }
    const now = this.#services.clock.now()
    const configs = arms.map(arm => rolloutConfigOf(definition, stable, arm))
    const state = startContest(configs, { now, until: now + canary.maxContest, seeds: versions })
    const trials = state.arms.map((one, i) => [one.salt, trialOf(arms[i] as Arm, one.config)] as const)
    this.#untried.clear()
    this.live.take(state, new Map(trials))
    await this.live.persist()
  }

  /** A person takes one of them: its rollout begins. */
  choose(version: number, actor: string, reason: string | undefined): void {
    const { name } = this.#of.definition
    const { state } = this.live
    if (state?.phase !== 'running') throw fail('noContest', { deployment: name })
    this.live.move({
      type: 'choose',
      at: this.#services.clock.now(),
      challenger: versionName({ model: versionCalled(state.stable).model, version }),
      actor,
      ...(reason === undefined ? {} : { reason }),
    })
  }

  /** A person ends it without a choice. */
  end(actor: string, reason?: string): void {
    const at = this.#services.clock.now()
    this.live.move({ type: 'end', at, actor, ...(reason === undefined ? {} : { reason }) })
  }

  /** Takes up where the store says that it is; called again, it follows what changed there meanwhile. */
  async restore(): Promise<void> {
    const { store } = this.#services
    const said = (await store.getDocument<never>('contest', this.#of.definition.name))?.value as
      | ContestState
      | undefined
    const own = this.live.state
    if (!said) return this.live.forget()
    if (own?.id === said.id || said.phase !== 'running' || !this.#of.stable()) {
      this.live.resume(said)
      return
    }
    this.#untried.clear()
    const going = said.arms.filter(one => one.phase !== 'rolled-back')
    const trials = new Map<string, Trial>()
    for (const state of going) {
      const trial = await this.#loaded(state)
      if (trial) trials.set(state.salt, trial)
    }
    this.live.take(said, trials)
  }

  /** What cannot be loaded cannot be tried; who answers, and the others, are not its concern. */
  async #loaded({ salt, config }: RolloutState): Promise<Trial | undefined> {
    const { model, version } = versionCalled(config.challenger)
    try {
      return this.#of.trialOf(await this.#of.load(model, version), config)
    } catch (error) {
      this.#untried.set(salt, messageOf(error))
      this.#of.trouble(messageOf(error))
      return undefined
    }
  }

  /** Who leads takes out what it cannot try. */
  giveUp(): void {
    const at = this.#services.clock.now()
    for (const [arm, why] of this.#untried) {
      const reason = `it cannot be loaded any more: ${why}`
      this.live.move({
        type: 'arm',
        at,
        arm,
        event: { type: 'command', at, command: 'abort', actor: 'system', reason },
      })
    }
    this.#untried.clear()
  }

  tick(at: number): void {
    this.live.move({ type: 'tick', at })
  }

  /** Stores it as it stands. */
  persist(): Promise<void> {
    return this.live.persist()
  }

  /** Nobody waits for its challengers any more. */
  close(): void {
    for (const { trial } of this.live.contenders) {
      trial.end()
      retire(trial.arm)
    }
  }
}
