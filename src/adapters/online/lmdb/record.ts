import { crc32 } from 'node:zlib'
import type { Revision } from '../../../ports/online-store.ts'

/** LMDB keeps no checksums, and a feature with one bit changed is still a number: each record carries its own. */
const headBytes = 16
const tailBytes = 4

/** Before the bytes: the revision, and until when it is kept (milliseconds since 1970; 0: for ever). */
export function toStored(bytes: Uint8Array, revision: Revision, until: number): Buffer {
  const record = Buffer.allocUnsafe(headBytes + bytes.byteLength + tailBytes)
  record.writeDoubleLE(revision, 0)
  record.writeDoubleLE(until, 8)
  record.set(bytes, headBytes)
  record.writeUInt32LE(crc32(record.subarray(0, -tailBytes)), record.byteLength - tailBytes)
  return record
}

/** The revision of a record that is there now; 0 where its time is over. */
export function revisionOf(record: Buffer): Revision {
  if (record.byteLength < headBytes + tailBytes) return 0
  const until = record.readDoubleLE(8)
  return until !== 0 && until <= Date.now() ? 0 : record.readDoubleLE(0)
}

/** The bytes of a record; undefined when they do not agree with its checksum. */
export function checked(record: Buffer): Uint8Array | undefined {
  if (record.byteLength < headBytes + tailBytes) return undefined
  const whole = record.subarray(0, -tailBytes)
  return crc32(whole) === record.readUInt32LE(whole.byteLength) ? whole.subarray(headBytes) : undefined
}
