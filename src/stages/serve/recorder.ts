import type { Micros } from '../../internal/time.ts'
import type { Score } from '../../math/metrics/row-loss.ts'
import type { RolloutEvent } from '../deploy/rollout/index.ts'
import type { Minutes } from './traffic.ts'
import type { EncodedRows } from './encode.ts'

/** Rows that the stable version answered. */
export interface AnsweredRows {
  /** The rollout that they fell in, by its salt; undefined where there was none. */
  readonly rollout: string | undefined
  /** A challenger is given them too: what it makes of them follows as `ChallengedRows`. */
  readonly tried: boolean
  /** The version, `lateness@3`, and what it was given. */
  readonly version: string
  readonly inputs: Pick<EncodedRows, 'rows' | 'features' | 'categories'>
  readonly rows: readonly { readonly id: string; readonly at: Micros; readonly score: Score }[]
}

/** What both arms made of rows; `canary` is NaN where the challenger had nothing to say. */
export interface ChallengedRows {
  readonly rollout: string
  readonly rows: readonly {
    readonly id: string
    readonly at: Micros
    readonly stable: Score
    readonly canary: Score
  }[]
}

/** What came true of a prediction. */
export interface KnownLabel {
  readonly id: string
  readonly label: number
  readonly at: Micros
}

/** A row that one arm served, as the draw fell. */
export interface ServedRow {
  readonly id: string
  readonly at: Micros
  readonly canary: boolean
  /** With which the canary was to be drawn. */
  readonly chance: number
  /** Who is kept on one arm, where somebody is. */
  readonly caller?: string
}

/** What a prediction turned out to be worth. */
export interface ToldValue {
  readonly id: string
  readonly metric: string
  readonly value: number
}

/**
 * Hears of everything that one name answers and is told. The instance that leads remembers and decides by it; the others write
 * it down for the one that leads, which then hears of it as if it had answered itself.
 */
export interface Recorder {
  answered(rows: AnsweredRows): void
  challenged(rows: ChallengedRows): void
  /** Rows of a rollout that has metrics; `rollout`: its salt. */
  served(rows: readonly ServedRow[], rollout: string): void
  /** Gives the number of values that are new and whose prediction is known here. */
  told(values: readonly ToldValue[]): number
  /** `rollout`: its salt. */
  learned(event: RolloutEvent, rollout: string): void
  /** What was asked, by minutes. */
  counted(minutes: Minutes): void
  /** Gives the number of labels whose prediction is known here. */
  labelled(labels: readonly KnownLabel[]): number
}
