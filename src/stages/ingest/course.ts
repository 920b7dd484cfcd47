import type { Digest } from '../../internal/digest.ts'
import type { Entry, IngestRecord } from './journal.ts'

/**
 * What is done with a content that comes: its result is given `again`, what was decided and not carried out is finished
 * (`finish`), or it is judged (`judge`).
 */
export type Course = 'again' | 'finish' | 'judge'

/** Whether a verdict stands: what was refused by the same definition, and what was taken in and is still there. */
function stands({ verdict, definition }: IngestRecord, { there, now, anew }: IncomingFile): boolean {
  return verdict === 'refused' ? definition === now && !anew : there
}

export interface IncomingFile {
  /** Its content is in the dataset now. */
  readonly there: boolean
  /** Digest of the dataset's definition as it is now. */
  readonly now: Digest
  /** Somebody asked that what was refused be judged anew. */
  readonly anew: boolean
}

/** `known`: what the journal has of that content. */
export function courseOf(known: Entry | undefined, coming: IncomingFile): Course {
  if (known?.state === 'decided') return 'finish'
  return known && stands(known.result, coming) ? 'again' : 'judge'
}
