/** Which writing of a record one has seen: no two writings of a store share one. 0: there is none. */
export type Revision = number

export interface OnlineRecord {
  readonly bytes: Uint8Array
  readonly revision: Revision
}

export interface OnlineAsk {
  readonly key: string
  /** What the asker has already: if it is still current, the bytes are not sent again. */
  readonly have?: Revision
}

export interface OnlineChange {
  readonly key: string
  /** Undefined takes the record away. */
  readonly bytes: Uint8Array | undefined
  /** The revision that this one follows, 0 where there is none. If another is there, this change is not made. */
  readonly after: Revision
  /** Milliseconds after which the record is gone by itself. Default: never. */
  readonly keepMs?: number
}

/**
 * Feature records by view and entity key: bytes in, bytes out. Any number of processes and machines read and write the same
 * store at once; who changes a record says which revision it changes, and reads it anew where somebody was quicker.
 */
export interface OnlineStore {
  /** One round trip whatever the number of keys, in the order asked. Undefined where there is no record. */
  getMany(view: string, asks: readonly OnlineAsk[]): Promise<readonly (OnlineRecord | 'unchanged' | undefined)[]>
  /**
   * Resolves when what was written can be read by everybody: the new revisions (0 for what was taken away), undefined
   * for changes that were not made because the record is another one by now. Each record is written whole. What fails
   * writes nothing.
   */
  writeMany(view: string, changes: readonly OnlineChange[]): Promise<readonly (Revision | undefined)[]>
  /** Resolves when everything written so far survives a crash, as far as the store can. */
  flush(): Promise<void>
  /** Every key once, in no order. */
  keys(view: string): AsyncIterable<string>
  dropView(view: string): Promise<void>
  close(): Promise<void>
}
