/** What a grant may allow; `*` is all of them, and what a key's maker has. */
export const keyActions = ['kms:GenerateDataKey', 'kms:Decrypt', 'kms:Rotate', 'kms:Grant'] as const

/** Immutable facts that a data key is bound to; never secrets: services log them in clear. */
export type KeyContext = Readonly<Record<string, string>>

export interface WrappedKey {
  readonly service: string
  readonly key: string
  readonly version: string
  readonly algorithm: string
  /** Base64. */
  readonly ciphertext: string
}

export interface KeyDescription {
  readonly name: string
  readonly primaryVersion: number
  readonly versions: readonly {
    readonly version: number
    readonly state: 'enabled' | 'decrypt-only' | 'disabled' | 'destroyed'
    readonly created: number
  }[]
  readonly rotationDays: number
  readonly grants: readonly { readonly principal: string; readonly actions: readonly string[] }[]
}

/** Envelope encryption: the service wraps data keys and never sees data. Default deny; every use is audited by callers. */
export interface KeyService {
  readonly name: string
  generateDataKey(
    key: string,
    context: KeyContext,
    principal: string,
  ): Promise<{ readonly plaintext: Uint8Array; readonly wrapped: WrappedKey }>
  unwrap(wrapped: WrappedKey, context: KeyContext, principal: string): Promise<Uint8Array>
  create(key: string, principal: string): Promise<KeyDescription>
  rotate(key: string, principal: string): Promise<KeyDescription>
  grant(key: string, to: string, actions: readonly string[], principal: string): Promise<KeyDescription>
  revoke(key: string, from: string, principal: string): Promise<KeyDescription>
  list(): Promise<readonly KeyDescription[]>
}
