import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fail } from '../../../errors/catalogue.ts'
import { checkName } from '../../../internal/names.ts'
import type { Clock } from '../../../ports/clock.ts'
import {
  keyActions,
  type KeyContext,
  type KeyDescription,
  type KeyService,
  type WrappedKey,
} from '../../../ports/key-service.ts'
import { checkMac, readKeystore, withLock, writeKeystore, type KeystoreFile, type StoredKey } from './keystore-file.ts'
import { checkGeneration, type Generations } from './generation.ts'
import { makeSeal, openSeals } from './seal.ts'
import { unwrapWith, wrap } from './wrap.ts'

type Action = (typeof keyActions)[number]

const algorithm = 'HKDF-SHA256+AES-256-GCM'
const versionLabel = 'millrace/key-version/v1'
const dataLabel = 'millrace/kek/v1'
const rotationDays = 90

export interface LocalKeysOptions {
  readonly path: string
  readonly clock: Clock
  /** Default: MILLRACE_KEY_PASSPHRASE, or the content of the file that MILLRACE_KEY_PASSPHRASE_FILE names. */
  readonly passphrase?: string
  /** Where the number of the last change is kept apart from the file: an older copy of it is noticed. */
  readonly generations?: Generations
}

async function passphraseOf({ path, passphrase }: Pick<LocalKeysOptions, 'path' | 'passphrase'>): Promise<string> {
  const file = process.env['MILLRACE_KEY_PASSPHRASE_FILE']
  const given = passphrase ?? process.env['MILLRACE_KEY_PASSPHRASE'] ?? (file && (await readFile(file, 'utf8')).trim())
  if (!given) throw fail('keystoreSealed', { path, reason: 'no passphrase was given' })
  return given
}

function describe(key: StoredKey): KeyDescription {
  return { ...key, versions: key.versions.map(({ version, state, created }) => ({ version, state, created })) }
}

class LocalKeys implements KeyService {
  readonly name = 'local'
  readonly #path: string
  readonly #clock: Clock
  readonly #root: Buffer
  readonly #generations: Generations | undefined

  constructor(path: string, clock: Clock, root: Buffer, generations: Generations | undefined) {
    this.#path = path
    this.#clock = clock
    this.#root = root
    this.#generations = generations
  }

  async generateDataKey(key: string, context: KeyContext, principal: string) {
    const stored = await this.#allowed(key, 'kms:GenerateDataKey', principal)
    const version = stored.primaryVersion
    const plaintext = randomBytes(32)
    const ciphertext = wrap(this.#material(stored, version, false), plaintext, dataLabel, context)
    const wrapped: WrappedKey = { service: this.name, key, version: String(version), algorithm, ciphertext }
    return { plaintext: new Uint8Array(plaintext), wrapped }
  }

  async unwrap(wrapped: WrappedKey, context: KeyContext, principal: string): Promise<Uint8Array> {
    const stored = await this.#allowed(wrapped.key, 'kms:Decrypt', principal)
    const key = this.#material(stored, Number(wrapped.version), true)
    const secret = unwrapWith(key, wrapped.ciphertext, dataLabel, context)
    if (secret === undefined) throw fail('decryptFailed', { subject: `The data key under ${wrapped.key}` })
    return new Uint8Array(secret)
  }

  create(key: string, principal: string): Promise<KeyDescription> {
    checkName(key, reason => fail('keyName', { what: 'key', reason }))
    checkName(principal, reason => fail('keyName', { what: 'principal', reason }))
    return this.#change(file => {
      if (file.keys.some(one => one.name === key)) throw fail('keyExists', { key })
      const fresh: StoredKey = {
        name: key,
        primaryVersion: 1,
        versions: [this.#version(key, 1)],
        rotationDays,
        grants: [{ principal, actions: ['*'] }],
      }
      return fresh
    })
  }

  async rotate(key: string, principal: string): Promise<KeyDescription> {
    await this.#allowed(key, 'kms:Rotate', principal)
    return this.#change(file => {
      const stored = this.#find(file, key)
      const version = Math.max(...stored.versions.map(one => one.version)) + 1
      const older = stored.versions.map(one =>
        one.state === 'enabled' ? { ...one, state: 'decrypt-only' as const } : one,
      )
      return { ...stored, primaryVersion: version, versions: [...older, this.#version(key, version)] }
    })
  }

