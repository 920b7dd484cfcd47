import { z } from 'zod'
import { fail } from '../../../errors/index.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type { QuerySource } from '../../../ports/query-source.ts'

const sample = z.tuple([z.number(), z.string()])
/** What `/api/v1/query` answers: https://prometheus.io/docs/prometheus/latest/querying/api/ */
const answerForm = z.union([
  z.object({ status: z.literal('error'), error: z.string() }),
  z.object({
    status: z.literal('success'),
    data: z.union([
      z.object({ resultType: z.literal('scalar'), result: sample }),
      z.object({ resultType: z.literal('vector'), result: z.array(z.object({ value: sample })) }),
    ]),
  }),
])

const patienceMs = 10_000
/** One number is asked for; who sends more than this answers something else. */
const maxBytes = 2 ** 20

async function textOf(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body ?? []) {
    size += (part as Uint8Array).length
    if (size > maxBytes) throw new Error('it answers with more than 1 MiB')
    parts.push(part as Uint8Array)
  }
  return Buffer.concat(parts).toString('utf8')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Asks a server by Prometheus's HTTP API, below `url`. */
export function openPrometheus(url: string, token?: string): QuerySource {
  const address = `${url.replace(/\/+$/, '')}/api/v1/query`
  const unanswered = (reason: string): Error => fail('queryUnanswered', { reason })
  return {
    async ask(query, signal) {
      let response: Response
      let text: string
      try {
        response = await fetch(address, {
          method: 'POST',
          // What is told to one server is not told to another
          redirect: 'error',
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
          body: new URLSearchParams({ query }).toString(),
          signal: AbortSignal.any([AbortSignal.timeout(patienceMs), ...(signal ? [signal] : [])]),
        })
        text = await textOf(response)
      } catch (error) {
        const { cause } = error as { readonly cause?: unknown }
        throw unanswered(messageOf(cause ?? error))
      }
      const { success, data: answer } = answerForm.safeParse(jsonOf(text))
      if (!success) throw unanswered(`status ${response.status}, and no answer of Prometheus's API to an instant query`)
      if (answer.status === 'error') throw unanswered(answer.error)
      const { data } = answer
      if (data.resultType === 'vector' && data.result.length > 1)
        throw unanswered(`it gives ${data.result.length} series, and one number is asked for`)
      const found = data.resultType === 'scalar' ? data.result : data.result[0]?.value
      if (!found) return null
      const value = Number(found[1])
      if (!Number.isFinite(value)) throw unanswered(`it gives ${found[1]}`)
      return value
    },
  }
}
