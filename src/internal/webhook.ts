import { createHmac } from 'node:crypto'
import { messageOf } from './message-of.ts'

export interface PostOptions {
  /** Signs the body: header `X-Millrace-Signature: sha256=<hex>`. */
  readonly secret?: string
  /** Milliseconds a try may take (default 5,000). */
  readonly timeoutMs?: number
  /** Further tries after a failure that may pass: no answer, 429 or 5xx (default 3). */
  readonly retries?: number
  /** Aborted: there is no time for a further try. */
  readonly hurry?: AbortSignal
}

function pause(ms: number, hurry: AbortSignal | undefined): Promise<void> {
  return new Promise(done => {
    const timer = setTimeout(end, ms)
    function end(): void {
      clearTimeout(timer)
      hurry?.removeEventListener('abort', end)
      done()
    }
    hurry?.addEventListener('abort', end)
    if (hurry?.aborted) end()
  })
}

/** Posts JSON, again after failures that may pass. Rejects with the host and the last reason when every try failed. */
export async function postJson(url: URL, text: string, options: PostOptions): Promise<void> {
  const { secret, timeoutMs = 5_000, retries = 3, hurry } = options
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    ...(secret ? { 'x-millrace-signature': `sha256=${createHmac('sha256', secret).update(text).digest('hex')}` } : {}),
  }
  let last = ''
  for (let attempt = 0; attempt <= retries; attempt++) {
    if (attempt > 0) {
      await pause(Math.min(10_000, 250 * 2 ** attempt), hurry)
      if (hurry?.aborted) break
    }
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers,
        body: text,
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      })
      await answer.body?.cancel()
      if (answer.ok) return
      last = `answer ${answer.status}`
      if (answer.status !== 429 && answer.status < 500) break
    } catch (error) {
      last = messageOf(error)
    }
  }
  throw new Error(`${url.host}: ${last}`)
}
