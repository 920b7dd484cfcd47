import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fail } from '../errors/index.ts'
import { ownedName } from '../internal/leftovers.ts'
import { named } from '../internal/publish.ts'

/** Largest body of an upload. */
const uploadLimit = 2 * 1024 ** 3

/** What the sender did to the body would be taken for the data. */
function requirePlain(request: Request): void {
  const encoding = request.headers.get('content-encoding')?.trim().toLowerCase() ?? ''
  if (encoding !== '' && encoding !== 'identity') throw fail('contentEncodingUnsupported', { encoding })
}

/**
 * Writes a request's body to a file below `folder` for the length of `work`. Throws `bodyTooLarge`, and
 * `contentEncodingUnsupported` for one that is compressed.
 */
export async function withUpload<T>(request: Request, folder: string, work: (file: string) => Promise<T>): Promise<T> {
  requirePlain(request)
  const uploads = join(folder, 'uploads')
  await mkdir(uploads, { recursive: true, mode: 0o700 })
  const file = join(uploads, ownedName())
  let size = 0
  const limit = new Transform({
    transform(chunk: Buffer, _, done) {
      size += chunk.length
      if (size > uploadLimit) done(fail('bodyTooLarge', { limit: uploadLimit / 1024 / 1024 }))
      else done(null, chunk)
    },
  })
  try {
    const body = request.body ? Readable.fromWeb(request.body as never) : Readable.from([])
    await pipeline(body, limit, createWriteStream(file, { mode: 0o600 })).catch((error: unknown) => {
      throw named(error, uploads)
    })
    return await work(file)
  } finally {
    await rm(file, { force: true })
  }
}
