import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
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

/** Bytes that are still taken, and forgotten, of a body that the disk has no room for. */
const maxForgotten = 64 * 1024 ** 2

/**
 * Writes a body to a file. Who sends one that the disk does not take reads the answer only if the rest is taken, too: a
 * connection closed in the middle of the body loses it.
 */
async function writeBody(request: Request, path: string): Promise<void> {
  const body = request.body ? Readable.fromWeb(request.body as never) : Readable.from([])
  const file = await open(path, 'wx', 0o600)
  let [size, forgotten] = [0, 0]
  let failure: unknown
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > uploadLimit) throw fail('bodyTooLarge', { limit: uploadLimit / 1024 / 1024 })
      if (failure === undefined)
        await file.writeFile(chunk).catch((error: unknown) => {
          failure = error
        })
      else if ((forgotten += chunk.length) > maxForgotten) break
    }
  } finally {
    await file.close()
  }
  if (failure !== undefined) throw failure
}

/**
 * Writes a request's body to a file below `folder` for the length of `work`, named by the kind of file that it is. Throws `bodyTooLarge`, and
 * `contentEncodingUnsupported` for one that is compressed.
 */
export async function withUpload<T>(
  request: Request,
  folder: string,
  work: (file: string) => Promise<T>,
  extension?: string,
): Promise<T> {
  requirePlain(request)
  const uploads = join(folder, 'uploads')
  await mkdir(uploads, { recursive: true, mode: 0o700 })
  const file = join(uploads, extension === undefined ? ownedName() : `${ownedName()}.${extension}`)
  try {
    await writeBody(request, file).catch((error: unknown) => {
      throw named(error, uploads)
    })
    return await work(file)
  } finally {
    await rm(file, { force: true })
  }
}

/** Answers with a file that `make` writes, which is gone once it is sent; with an empty body where it wrote none. */
export async function sendMade(
  folder: string,
  extension: string,
  type: string,
  make: (path: string) => Promise<boolean>,
): Promise<Response> {
  const uploads = join(folder, 'uploads')
  await mkdir(uploads, { recursive: true, mode: 0o700 })
  const path = join(uploads, `${ownedName()}.${extension}`)
  const headers = { 'content-type': type }
  try {
    if (!(await make(path))) return new Response('', { headers })
    const file = await open(path, 'r')
    // What is open is read to its end, whatever its name
    return new Response(Readable.toWeb(createReadStream(path, { fd: file })) as ReadableStream, { headers })
  } finally {
    await rm(path, { force: true })
  }
}
