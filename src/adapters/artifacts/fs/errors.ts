import { systemError } from '../../../errors/system.ts'

/** Errors of the file system while writing, as catalogued ones. `needed` is what was to be written, in bytes. */
export function writeError(error: unknown, path: string, needed: number): unknown {
  return systemError(error, { path, needed }) ?? error
}
