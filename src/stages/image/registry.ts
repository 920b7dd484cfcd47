import { createReadStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fail } from '../../errors/index.ts'
import { digestBytes, digestFile, type Digest } from '../../internal/digest.ts'
import { streamNamed, temporaryName } from '../../internal/publish.ts'
import { credentialsFor, type Credentials } from './credentials.ts'
import { mediaTypes } from './formats.ts'
import type { ImageReference } from './reference.ts'

export interface RegistryOptions {
  /** Plain HTTP. Default false. */
  readonly insecure?: boolean
  /** Default: those of `$DOCKER_CONFIG/config.json`. */
  readonly credentials?: (registry: string) => Promise<Credentials | undefined>
  /** First wait before another try after 502, 503 or 504, doubled each time. Default 500. */
  readonly backoffMs?: number
}

interface Call {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT'
  readonly headers?: Readonly<Record<string, string>>
  /** Made anew for each try. */
  readonly body?: () => NonNullable<RequestInit['body']>
}

const tries = 4
const passing = new Set([502, 503, 504])
const manifestTypes = [mediaTypes.index, mediaTypes.manifest, mediaTypes.dockerIndex, mediaTypes.dockerManifest].join(
  ', ',
)

/** `realm="…",service="…"` of a challenge. */
function challengeOf(header: string): { readonly scheme: string; readonly values: Readonly<Record<string, string>> } {
  const [, scheme = '', rest = ''] = /^(\w+)\s*(.*)$/.exec(header) ?? []
  const values = Object.fromEntries(
    [...rest.matchAll(/(\w+)="([^"]*)"/g)].map(match => [match[1] ?? '', match[2] ?? '']),
  )
  return { scheme: scheme.toLowerCase(), values }
}

/** One repository of a registry, spoken to in the OCI distribution protocol. */
export class Repository {
  readonly #reference: ImageReference
  readonly #options: RegistryOptions
  readonly #origin: string
  #authorization: string | undefined

  constructor(reference: ImageReference, options: RegistryOptions = {}) {
    this.#reference = reference
    this.#options = options
    this.#origin = `${options.insecure ? 'http' : 'https'}://${reference.registry}`
  }

  #url(path: string): URL {
    return new URL(`/v2/${this.#reference.name}/${path}`, this.#origin)
  }

