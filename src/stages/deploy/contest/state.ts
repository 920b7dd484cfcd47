import type { Micros } from '../../../internal/time.ts'
import type { RolloutEvent, RolloutState } from '../rollout/index.ts'

/** `chosen`: one was shown to be better, or a person took one. `ended`: none was. */
export type ContestPhase = 'running' | 'chosen' | 'ended'

/**
 * Several challengers of one stable version, each compared with it on the same requests while it answers nobody. JSON of a size that
 * depends on their number and on nothing else.
 */
export interface ContestState {
  readonly version: 1
  readonly deployment: string
  /** The stable version: `lateness@3`. */
  readonly stable: string
  /** Which contest of the deployment it is. */
  readonly id: string
  readonly since: Micros
  /** When it ends where none was shown to be better. */
  readonly until: Micros
  readonly phase: ContestPhase
  /** The challenger that was chosen, `lateness@5`. */
  readonly chosen: string | null
  /**
   * What is known of each challenger: a rollout that stays in its shadow, held until the contest is decided, or that was taken
   * back. Its `salt` names it in events.
   */
  readonly arms: readonly RolloutState[]
  /** Number of decisions of the contest itself. */
  readonly sequence: number
}

interface At {
  readonly at: Micros
}
/** Something was learned of one challenger. */
export interface ArmEvent extends At {
  readonly type: 'arm'
  /** The salt of its state. */
  readonly arm: string
  readonly event: RolloutEvent
}
export interface ContestTick extends At {
  readonly type: 'tick'
}
interface ByPerson extends At {
  readonly actor: string
  /** Why, in the operator's words. */
  readonly reason?: string
}
/** A person takes one, whatever the evidence says. */
export interface ChooseEvent extends ByPerson {
  readonly type: 'choose'
  readonly challenger: string
}
/** A person ends it without a choice. */
export interface EndEvent extends ByPerson {
  readonly type: 'end'
}
export type ContestEvent = ArmEvent | ContestTick | ChooseEvent | EndEvent
