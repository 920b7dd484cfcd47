import { stat } from 'node:fs/promises'

/**
 * Whether something is at a place. What keeps one from looking is no answer, and thrown.
 *
 * @example await isThere('/data/scores.parquet') // false
 */
export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
