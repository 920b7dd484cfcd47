import type { DirectionKind } from '../windows/directions.ts'

export type Sensitivity = 'low' | 'normal' | 'high'

/** Smallest change that matters: in standard deviations of the column, and in shares of rows. */
export interface SmallestChange {
  readonly deviations: number
  readonly share: number
  readonly presence: number
}

/** What alerts at each sensitivity. Half of it only warns. */
export const smallestChange: Readonly<Record<Sensitivity, SmallestChange>> = {
  low: { deviations: 0.3, share: 0.1, presence: 0.05 },
  normal: { deviations: 0.14, share: 0.04, presence: 0.01 },
  high: { deviations: 0.07, share: 0.02, presence: 0.005 },
}

export function smallestOf(kind: DirectionKind, { deviations, share, presence }: SmallestChange): number {
  if (kind === 'share') return share
  return kind === 'presence' ? presence : deviations
}
