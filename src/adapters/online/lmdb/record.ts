import { crc32 } from 'node:zlib'

/** LMDB keeps no checksums, and a feature with one bit changed is still a number: each record carries its own. */
const tailBytes = 4

export function withChecksum(bytes: Uint8Array): Buffer {
  const record = Buffer.allocUnsafe(bytes.byteLength + tailBytes)
  record.set(bytes)
  record.writeUInt32LE(crc32(bytes), bytes.byteLength)
  return record
}

/** The record without its checksum; undefined when the two do not agree. */
export function checked(record: Buffer): Uint8Array | undefined {
  if (record.byteLength < tailBytes) return undefined
  const bytes = record.subarray(0, -tailBytes)
  return crc32(bytes) === record.readUInt32LE(bytes.byteLength) ? bytes : undefined
}
