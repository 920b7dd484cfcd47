import { randomBytes, scrypt } from 'node:crypto'
import { fail } from '../../../errors/catalogue.ts'
import { unwrapWith, wrap } from './wrap.ts'

/** The root key under a key that is derived from a passphrase at some cost. */
export interface Seal {
  readonly kind: 'argon2id' | 'scrypt'
  /** Base64. */
  readonly salt: string
  /** argon2id: memory in KiB, passes, lanes. scrypt: log2 of N, r, p. */
  readonly cost: readonly [number, number, number]
  readonly wrapped: string
}

const costs = { argon2id: [65_536, 3, 4], scrypt: [17, 8, 1] } as const
/** A file may not make us work for ever. */
const limits = { argon2id: [1_048_576, 12, 16], scrypt: [20, 16, 4] } as const
const label = 'millrace/seal/v1'

async function argon2(): Promise<typeof import('@node-rs/argon2') | undefined> {
  try {
    return await import('@node-rs/argon2')
  } catch {
    return undefined
  }
}

async function deriveKey(seal: Omit<Seal, 'wrapped'>, passphrase: string): Promise<Buffer | undefined> {
  const salt = Buffer.from(seal.salt, 'base64')
  const [a, b, c] = seal.cost
  if (seal.kind === 'argon2id') {
    const library = await argon2()
    return library?.hashRaw(passphrase, {
      algorithm: 2,
      memoryCost: a,
      timeCost: b,
      parallelism: c,
      outputLen: 32,
      salt,
    })
  }
  return new Promise((resolve, reject) => {
    const options = { N: 2 ** a, r: b, p: c, maxmem: 256 * 2 ** a * b }
    scrypt(passphrase, salt, 32, options, (error, key) => (error === null ? resolve(key) : reject(error)))
  })
}

/** Argon2id where its native package is installed, scrypt elsewhere. */
export async function makeSeal(root: Uint8Array, passphrase: string): Promise<Seal> {
  const kind = (await argon2()) === undefined ? 'scrypt' : 'argon2id'
  const seal = { kind, salt: randomBytes(16).toString('base64'), cost: costs[kind] } as const
  const key = await deriveKey(seal, passphrase)
  if (key === undefined) throw new TypeError(`${kind} is not there`)
  return { ...seal, wrapped: wrap(key, root, label, seal.kind) }
}

/** The root key. Throws `keystoreSealed`. */
export async function openSeals(seals: readonly Seal[], passphrase: string, path: string): Promise<Buffer> {
  let missing = false
  for (const seal of seals) {
    const limit = limits[seal.kind] as readonly number[] | undefined
    if (limit === undefined || seal.cost.some((cost, i) => !(cost > 0 && cost <= (limit[i] ?? 0))))
      throw fail('keystoreCorrupt', { path, reason: 'a seal asks for more work than is allowed' })
    const key = await deriveKey(seal, passphrase)
    if (key === undefined) missing = true
    const root = key && unwrapWith(key, seal.wrapped, label, seal.kind)
    if (root !== undefined) return root
  }
  const reason = missing ? 'its seal needs the package @node-rs/argon2' : 'the passphrase is wrong'
  throw fail('keystoreSealed', { path, reason })
}
