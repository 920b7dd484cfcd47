import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fail } from '../../../errors/catalogue.ts'
import { systemError } from '../../../errors/system.ts'
import { canonicalJson, type Json } from '../../../internal/canonical-json.ts'
import { withFileLock } from '../../../internal/file-lock.ts'
import { publishFile } from '../../../internal/publish.ts'
import type { KeyDescription } from '../../../ports/key-service.ts'
import type { Seal } from './seal.ts'

export interface StoredKey extends Omit<KeyDescription, 'versions'> {
  readonly versions: readonly (KeyDescription['versions'][number] & {
    /** Under the root key; empty once destroyed. */
    readonly wrapped: string
  })[]
}

export interface KeystoreFile {
  readonly v: 1
  /** Counts changes. */
  readonly gen: number
  readonly seals: readonly Seal[]
  readonly keys: readonly StoredKey[]
}

function macOf(file: KeystoreFile, root: Uint8Array): Buffer {
  const key = Buffer.from(hkdfSync('sha256', root, '', 'millrace/keystore-mac/v1', 32))
  return createHmac('sha256', key)
    .update(canonicalJson(file as unknown as Json))
    .digest()
}

export async function readKeystore(path: string): Promise<{ file: KeystoreFile; mac: string } | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw systemError(error, { path }) ?? fail('keystoreSealed', { path, reason: (error as Error).message }, error)
  }
  try {
    const { mac, ...file } = JSON.parse(text) as KeystoreFile & { mac: string }
    if (file.v !== 1 || !Array.isArray(file.seals) || !Array.isArray(file.keys) || typeof mac !== 'string')
      throw new TypeError('it is no keystore of version 1')
    return { file, mac }
  } catch (error) {
    throw fail('keystoreCorrupt', { path, reason: (error as Error).message }, error)
  }
}

export function checkMac(path: string, file: KeystoreFile, mac: string, root: Uint8Array): void {
  const given = Buffer.from(mac, 'base64')
  const own = macOf(file, root)
  if (given.length !== own.length || !timingSafeEqual(given, own))
    throw fail('keystoreCorrupt', { path, reason: 'its content does not match its authentication code' })
}

export async function writeKeystore(path: string, file: KeystoreFile, root: Uint8Array): Promise<string> {
  const mac = macOf(file, root).toString('base64')
  await publishFile(path, canonicalJson({ ...file, mac } as unknown as Json), 0o600)
  return mac
}

/** One process at a time changes the file. */
export function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  return withFileLock(
    `${path}.lock`,
    holder => fail('keystoreBusy', { path, pid: holder.pid, host: holder.host }),
    work,
  )
}