  async grant(key: string, to: string, actions: readonly string[], principal: string): Promise<KeyDescription> {
    await this.#allowed(key, 'kms:Grant', principal)
    checkName(to, reason => fail('keyName', { what: 'principal', reason }))
    const known: readonly string[] = [...keyActions, '*']
    const unknown = (actions.length === 0 ? [''] : actions).find(action => !known.includes(action))
    if (unknown !== undefined) throw fail('keyActionUnknown', { action: unknown, known: known.join(', ') })
    return this.#change(file => {
      const stored = this.#find(file, key)
      const had = stored.grants.find(grant => grant.principal === to)?.actions ?? []
      const others = stored.grants.filter(grant => grant.principal !== to)
      return { ...stored, grants: [...others, { principal: to, actions: [...new Set([...had, ...actions])].sort() }] }
    })
  }

  async revoke(key: string, from: string, principal: string): Promise<KeyDescription> {
    await this.#allowed(key, 'kms:Grant', principal)
    return this.#change(file => {
      const stored = this.#find(file, key)
      return { ...stored, grants: stored.grants.filter(grant => grant.principal !== from) }
    })
  }

  async list(): Promise<readonly KeyDescription[]> {
    return (await this.#read()).keys.map(describe)
  }

  #version(key: string, version: number): StoredKey['versions'][number] {
    const wrapped = wrap(this.#root, randomBytes(32), versionLabel, { key, version })
    return { version, state: 'enabled', created: this.#clock.now(), wrapped }
  }

  /** From the file each time: another process may have revoked a grant. */
  async #read(): Promise<KeystoreFile> {
    const found = await readKeystore(this.#path)
    if (found === undefined) throw fail('keystoreCorrupt', { path: this.#path, reason: 'the file is gone' })
    checkMac(this.#path, found.file, found.mac, this.#root)
    await checkGeneration(this.#path, found, this.#generations)
    return found.file
  }

  #change(make: (file: KeystoreFile) => StoredKey): Promise<KeyDescription> {
    return withLock(this.#path, async () => {
      const file = await this.#read()
      const changed = make(file)
      const keys = [...file.keys.filter(key => key.name !== changed.name), changed]
      const mac = await writeKeystore(this.#path, { ...file, gen: file.gen + 1, keys }, this.#root)
      await this.#generations?.write({ gen: file.gen + 1, mac })
      return describe(changed)
    })
  }

  #find(file: KeystoreFile, key: string): StoredKey {
    const stored = file.keys.find(one => one.name === key)
    if (stored === undefined) throw fail('keyUnknown', { key })
    return stored
  }

  async #allowed(key: string, action: Action, principal: string): Promise<StoredKey> {
    const stored = this.#find(await this.#read(), key)
    const actions = stored.grants.find(grant => grant.principal === principal)?.actions ?? []
    if (!actions.includes(action) && !actions.includes('*')) throw fail('keyDenied', { key, action, principal })
    return stored
  }

  #material(stored: StoredKey, number: number, decrypting: boolean): Buffer {
    const version = stored.versions.find(one => one.version === number)
    if (version === undefined) throw fail('decryptFailed', { subject: `Version ${number} of the key ${stored.name}` })
    if (version.state !== 'enabled' && !(decrypting && version.state === 'decrypt-only'))
      throw fail('keyDisabled', { key: stored.name, version: number, state: version.state })
    const key = unwrapWith(this.#root, version.wrapped, versionLabel, { key: stored.name, version: number })
    if (key === undefined)
      throw fail('keystoreCorrupt', { path: this.#path, reason: `key ${stored.name} cannot be read` })
    return key
  }
}

/** Looks whether the keystore can be read and is as it was written. True: no passphrase was given, so only its form is known. */
export async function checkKeystore(path: string): Promise<boolean> {
  const found = await readKeystore(path)
  if (found === undefined) throw fail('keystoreCorrupt', { path, reason: 'the file is gone' })
  const passphrase = await passphraseOf({ path }).catch(() => undefined)
  if (passphrase === undefined) return true
  checkMac(path, found.file, found.mac, await openSeals(found.file.seals, passphrase, path))
  return false
}

/**
 * Opens (or makes) the keystore in one sealed file. Nobody may use a key without a grant.
 * Throws `keystoreSealed`, `keystoreCorrupt`, `keystoreBusy`.
 */
export async function openLocalKeys(options: LocalKeysOptions): Promise<KeyService> {
  const { path, clock, generations } = options
  const passphrase = await passphraseOf(options)
  const root = await withLock(path, async () => {
    const found = await readKeystore(path)
    if (found !== undefined) {
      const opened = await openSeals(found.file.seals, passphrase, path)
      checkMac(path, found.file, found.mac, opened)
      await checkGeneration(path, found, generations)
      return opened
    }
    const known = (await generations?.read())?.toSorted((a, b) => b.gen - a.gen)[0]
    if (known !== undefined)
      throw fail('keystoreOld', { path, reason: `it is gone; ${known.place} knows of change ${known.gen}` })
    const fresh = randomBytes(32)
    const seals = [await makeSeal(fresh, passphrase)]
    const mac = await writeKeystore(path, { v: 1, gen: 1, seals, keys: [] }, fresh)
    await generations?.write({ gen: 1, mac })
    return fresh
  })
  return new LocalKeys(path, clock, root, generations)
}
