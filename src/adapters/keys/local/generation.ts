import { fail } from '../../../errors/catalogue.ts'
import type { KeystoreFile } from './keystore-file.ts'

/** Which change of a keystore was the last. */
export interface Generation {
  /** Counts changes. */
  readonly gen: number
  /** Authentication code of the file as it was then. */
  readonly mac: string
}

/** A generation, and the place that knows it. */
export interface KnownGeneration extends Generation {
  readonly place: string
}

/** Keeps the last generation apart from the file. */
export interface Generations {
  /** What each place knows. A place may be behind the file, never ahead of it. */
  read(): Promise<readonly KnownGeneration[]>
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
  if (generations === undefined) return
  const known = await generations.read()
  for (const { place, gen, mac: anchored } of known) {
    if (file.gen < gen)
      throw fail('keystoreOld', { path, reason: `it is of change ${file.gen}, ${place} knows of change ${gen}` })
    if (file.gen === gen && mac !== anchored)
      throw fail('keystoreOld', { path, reason: `change ${file.gen} of it is not the one that ${place} knows` })
  }
  // Only a new keystore is known nowhere
  if (known.length === 0 && file.gen > 1)
    throw fail('keystoreOld', { path, reason: `it is of change ${file.gen}, and no place knows which was the last` })
  // A process may have been killed between the two
  if (known.some(({ gen }) => gen !== file.gen) || known.length === 0) await generations.write({ gen: file.gen, mac })
}
