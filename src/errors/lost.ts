import { fail } from './catalogue.ts'
import { isMillraceError, type MillraceError } from './millrace-error.ts'

const lostCodes: ReadonlySet<string> = new Set([fail('artifactCorrupt').code, fail('artifactMissing').code])

/** An artifact is gone or damaged: what made it can make it again. */
export const isLost = (error: unknown): error is MillraceError => isMillraceError(error) && lostCodes.has(error.code)

/** What is read of artifacts; undefined where one of them is lost. */
export async function unlessLost<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read
  } catch (error) {
    if (isLost(error)) return undefined
    throw error
  }
}
