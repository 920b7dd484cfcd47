import type { Json } from '../../../internal/canonical-json.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { type PostOptions, postJson } from '../../../internal/webhook.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { MetadataStore } from '../../../ports/metadata-store.ts'
import type { AnchorRecord } from './anchor.ts'

/** Takes anchors and gives none back: what it got proves the log only to who asks the receiver. */
export interface AnchorReceiver {
  readonly name: string
  /** Never waits and never throws. */
  send(anchored: AnchorRecord): void
  /** How many checkpoints the receiver has taken. */
  taken(): Promise<number>
  /** Waits for what is under way, and for no further try. */
  close(): Promise<void>
}

const kind = 'audit-anchor-sent'

export interface AnchorWebhook extends Pick<PostOptions, 'secret' | 'timeoutMs' | 'retries'> {
  readonly url: string
  readonly log: string
  readonly store: MetadataStore
  readonly clock: Clock
  /** Hears of what the receiver did not take. */
  readonly note: (text: string) => void
}

/**
 * Posts each signed anchor, the newest only where the receiver is slower than the log. What it did not take is sent again
 * with the next one, or when the log is opened next: an anchor proves all that came before it.
 */
export function anchorWebhook({ url, log, store, clock, note, ...post }: AnchorWebhook): AnchorReceiver {
  const target = new URL(url)
  const name = `the webhook ${target.host}`
  const hurry = new AbortController()
  let next: AnchorRecord | undefined
  let working: Promise<void> | undefined
  /** What is wrong was told, and is told anew once it was well again or is something else. */
  let told: string | undefined

  async function work(): Promise<void> {
    for (let anchored = next; anchored !== undefined; anchored = next) {
      next = undefined
      const { records, checkpoints } = anchored.current
      try {
        await postJson(target, JSON.stringify(anchored), { ...post, hurry: hurry.signal })
        await store.putDocument(kind, log, { url, records, checkpoints }, clock.now())
        told = undefined
      } catch (error) {
        if (told === messageOf(error)) continue
        told = messageOf(error)
        note(
          `The anchor of ${records} audit records did not reach ${name} (${messageOf(error)}). It is sent again with the next one.`,
        )
      }
    }
    working = undefined
  }

  return {
    name,
    send(anchored) {
      next = anchored
      working ??= work()
    },
    async taken() {
      const sent = (await store.getDocument<Json>(kind, log))?.value as
        | { url?: string; checkpoints?: number }
        | undefined
      return sent?.url === url ? (sent.checkpoints ?? 0) : 0
    },
    async close() {
      hurry.abort()
      await working
    },
  }
}
