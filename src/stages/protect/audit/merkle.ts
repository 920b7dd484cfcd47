import { createHash } from 'node:crypto'

/** RFC 6962: hash of a leaf. */
export function leafHash(line: string): Buffer {
  return createHash('sha256').update(Buffer.of(0)).update(line).digest()
}

function nodeHash(left: Buffer, right: Buffer): Buffer {
  return createHash('sha256').update(Buffer.of(1)).update(left).update(right).digest()
}

/** The Merkle tree of RFC 6962 as it grows: only the roots of its full subtrees, one a bit of its size. */
export class GrowingTree {
  #size = 0
  readonly #roots: { readonly size: number; readonly hash: Buffer }[] = []

  get size(): number {
    return this.#size
  }

  add(leaf: Buffer): void {
    let grown = { size: 1, hash: leaf }
    for (let last = this.#roots.at(-1); last?.size === grown.size; last = this.#roots.at(-1)) {
      this.#roots.pop()
      grown = { size: grown.size * 2, hash: nodeHash(last.hash, grown.hash) }
    }
    this.#roots.push(grown)
    this.#size++
  }

  root(): Buffer {
    const roots = [...this.#roots]
    let hash = roots.pop()?.hash ?? createHash('sha256').digest()
    for (let left = roots.pop(); left !== undefined; left = roots.pop()) hash = nodeHash(left.hash, hash)
    return hash
  }
}
