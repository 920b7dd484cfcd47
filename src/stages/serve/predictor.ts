import type { Deployment } from '../../define/deployment.ts'
import { fail, isMillraceError } from '../../errors/index.ts'
import { ulid } from '../../internal/ids.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Micros } from '../../internal/time.ts'
import { scoreOf } from '../../math/metrics/row-loss.ts'
import type { Clock } from '../../ports/clock.ts'
import { inClassesOf } from '../evaluate/subject.ts'
import { versionName } from '../register/version-parts.ts'
import { said } from './answer.ts'
import type { Arm } from './arm.ts'
import type { EncodedRows } from './encode.ts'
import { eventsOf } from './evidence.ts'
import { LatencyRing } from './latency.ts'
import type { Contender, LiveContest } from './live-contest.ts'
import type { LiveRollout } from './live-rollout.ts'
import type { ChallengedRows, Recorder } from './recorder.ts'
import { answerOf, armOf, callerOf, type Division } from './routing.ts'
import { segmentsOf } from './segments.ts'
import { type TrialRequest, type ChallengerResult, scored, type ArmScores, type Trial } from './trial.ts'
import { TrafficCounter } from './traffic.ts'
import type { Prediction, PredictRequest } from './types.ts'

/** Between which arms rows are divided, and who hears of what is answered. */
export interface Hearers {
  readonly rollout: Pick<LiveRollout, 'state' | 'trial' | 'rolling'>
  /** Several challengers that nobody is answered by. Never beside a rollout. */
  readonly contest: Pick<LiveContest, 'contenders'>
  readonly recorder: Recorder
}

interface Row {
  readonly id: string
  readonly at: Micros
  readonly arm: 'stable' | 'canary'
}

/** Requests as a version takes them, at which moment, and when that was begun (`elapsed` of the clock). */
export interface EncodedRequests {
  readonly rows: EncodedRows
  readonly now: Micros
  readonly started: number
}

/** Views that gave an answer no features, or not those of now. */
function lackingOf(
  { uncovered, unreachable }: EncodedRows,
  row: number,
): Pick<Prediction, 'uncovered' | 'unreachable'> {
  const [past, away] = [uncovered?.get(row), unreachable?.get(row)]
  return { ...(past ? { uncovered: past } : {}), ...(away ? { unreachable: away } : {}) }
}

/** One request on its way. */
interface Call extends TrialRequest {
  readonly each: readonly Row[]
  readonly stable: Arm
  readonly trial: Trial | undefined
  readonly weight: number
  /** Which rollout it fell in, for the labels of its rows. */
  readonly rollout: string | undefined
  /** A row is the challenger's: the caller waits for it, as long as it may take. */
  readonly waits: boolean
}

const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/**
 * Answers requests under one name. Stable's rows are answered as soon as stable has scored them; the challenger of a rollout
 * scores them too, and what it makes of them is heard when it is there.
 */
export class Predictor {
  readonly #of: Pick<Deployment, 'name' | 'stickyBy'>
  readonly #clock: Clock
  readonly #hearers: () => Hearers
  readonly #open = new Set<Promise<unknown>>()
  readonly #traffic = new TrafficCounter()
  #telling: NodeJS.Timeout | undefined
  readonly latency = new LatencyRing()
  readonly counts = { stable: 0, canary: 0, errors: 0 }
  /** What a challenger failed with last. */
  trouble: string | undefined

  constructor(of: Pick<Deployment, 'name' | 'stickyBy'>, clock: Clock, hearers: () => Hearers) {
    this.#of = of
    this.#clock = clock
    this.#hearers = hearers
  }

