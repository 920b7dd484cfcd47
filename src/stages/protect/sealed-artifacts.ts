import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { unlessLost } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { digestBytes, type Digest } from '../../internal/digest.ts'
import { ulid } from '../../internal/ids.ts'
import { isAlive, ownIdentity } from '../../internal/process-identity.ts'
import type { ArtifactStore, StoredArtifact } from '../../ports/artifact-store.ts'
import type { Clock } from '../../ports/clock.ts'
import type { KeyService } from '../../ports/key-service.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import { type Envelope, protect, unprotect } from './envelope.ts'
import { writeNamed } from '../../internal/publish.ts'

/** An artifact store that also keeps secrets: sealed bytes have the digest of what they say, and are read by it. */
export interface SealingStore extends ArtifactStore {
  /**
   * Stores bytes encrypted under `key` (format MILLENC1). Whoever reads them by their digest needs a grant, and every
   * reading is in the audit log; a copy in clear of the same bytes goes.
   */
  seal(content: Uint8Array | { readonly file: string }, key: string): Promise<StoredArtifact>
  /** Removes the files in clear that `localPath` made for readers that need a path. */
  wipe(): Promise<void>
}

export interface SealingOptions {
  readonly store: MetadataStore
  readonly clock: Clock
  readonly keys: () => Promise<KeyService>
  readonly project: string
  /** Who reads and writes. */
  readonly principal: string
  /** Where files in clear are for as long as they are read; only the owner may look into it. */
  readonly folder: string
}

const kind = 'sealed-artifact'

class SealedArtifacts implements SealingStore {
  readonly #base: ArtifactStore
  readonly #options: SealingOptions
  readonly #own: string
  readonly #paths = new Map<Digest, Promise<string>>()

  constructor(base: ArtifactStore, options: SealingOptions, own: string) {
    this.#base = base
    this.#options = options
    this.#own = own
  }

  async seal(content: Uint8Array | { readonly file: string }, key: string): Promise<StoredArtifact> {
    const { store, clock, project } = this.#options
    const bytes = content instanceof Uint8Array ? content : await readFile(content.file)
    const digest = digestBytes(bytes)
    const known = await this.#envelope(digest)
    if (known?.wraps[0]?.key !== key || !(await unlessLost(this.#base.localPath(known.blob)))) {
      const envelope = await protect(await this.#protection(), bytes, key, { project, kind: 'artifact', oid: ulid() })
      await store.putDocument(kind, digest, envelope as unknown as Json, clock.now())
    }
    await this.#base.remove(digest)
    return { digest, size: bytes.length }
  }

  async #protection(): Promise<Parameters<typeof protect>[0]> {
    return { artifacts: this.#base, keys: await this.#options.keys(), principal: this.#options.principal }
  }

  async #envelope(digest: Digest): Promise<Envelope | undefined> {
    return (await this.#options.store.getDocument<never>(kind, digest))?.value as Envelope | undefined
  }

  /** Undefined when it stands there in clear, or nowhere: then the store itself says so. */
  async #sealed(digest: Digest): Promise<Envelope | undefined> {
    return (await this.#base.has(digest)) ? undefined : this.#envelope(digest)
  }

  async get(digest: Digest): Promise<Uint8Array> {
    const envelope = await this.#sealed(digest)
    return envelope ? unprotect(await this.#protection(), envelope) : this.#base.get(digest)
  }

  async localPath(digest: Digest): Promise<string> {
    const envelope = await this.#sealed(digest)
    if (!envelope) return this.#base.localPath(digest)
    const path = this.#paths.get(digest) ?? this.#inClear(envelope)
    this.#paths.set(digest, path)
    path.catch(() => this.#paths.delete(digest))
    return path
  }

  async #inClear(envelope: Envelope): Promise<string> {
    const bytes = await unprotect(await this.#protection(), envelope)
    await mkdir(this.#own, { recursive: true, mode: 0o700 })
    const path = join(this.#own, randomBytes(16).toString('hex'))
    await writeNamed(path, bytes, { mode: 0o600, flag: 'wx' })
    await chmod(path, 0o400)
    return path
  }

  async wipe(): Promise<void> {
    this.#paths.clear()
    await rm(this.#own, { recursive: true, force: true })
  }

  put(bytes: Uint8Array | string): Promise<StoredArtifact> {
    return this.#base.put(bytes)
  }

  putFile(path: string): Promise<StoredArtifact> {
    return this.#base.putFile(path)
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.size(digest)) !== undefined
  }

  async size(digest: Digest): Promise<number | undefined> {
    const size = await this.#base.size(digest)
    if (size !== undefined) return size
    const envelope = await this.#envelope(digest)
    return envelope && (await this.#base.has(envelope.blob)) ? envelope.plain.bytes : undefined
  }

  list(): AsyncIterable<StoredArtifact> {
    return this.#base.list()
  }

  async remove(digest: Digest): Promise<void> {
    const envelope = await this.#envelope(digest)
    await this.#base.remove(digest)
    if (!envelope) return
    await this.#base.remove(envelope.blob)
    await this.#options.store.removeDocument(kind, digest)
  }
}

/** Wraps a store, and removes the files in clear that processes left which died with them open. */
export async function sealedArtifacts(base: ArtifactStore, options: SealingOptions): Promise<SealingStore> {
  const own = ownIdentity()
  const names = await readdir(options.folder).catch(() => [])
  for (const name of names) {
    const [pid, startTime = ''] = name.split('-')
    if (isAlive({ ...own, pid: Number(pid), startTime }) === false)
      await rm(join(options.folder, name), { recursive: true, force: true })
  }
  return new SealedArtifacts(base, options, join(options.folder, `${own.pid}-${own.startTime}-${ulid()}`))
}
