import type { Decision } from '../../src/define/decision.ts'
import { advance } from '../../src/stages/deploy/rollout/advance.ts'
import { startRollout } from '../../src/stages/deploy/rollout/start.ts'
import type {
  Outcome,
  RolloutCommand,
  RolloutConfig,
  RolloutEvent,
  RolloutState,
} from '../../src/stages/deploy/rollout/state.ts'

export const minute = 60_000_000
const base: RolloutConfig = {
  deployment: 'api',
  challenger: 'm@2',
  stable: 'm@1',
  task: 'binary',
  shadowRows: 0,
  steps: ['20%', '50%'],
  minRequests: 10,
}

/** A rollout with the decisions that it made so far; two steps of ten requests unless a test says otherwise. */
export class Played {
  state: RolloutState
  decisions: Decision[] = []
  constructor(config: Partial<RolloutConfig> = {}, at = 0) {
    this.state = startRollout({ ...base, ...config }, at, 7)
  }
  send(event: RolloutEvent): this {
    const { state, decisions } = advance(this.state, event)
    this.state = state
    this.decisions.push(...decisions)
    return this
  }
  /** Requests of one row that an arm answered; in the other one all went well. */
  request(outcome: Outcome, times = 1, arm: 'canary' | 'stable' = 'canary', at = 1): this {
    for (let i = 0; i < times; i++) this.both({ stable: 'ok', canary: 'ok', [arm]: outcome }, arm, at)
    return this
  }
  both(outcome: { stable: Outcome; canary: Outcome }, arm: 'canary' | 'stable' = 'canary', at = 1): this {
    const rows = { stable: 0, canary: 0, [arm]: 1 }
    return this.send({ type: 'request', at, rows, weight: this.state.weight, outcome })
  }
  /** Requests that both arms answered, in so many milliseconds. */
  took(stable: number, canary: number, times = 1): this {
    const request = { type: 'request', at: 1, rows: { stable: 1, canary: 0 } } as const
    for (let i = 0; i < times; i++)
      this.send({
        ...request,
        weight: this.state.weight,
        outcome: { stable: 'ok', canary: 'ok' },
        took: { stable, canary },
      })
    return this
  }
  tick(at: number): this {
    return this.send({ type: 'tick', at })
  }
  say(command: RolloutCommand, at = 1, reason?: string): this {
    return this.send({ type: 'command', command, actor: 'ada', at, ...(reason === undefined ? {} : { reason }) })
  }
  labels(stable: readonly number[], canary: readonly number[], at = 1): this {
    return this.send({ type: 'labels', stable, canary, at })
  }
  shadow(rows: number, stable: number, canary: number, labels?: number): this {
    return this.send({
      type: 'shadow',
      stable: new Float32Array(rows).fill(stable),
      canary: new Float32Array(rows).fill(canary),
      ...(labels === undefined ? {} : { labels: new Float32Array(rows).fill(labels) }),
      at: 1,
    })
  }
  get verdicts(): string[] {
    return this.decisions.map(one => one.verdict)
  }
  get last(): Decision {
    return this.decisions.at(-1) as Decision
  }
}
