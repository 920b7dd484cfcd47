import { fail } from '../../../errors/catalogue.ts'
import type { KeystoreFile } from './keystore-file.ts'

/** Which change of a keystore was the last. */
export interface Generation {
  /** Counts changes. */
  readonly gen: number
  /** Authentication code of the file as it was then. */
  readonly mac: string
}

/** Keeps the last generation apart from the file. */
export interface Generations {
  read(): Promise<Generation | undefined>
  write(generation: Generation): Promise<void>
}

/**
 * A copy of the file from before a revocation, a rotation or a destruction is as well sealed as the newest one; only what
 * is kept elsewhere tells them apart. Throws `keystoreOld`.
 */
export async function checkGeneration(
  path: string,
  { file, mac }: { readonly file: KeystoreFile; readonly mac: string },
  generations: Generations | undefined,
): Promise<void> {
  const anchored = await generations?.read()
  if (anchored === undefined || file.gen > anchored.gen) {
    // A process was killed between the two, or the keystore is older than its anchors
    await generations?.write({ gen: file.gen, mac })
    return
  }
  if (file.gen < anchored.gen)
    throw fail('keystoreOld', { path, reason: `it is of change ${file.gen}, the last was change ${anchored.gen}` })
  if (mac !== anchored.mac)
    throw fail('keystoreOld', { path, reason: `change ${file.gen} of it is not the one that was made here` })
}
