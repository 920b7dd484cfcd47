import type { ColumnSpec } from '../../../define/column.ts'
import type { Micros } from '../../../internal/time.ts'
import type { ColumnProfile, Profile } from '../types.ts'
import type { Call } from './call.ts'

/** A rule that the training rows let one think of. */
export interface Draft {
  readonly rule: string
  readonly call: Call
  /**
   * Greatest share of the training rows that may break it: it then says how many must hold (`mostly`). Absent where one
   * that breaks it disproves it.
   */
  readonly tolerates?: number
  /** Whether it speaks of all rows together, so that a part of them proves nothing. */
  readonly whole?: true
  /** A stricter rule of which this is the second choice. */
  readonly unless?: Draft
}

/** What rules about one column see. */
export interface ColumnContext {
  readonly column: ColumnProfile
  readonly spec: ColumnSpec
  readonly profile: Profile
  readonly now: Micros
  /** Newest time of the column over all rows, the hold-out included. */
  readonly newest?: Micros | undefined
}

/** Rows from which on a rule without any exception says something: fewer than 3 % can break it, with 95 % confidence. */
export const fewestRows = 100

export const filledOf = ({ column, profile }: Pick<ColumnContext, 'column' | 'profile'>): number =>
  profile.rows - column.nulls