  async #fetch(url: URL, { method, headers, body }: Call): Promise<Response> {
    // An upload may be sent to another host: it gets no credentials of this one.
    const own = url.origin === this.#origin && this.#authorization ? { authorization: this.#authorization } : {}
    const init = { method, headers: { ...headers, ...own }, ...(body ? { body: body(), duplex: 'half' as const } : {}) }
    try {
      return await fetch(url, init)
    } catch (error) {
      const { cause } = error as { cause?: { message?: string; code?: string } }
      const reason = cause?.message || cause?.code || (error as Error).message
      throw fail('registryUnreachable', { registry: this.#reference.registry, reason }, error)
    }
  }

  /** Sends once more after a login, and again while the registry is only overloaded. */
  async #send(url: URL, call: Call): Promise<Response> {
    let wait = this.#options.backoffMs ?? 500
    for (let attempt = 1; ; attempt++) {
      let response = await this.#fetch(url, call)
      if (response.status === 401 && url.origin === this.#origin) {
        await response.body?.cancel()
        await this.#login(response.headers.get('www-authenticate') ?? '')
        response = await this.#fetch(url, call)
        if (response.status === 401) throw fail('registryLogin', { registry: this.#reference.registry })
      }
      if (!passing.has(response.status) || attempt === tries) return response
      await response.body?.cancel()
      await sleep(wait)
      wait *= 2
    }
  }

  async #login(challenge: string): Promise<void> {
    const { registry, name } = this.#reference
    const credentials = await (this.#options.credentials ?? credentialsFor)(registry)
    const basic =
      credentials && `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`
    const { scheme, values } = challengeOf(challenge)
    if (scheme === 'basic' && basic) {
      this.#authorization = basic
      return
    }
    const realm = URL.canParse(values.realm ?? '') ? new URL(values.realm ?? '') : undefined
    if (scheme !== 'bearer' || realm === undefined || (realm.protocol !== 'https:' && !this.#options.insecure))
      throw fail('registryLogin', { registry })
    if (values.service) realm.searchParams.set('service', values.service)
    realm.searchParams.set('scope', values.scope ?? `repository:${name}:pull,push`)
    const response = await this.#fetch(realm, { method: 'GET', headers: basic ? { authorization: basic } : {} })
    if (!response.ok) throw fail('registryLogin', { registry })
    const { token, access_token } = (await response.json()) as { token?: string; access_token?: string }
    this.#authorization = `Bearer ${token ?? access_token ?? ''}`
  }

  async #refuse(response: Response, what: string): Promise<never> {
    const text = await response.text()
    let reason = text.slice(0, 200)
    try {
      const { errors = [] } = JSON.parse(text) as { errors?: { code: string; message: string }[] }
      reason = errors.map(({ code, message }) => `${code}: ${message}`).join('; ') || reason
    } catch {
      // Not every registry, and no proxy, answers in the protocol's form: its own words serve.
    }
    const { registry } = this.#reference
    throw fail('registryRefused', { registry, status: response.status, what, reason: reason || response.statusText })
  }

  async hasBlob(digest: Digest): Promise<boolean> {
    const response = await this.#send(this.#url(`blobs/${digest}`), { method: 'HEAD' })
    if (response.status === 404) return false
    return response.ok || this.#refuse(response, `HEAD blob ${digest}`)
  }

  async putBlob(digest: Digest, size: number, file: string): Promise<void> {
    const begun = await this.#send(this.#url('blobs/uploads/'), { method: 'POST', headers: { 'content-length': '0' } })
    const location = begun.headers.get('location')
    if (begun.status !== 202 || location === null) return this.#refuse(begun, 'begin an upload')
    // Opaque, and relative for some; what it asks for already stays.
    const url = new URL(location, begun.url || this.#origin)
    url.searchParams.set('digest', digest)
    const sent = await this.#send(url, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
      body: () => Readable.toWeb(createReadStream(file)) as never,
    })
    if (sent.status !== 201) await this.#refuse(sent, `upload blob ${digest}`)
    await sent.body?.cancel()
  }

  /** Writes a blob to a file, checked; nothing is left when it is not what was asked for. */
  async getBlob(digest: Digest, file: string): Promise<void> {
    const response = await this.#send(this.#url(`blobs/${digest}`), { method: 'GET' })
    if (!response.ok || response.body === null) return this.#refuse(response, `GET blob ${digest}`)
    await mkdir(dirname(file), { recursive: true })
    const temporary = temporaryName(file)
    try {
      await pipeline(Readable.fromWeb(response.body as never), streamNamed(temporary, file))
      const found = (await digestFile(temporary)).digest
      if (found !== digest)
        throw fail('registryMismatch', { registry: this.#reference.registry, expected: digest, found })
      await rename(temporary, file)
    } finally {
      await rm(temporary, { force: true })
    }
  }

  /** Bytes of a manifest or index by tag or digest. */
  async getManifest(
    at: string,
  ): Promise<{ readonly bytes: Buffer; readonly digest: Digest; readonly mediaType: string }> {
    const response = await this.#send(this.#url(`manifests/${at}`), {
      method: 'GET',
      headers: { accept: manifestTypes },
    })
    if (!response.ok) return this.#refuse(response, `GET manifest ${at}`)
    const bytes = Buffer.from(await response.arrayBuffer())
    const digest = digestBytes(bytes)
    if (at.startsWith('sha256:') && at !== digest)
      throw fail('registryMismatch', { registry: this.#reference.registry, expected: at, found: digest })
    return { bytes, digest, mediaType: response.headers.get('content-type') ?? mediaTypes.manifest }
  }

  async putManifest(at: string, bytes: Uint8Array, mediaType: string): Promise<void> {
    const response = await this.#send(this.#url(`manifests/${at}`), {
      method: 'PUT',
      headers: { 'content-type': mediaType },
      body: () => bytes as Uint8Array<ArrayBuffer>,
    })
    if (response.status !== 201) await this.#refuse(response, `PUT manifest ${at}`)
    const found = response.headers.get('docker-content-digest')
    await response.body?.cancel()
    const expected = digestBytes(bytes)
    if (found !== null && found !== expected)
      throw fail('registryMismatch', { registry: this.#reference.registry, expected, found })
  }
}
