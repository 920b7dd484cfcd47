import { fail } from '../../errors/index.ts'
import { formatTime, type Micros } from '../../internal/time.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import { planView } from '../../stages/features/channels.ts'
import { snapshotSql } from '../../stages/features/frame.ts'
import { materialise } from '../../stages/features/materialise.ts'
import { failureOf, retrain } from '../../stages/retrain/controller.ts'
import type { LiveDeployment } from '../../stages/serve/deployment.ts'
import { LiveServing } from '../../stages/serve/serving.ts'
import { LiveMonitor, type RetrainRequest } from '../../stages/watch/live.ts'
import { springArrives } from './arrivals.ts'
import { change } from './change.ts'
import type { DemoResult } from './result.ts'
import { at, type Stage } from './stage.ts'
import { stream, type StreamResult } from './stream.ts'
import { type VersionComparison, testedOf, trainOnKilometres } from './versions.ts'

const day = 86_400_000_000

/** A challenger and where it came from. */
export interface Challenger {
  readonly what: string
  readonly challenger: string
  readonly sameRows: VersionComparison['sameRows']
}

export interface Spring {
  readonly served: StreamResult
  readonly challengers: readonly Challenger[]
  readonly retrains: DemoResult['retrains']
  readonly unitCheck: string
}

/** April to June as they happened, hour by hour, with the events of the story between the hours. */
class SpringPlay {
  readonly #stage: Stage
  readonly #first: ModelVersion
  readonly #deployment: LiveDeployment
  readonly #monitor: LiveMonitor
  readonly #asked: RetrainRequest[] = []
  readonly served: StreamResult = { predictions: 0, months: new Map() }
  readonly challengers: Challenger[] = []
  readonly retrains: DemoResult['retrains'][number][] = []
  unitCheck = ''
  #sabotaged = false
  #told = 0

  constructor(stage: Stage, first: ModelVersion, deployment: LiveDeployment, monitor: LiveMonitor) {
    this.#stage = stage
    this.#first = first
    this.#deployment = deployment
    this.#monitor = monitor
    monitor.challenger = () => (deployment.rolling ? deployment.rollout?.config.challenger : undefined)
    monitor.onRetrain = request => this.#asked.push(request)
  }

  /** On 2 April the saboteur's version challenges. What the monitor asks for waits for a rollout's end. */
  async hour(now: Micros): Promise<void> {
    this.#tell(now)
    if (!this.#sabotaged && now >= at('2001-04-02')) await this.#sabotage()
    const [request] = this.#asked
    if (!request) return
    const { rolling, rollout } = this.#deployment
    if (rolling)
      return this.#monitor.retrainWaits(`it waits until the rollout of ${rollout?.config.challenger} has ended`)
    this.#asked.shift()
    await this.#retrain(request, now)
  }

  #tell(now: Micros): void {
    if (now < this.#told) return
    this.#told = now + day
    const { rolling, rollout } = this.#deployment
    const challenge =
      rolling && rollout ? `, ${rollout.config.challenger} at ${(rollout.weight * 100).toFixed(0)} %` : ''
    const count = this.served.predictions.toLocaleString('en-US')
    this.#stage.say(`${formatTime(now).slice(0, 10)}: ${count} predictions${challenge}`)
  }

  async #note(what: string, version: number): Promise<void> {
    const { sameRows } = await testedOf(this.#stage)
    this.challengers.push({ what, challenger: `${this.#stage.model.name}@${version}`, sameRows })
  }

  async #sabotage(): Promise<void> {
    this.#sabotaged = true
    const { version: made, refusal } = await trainOnKilometres(this.#stage, this.#first)
    this.unitCheck = refusal
    const { version } = made
    await this.#note('trained on kilometres, served miles (our own sabotage)', version)
    await this.#deployment.rollOut(version, 'demo')
  }

  async #retrain({ cause, decision }: RetrainRequest, now: Micros): Promise<void> {
    const { workspace, runs, model, say } = this.#stage
    say(`retraining (${cause})`)
    await springArrives(this.#stage, now)
    const { split } = model
    if (split.by !== 'time') throw new TypeError('the demo splits by time')
    const testFrom = now - split.test
    const result = await retrain(workspace, runs, this.#deployment, {
      trigger: cause,
      because: decision.id,
      spans: { from: testFrom - split.train, testFrom, until: now },
      ...(await this.#stage.environments()),
    })
    this.#monitor.retrained(failureOf(result))
    this.retrains.push({
      trigger: cause,
      at: formatTime(now),
      because: decision.reason,
      verdict: result.verdict,
      reason: result.reason,
    })
    if (result.version !== undefined) await this.#note(`retrained (${cause})`, result.version)
  }
}

/** Serves, watches and challenges from April to June; the first version is stable when it begins. */
export async function playSpring(stage: Stage, first: ModelVersion): Promise<Spring> {
  const { workspace, engine, clock, watch, root, source, where } = stage
  const online = await workspace.online()
  const snapshot = await snapshotSql(engine, await workspace.artifacts.localPath(first.facts['data:flights'] as never))
  for (const view of workspace.project.views.values())
    await materialise(engine, planView(view), snapshot, clock.now(), online)
  const serving = await LiveServing.open(workspace, online)
  const deployment = serving.get('lateness-api')
  if (!deployment) throw fail('notDefined', { kind: 'deployment', name: 'lateness-api', known: '' })
  const monitor = new LiveMonitor({ store: workspace.store, clock, notifiers: [] }, watch)
  deployment.observer = monitor
  deployment.onStable = version => monitor.watch(version.profile, version.scaler)
  await deployment.rollOut(first.version, 'demo')

  const play = new SpringPlay(stage, first, deployment, monitor)
  const everything = (await engine.scan({ kind: 'parquet', path: source, rowNumber: 'millrace_seq' }, root)).sql
  await stream({
    engine,
    relation: `SELECT * FROM ${everything} WHERE ${where} AND ${change.stays} AND delay BETWEEN -120 AND 1440`,
    from: at('2001-04-01'),
    to: at('2001-07-01'),
    clock,
    serving,
    deployment,
    monitor,
    served: play.served,
    onHour: now => play.hour(now),
  })
  monitor.finish()
  await monitor.settled()
  await deployment.settled()
  await serving.close()
  return play
}
