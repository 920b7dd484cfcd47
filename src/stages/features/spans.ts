import type { Micros } from '../../internal/time.ts'

/** The spans of time that a frame covers, right-open. */
export interface Spans {
  readonly from: Micros
  readonly testFrom: Micros
  readonly until: Micros
}

/** The spans of a frame that is split by time. */
export function spansIn({ from, testFrom, until }: Partial<Spans> = {}): Spans | undefined {
  return from === undefined || testFrom === undefined || until === undefined ? undefined : { from, testFrom, until }
}
