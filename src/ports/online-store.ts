/**
 * Feature records by view and entity key: bytes in, bytes out. Reads are synchronous and take microseconds (in-process
 * stores) so that a request never waits in a queue for its features; remote stores serve through a local batch first.
 */
export interface OnlineStore {
  get(view: string, key: string): Uint8Array | undefined
  /** One round trip whatever the number of keys. */
  getMany(view: string, keys: readonly string[]): readonly (Uint8Array | undefined)[]
  /** Atomic per call; resolves when the records survive a crash. */
  putMany(view: string, records: Iterable<readonly [key: string, bytes: Uint8Array]>): Promise<void>
  keys(view: string): Iterable<string>
  dropView(view: string): Promise<void>
  close(): Promise<void>
}
