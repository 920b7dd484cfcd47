import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { pack, type Header, type Pack } from 'tar-stream'
import { fail, type MillraceError } from '../../errors/index.ts'
import type { Digest } from '../../internal/digest.ts'
import { publishFile, streamNamed, temporaryName } from '../../internal/publish.ts'
import { complete, type Entry } from './entry.ts'

/** A finished layer: `digest` names the compressed bytes, `diffId` the tar inside. */
export interface Layer {
  readonly name: string
  readonly digest: Digest
  readonly diffId: Digest
  /** Bytes of the compressed blob. */
  readonly size: number
  readonly mediaType: string
  /** The blob on this machine. */
  readonly file: string
  /** True when it was not compressed anew. */
  readonly reused: boolean
}

export function blobPath(folder: string, digest: Digest): string {
  return join(folder, 'blobs', 'sha256', digest.slice(7))
}

const changing = (what: string): MillraceError =>
  fail('imageInput', { reason: `${what} changed while it was read`, next: 'Build again when nothing writes to it.' })

async function copy(
  tar: Pack,
  { from }: { readonly from: string },
  header: Partial<Header> & { name: string },
): Promise<void> {
  try {
    await pipeline(createReadStream(from), tar.entry(header))
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    // tar-stream says the first of a file that grew or shrank since it was listed: the archive would be broken.
    throw message === 'Size mismatch' || code === 'ENOENT' ? changing(from) : error
  }
}

async function feed(tar: Pack, entries: readonly Entry[], mtime: Date): Promise<void> {
  const common = { mtime, uid: 0, gid: 0, uname: '', gname: '' }
  for (const entry of complete(entries)) {
    if (entry.kind === 'folder')
      tar.entry({ ...common, name: `${entry.path}/`, type: 'directory', mode: entry.open ? 0o1777 : 0o755 })
    else if (entry.kind === 'link')
      tar.entry({ ...common, name: entry.path, type: 'symlink', linkname: entry.target, mode: 0o777 })
    else {
      const mode = entry.executable ? 0o755 : 0o644
      if (entry.kind === 'file') tar.entry({ ...common, name: entry.path, mode }, Buffer.from(entry.content))
      else await copy(tar, entry, { ...common, name: entry.path, mode, size: entry.size })
    }
  }
  tar.finalize()
}

/** Sorted entries, one owner, one time: the same content always gives the same bytes. */
export function tarStream(entries: readonly Entry[], mtime: Date): Readable {
  const tar = pack()
  feed(tar, entries, mtime).catch((error: unknown) => tar.destroy(error as Error))
  return Readable.from(tar)
}

class Digester extends Transform {
  readonly #hash = createHash('sha256')
  size = 0

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, chunk: Buffer) => void): void {
    this.#hash.update(chunk)
    this.size += chunk.length
    done(null, chunk)
  }

  digest(): Digest {
    return `sha256:${this.#hash.digest('hex')}`
  }
}

/** zlib writes no time into the header, but the operating system it was built for: say "unknown" everywhere. */
function plainHeader(): Transform {
  let first = true
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (first && chunk.length > 9) {
        chunk[9] = 255
        first = false
      }
      done(null, chunk)
    },
  })
}

export async function digestOfTar(entries: readonly Entry[], mtime: Date): Promise<Digest> {
  const digester = new Digester()
  await pipeline(tarStream(entries, mtime), digester, new Writable({ write: (_chunk, _encoding, done) => done() }))
  return digester.digest()
}

interface RememberedFile {
  readonly digest: Digest
  readonly size: number
}

async function remembered(cache: string, diffId: Digest): Promise<RememberedFile | undefined> {
  try {
    const known = JSON.parse(await readFile(join(cache, 'diffs', diffId.slice(7)), 'utf8')) as RememberedFile
    return (await stat(blobPath(cache, known.digest))).size === known.size ? known : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

/**
 * Makes a layer in the cache folder, or finds it there. Compressed bytes may differ between zlib builds, so a layer is
 * known by the digest of its tar: what was compressed once on this machine is never compressed again.
 */
export async function makeLayer(cache: string, name: string, entries: readonly Entry[], mtime: Date): Promise<Layer> {
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip'
  const diffId = await digestOfTar(entries, mtime)
  const known = await remembered(cache, diffId)
  if (known) return { name, ...known, diffId, mediaType, file: blobPath(cache, known.digest), reused: true }
  const temporary = temporaryName(blobPath(cache, diffId))
  await mkdir(dirname(temporary), { recursive: true })
  try {
    const [inner, outer] = [new Digester(), new Digester()]
    await pipeline(
      tarStream(entries, mtime),
      inner,
      createGzip({ level: 6 }),
      plainHeader(),
      outer,
      streamNamed(temporary, cache),
    )
    if (inner.digest() !== diffId) throw changing(`a file of the ${name} layer`)
    const digest = outer.digest()
    await rename(temporary, blobPath(cache, digest))
    await publishFile(join(cache, 'diffs', diffId.slice(7)), JSON.stringify({ digest, size: outer.size }))
    return { name, digest, size: outer.size, diffId, mediaType, file: blobPath(cache, digest), reused: false }
  } finally {
    await rm(temporary, { force: true })
  }
}
