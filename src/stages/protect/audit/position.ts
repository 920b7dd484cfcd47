import { createPublicKey, type KeyObject } from 'node:crypto'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Anchor } from './anchor.ts'
import { disagreement, type HeldAnchors } from './anchors.ts'
import { notesIn } from './checkpoint.ts'
import { GrowingTree, leafHash } from './merkle.ts'
import { linesOf } from './segments.ts'

/** How far a log was read. */
export interface Position {
  readonly tree: GrowingTree
  /** Leaf hash of the last record. */
  readonly previous: string
  readonly segment: number
  readonly bytes: number
  /** Records that a checkpoint was signed for. */
  readonly signed: number
  /** Checkpoints beside it. */
  readonly checkpoints: number
  /** Leaf hashes of the last records that were anchored, by how many records there were. */
  readonly heads: ReadonlyMap<number, string>
}

export async function readFrom(path: string, offset: number): Promise<string> {
  try {
    const handle = await open(path, 'r')
    try {
      const { size } = await handle.stat()
      const length = Math.max(0, size - offset)
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset)
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await handle.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

export const pemOf = (key: KeyObject): string => String(createPublicKey(key).export({ format: 'pem', type: 'spki' }))

export const anchorsOf = (held: HeldAnchors | undefined): readonly Anchor[] =>
  held === undefined ? [] : [held.store, ...held.others].flatMap(one => one.anchored?.current ?? [])

/** Reads a log to its end. */
export async function readLog(
  folder: string,
  last: string | undefined,
  held: HeldAnchors | undefined,
): Promise<Position> {
  const tree = new GrowingTree()
  const wanted = new Set(anchorsOf(held).map(anchor => anchor.records))
  const heads = new Map<number, string>()
  let previous = ''
  for await (const line of linesOf(folder)) {
    const leaf = leafHash(line.text)
    previous = leaf.toString('hex')
    tree.add(leaf)
    if (wanted.has(tree.size)) heads.set(tree.size, previous)
  }
  const notes = await notesIn(folder)
  const signed = Math.max(0, ...notes.map(note => Number(note.split('\n')[1])))
  const bytes = last === undefined ? 0 : (await stat(join(folder, last))).size
  const segment = last === undefined ? 1 : Number(last.slice(0, 8))
  return { tree, previous, heads, signed, checkpoints: notes.length, segment, bytes }
}

/** What of an anchored log is not here any more, or what of its anchors. */
export function lossOf(held: HeldAnchors, { tree, heads, checkpoints }: Position, key: KeyObject): string | undefined {
  for (const anchor of anchorsOf(held)) {
    if (tree.size < anchor.records) return `${anchor.records} records were anchored, ${tree.size} are left`
    if (anchor.records > 0 && heads.get(anchor.records) !== anchor.head)
      return `record ${anchor.records - 1} is not the one that was anchored`
    if (pemOf(key) !== anchor.publicKey) return 'the key that signs it is another one'
  }
  const odd = disagreement(held)
  if (odd !== undefined) return `${odd.place}: ${odd.reason}`
  if (held.store.anchored === undefined && (tree.size > 0 || checkpoints > 0))
    return `${held.store.place} held no anchor of it`
  return undefined
}
