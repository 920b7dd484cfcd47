import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'
import { fail } from '../../../errors/index.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { bodyLimit, parseJson } from '../../body.ts'
import { readBuffer, type Exchange } from '../exchange.ts'

const unpackers: Readonly<Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify(gunzip) as never,
  deflate: promisify(inflate) as never,
}

/** A request of the protocol: its JSON head, and the bytes of its binary tensors behind it. */
export interface ProtocolBody {
  readonly head: Record<string, unknown>
  readonly binary: Uint8Array
}

/** The bytes as they were before they were compressed; what grows beyond the limit of bodies is refused. */
async function unpacked(bytes: Buffer, encoding: string): Promise<Buffer> {
  if (encoding === '' || encoding === 'identity') return bytes
  const unpack = unpackers[encoding]
  if (!unpack) throw fail('contentEncodingUnsupported', { encoding })
  try {
    return await unpack(bytes, { maxOutputLength: bodyLimit })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw fail('bodyTooLarge', { limit: bodyLimit / 1024 / 1024 })
    throw fail('bodyMalformed', { reason: `it is no ${encoding}: ${messageOf(error)}` })
  }
}

/**
 * Reads a body whatever it calls itself: clients of the protocol send none, or `application/octet-stream`. With
 * `Inference-Header-Content-Length` the JSON has so many bytes, and binary tensors follow.
 */
export async function protocolBody({ request }: Exchange): Promise<ProtocolBody> {
  const { headers } = request
  const encoding = (headers['content-encoding'] ?? '').trim().toLowerCase()
  const bytes = await unpacked(await readBuffer(request), encoding)
  const said = headers['inference-header-content-length']
  const length = said === undefined ? bytes.length : Number(said)
  if (!Number.isInteger(length) || length < 0 || length > bytes.length)
    throw fail('bodyMalformed', {
      reason: `Inference-Header-Content-Length is ${String(said)}, and the body has ${bytes.length} bytes`,
    })
  const head = parseJson(bytes.subarray(0, length).toString('utf8'))
  if (typeof head !== 'object' || head === null || Array.isArray(head))
    throw fail('bodyMalformed', { reason: 'it is not an object' })
  return { head: head as Record<string, unknown>, binary: bytes.subarray(length) }
}