  /** What is counted is given away within a second. */
  #count(): TrafficCounter {
    this.#telling ??= setTimeout(() => this.tellTraffic(), 1_000).unref()
    return this.#traffic
  }

  /** Whoever remembers hears of what was asked up to now. */
  tellTraffic(): void {
    clearTimeout(this.#telling)
    this.#telling = undefined
    if (!this.#traffic.empty) this.#hearers().recorder.counted(this.#traffic.take())
  }

  /** Resolves when everything that challengers were asked up to now is heard or given up. */
  async heard(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open)
  }

  #division(): Division | undefined {
    const { state, rolling } = this.#hearers().rollout
    return state && rolling ? { salt: state.salt, weight: state.weight } : undefined
  }

  armOf(request: PredictRequest & { readonly id: string }): 'stable' | 'canary' {
    return armOf(this.#division(), request, this.#of.stickyBy)
  }

  /** `encoded`: the requests as stable takes them. From here on nothing is awaited until both arms have begun. */
  async predict(
    stable: Arm,
    requests: readonly PredictRequest[],
    encoded: EncodedRequests,
  ): Promise<readonly Prediction[]> {
    const { started } = encoded
    const call = this.#begin(stable, requests, encoded)
    const { trial, rows } = call
    // In a process of its own it need not wait until stable is through
    const early = trial?.arm.loaded.inChildProcess ? trial.begin(stable, call) : undefined
    let own: ArmScores | undefined
    let failure: unknown
    try {
      const answer = await scored(stable, rows, this.#clock)
      this.#checkFinite(stable, answer)
      own = answer
    } catch (error) {
      failure = error
    }
    const took = own?.took ?? this.#clock.elapsed() - started
    if (own && failure === undefined) this.#remember(call, own)
    // What no model can score says nothing about either of them
    const refused = isMillraceError(failure) && failure.blame === 'user'
    if (refused && early) void trial?.within(early, requests.length, took)
    const heard =
      trial && !refused
        ? this.#later(this.#challenge(call, trial, early, took).then(found => this.#hear(call, trial, own, found)))
        : undefined
    if (!refused) this.#compare(call, own, took)
    const alone = call.each.every(row => row.arm === 'canary')
    if (failure !== undefined && !(heard && alone)) throw this.#failed(call, failure)
    const challenged = call.waits ? await heard : undefined
    if (!own && !(challenged && 'scores' in challenged && this.#hearers().rollout.trial === trial))
      throw this.#failed(call, failure)
    return this.#answers(call, own, challenged, started)
  }

  #failed({ requests, now }: Call, failure: unknown): unknown {
    this.#count().failed(now, requests.length)
    this.counts.errors += requests.length
    return failure
  }

  #remember({ each, stable, trial, rows, rollout }: Call, { scores }: ArmScores): void {
    this.#hearers().recorder.answered({
      rollout,
      tried: trial !== undefined,
      version: versionName(stable.record),
      inputs: rows,
      rows: each.map(({ id, at }, i) => ({ id, at, score: scoreOf(scores, stable.loaded.outputs, i) })),
    })
  }

  #begin(stable: Arm, requests: readonly PredictRequest[], { now, rows }: EncodedRequests): Call {
    const { state, trial } = this.#hearers().rollout
    const division = this.#division()
    const { stickyBy } = this.#of
    const each = requests.map((request): Row => {
      const id = request.id ?? ulid()
      const arm = division
        ? armOf(division, request.id === undefined ? { ...request, id } : { ...request, id }, stickyBy)
        : 'stable'
      return { id, at: request.at ?? now, arm }
    })
    return {
      requests,
      now,
      rows,
      each,
      stable,
      trial,
      weight: division?.weight ?? 0,
      rollout: state?.salt,
      waits: each.some(row => row.arm === 'canary'),
    }
  }

  #checkFinite({ loaded, encoder }: Arm, { scores }: ArmScores): void {
    const without = scores.findIndex(score => !Number.isFinite(score))
    if (without < 0) return
    throw fail('requestInvalid', {
      row: Math.floor(without / loaded.outputs),
      column: encoder.columns.map(column => column.name).join(', '),
      reason: 'the model has no finite score for these values',
    })
  }

  async #challenge(
    { stable, waits, requests, ...asked }: Call,
    trial: Trial,
    early: Promise<ArmScores> | undefined,
    took: number,
  ): Promise<ChallengerResult> {
    // Who needs no challenger is answered first
    if (!early && !waits) await nextTurn()
    return trial.within(early ?? trial.begin(stable, { ...asked, requests }), requests.length, took)
  }

  #later<T>(work: Promise<T>): Promise<T> {
    this.#open.add(work)
    const over = (): boolean => this.#open.delete(work)
    work.then(over, over)
    return work
  }

  /** Several challengers are asked the same, once stable is through; nobody waits for what they say. */
  #compare(call: Call, own: ArmScores | undefined, took: number): void {
    const { contenders } = this.#hearers().contest
    for (const one of contenders) void this.#later(this.#contend(call, one, own, took))
  }

  async #contend(
    call: Call,
    { salt, config, trial }: Contender,
    own: ArmScores | undefined,
    took: number,
  ): Promise<void> {
    await nextTurn()
    const { stable, requests, now: at } = call
    const run = trial.begin(stable, call)
    const challenged = await trial.within(run, requests.length, took)
    const { contest, recorder } = this.#hearers()
    if (!contest.contenders.some(one => one.trial === trial)) return
    this.#note(challenged)
    const segments = config.segments && segmentsOf(config.segments, requests)
    const rows = { stable: requests.length, canary: 0 }
    const judged = { at, stable, canary: trial.arm, own, challenged, rows, weight: 0, segments }
    for (const event of eventsOf(judged, config)) recorder.learned(event, salt)
    if (own) recorder.challenged({ rollout: salt, rows: this.#pairsOf(call, trial, own, challenged) })
  }

  /** What a challenger failed with. */
  #note(challenged: ChallengerResult): void {
    if ('missing' in challenged && challenged.missing !== 'unasked') this.trouble = messageOf(challenged.reason)
  }

  /** What both said of each row, in the numbers of stable's classes. */
  #pairsOf(
    { stable, each }: Call,
    { arm: canary }: Trial,
    own: ArmScores,
    challenged: ChallengerResult,
  ): ChallengedRows['rows'] {
    const scores = 'scores' in challenged ? challenged.scores : undefined
    return each.map(({ id, at }, i) => {
      const their = scores ? scoreOf(scores, canary.loaded.outputs, i) : Number.NaN
      return {
        id,
        at,
        stable: scoreOf(own.scores, stable.loaded.outputs, i),
        canary: inClassesOf(stable.card.classes, canary.card.classes, their),
      }
    })
  }

  /** What a request taught: the rollout hears of it, and labels find what both arms said. */
  #hear(call: Call, trial: Trial, own: ArmScores | undefined, challenged: ChallengerResult): ChallengerResult {
    const { rollout, recorder } = this.#hearers()
    const scores = 'scores' in challenged ? challenged.scores : undefined
    this.#note(challenged)
    const { stable, each, requests, weight, rollout: salt = '' } = call
    const { arm: canary } = trial
    const limits = rollout.state?.config
    if (rollout.trial === trial && limits) {
      const answered = (arm: 'stable' | 'canary'): number =>
        each.filter((row, i) => row.arm === arm && requests[i]?.arm === undefined).length
      const rows = { stable: answered('stable'), canary: scores ? answered('canary') : 0 }
      const segments = limits.segments && segmentsOf(limits.segments, requests)
      const events = eventsOf({ at: call.now, stable, canary, own, challenged, rows, weight, segments }, limits)
      for (const event of events) if (event.type === 'request') this.#count().judged(event)
      for (const event of events) if (rollout.trial === trial) recorder.learned(event, salt)
    }
    if (own) recorder.challenged({ rollout: salt, rows: this.#pairsOf(call, trial, own, challenged) })
    return challenged
  }

  #answers(
    call: Call,
    own: ArmScores | undefined,
    challenged: ChallengerResult | undefined,
    started: number,
  ): readonly Prediction[] {
    const { each, stable, trial } = call
    const { rollout } = this.#hearers()
    // A rollout that has ended meanwhile has no arm any more
    const canary = trial && rollout.trial === trial ? trial.arm : undefined
    const theirs = challenged && 'scores' in challenged ? challenged.scores : undefined
    const spent = ((this.#clock.elapsed() - started) * 1000) / Math.max(1, each.length)
    const predictions = each.map(({ id, arm: given }, i): Prediction => {
      const mine = own && scoreOf(own.scores, stable.loaded.outputs, i)
      const other = theirs && canary && scoreOf(theirs, canary.loaded.outputs, i)
      const arm = canary ? given : 'stable'
      const answer = answerOf(arm, mine, other)
      if (!answer)
        throw fail('requestInvalid', { row: i, column: '', reason: 'no model has a finite score for these values' })
      this.counts[arm]++
      if (answer.fallback) this.counts.errors++
      const by = arm === 'canary' && !answer.fallback && canary ? canary : stable
      return {
        id,
        ...said(by, answer.score),
        arm,
        version: by.record.version,
        ...(answer.fallback ? { fallback: true } : {}),
        ...lackingOf(call.rows, i),
      }
    })
    this.latency.add(spent)
    const rows = { stable: 0, canary: 0 }
    for (const { arm } of predictions) rows[arm]++
    this.#count().answered(call.now, rows, this.#clock.elapsed() - started)
    if (canary) this.#served(call)
    return predictions
  }

  /** What rows turn out to be worth is compared by the arm that was drawn for them, whoever had to answer in its place. */
  #served({ each, requests, weight, rollout: salt }: Call): void {
    const { rollout, recorder } = this.#hearers()
    const metrics = rollout.state?.config.metrics ?? {}
    if (salt === undefined || weight <= 0 || weight >= 1 || Object.keys(metrics).length === 0) return
    const rows = each.flatMap(({ id, at, arm }, i) => {
      const request = requests[i]
      if (!request || request.arm !== undefined) return []
      const caller = callerOf(request, this.#of.stickyBy)
      return [{ id, at, canary: arm === 'canary', chance: weight, ...(caller === undefined ? {} : { caller }) }]
    })
    if (rows.length > 0) recorder.served(rows, salt)
  }
}
