import { canonicalJson } from '../../../internal/canonical-json.ts'
import type { LostLog } from './anchor.ts'

/** Who answers for a loss, and why. */
export interface Acceptance {
  readonly by: string
  readonly because: string
  /** What is wrong and was not written down before. */
  readonly found?: string
  /** Where the files of the former log are kept now. */
  readonly setAside?: string
}

export const acceptAct = 'audit.accept'

/** A loss as the record of its acceptance names it. */
export const lossText = ({ records, at, reason }: LostLog): string => canonicalJson({ records, at, reason })
