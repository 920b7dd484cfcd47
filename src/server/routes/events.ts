import { z } from '@hono/zod-openapi'
import { route } from '../route.ts'

const encoder = new TextEncoder()
const heartbeat = 15_000

export const eventRoutes = [
  route({
    method: 'GET',
    path: '/v1/events',
    permission: 'read',
    tag: 'events',
    summary: 'Server-sent events: what changed, as it changes',
    query: z.strictObject({ since: z.coerce.number().int().min(0).optional() }),
    answerType: 'text/event-stream',
    answer: z.string(),
    async handler({ request, query }, { bus }) {
      const last = Number(request.headers.get('last-event-id') ?? Number.NaN)
      const since = Number.isInteger(last) ? last : query.since
      let stop = (): void => {}
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          const send = (text: string): void => {
            // a reader that takes nothing for long is let go rather than buffered for
            if ((controller.desiredSize ?? 0) < -500) return end()
            controller.enqueue(encoder.encode(text))
          }
          const unsubscribe = bus.subscribe(
            event => send(`id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event.data)}\n\n`),
            since,
            () => end(),
          )
          const timer = setInterval(() => send(': still here\n\n'), heartbeat)
          timer.unref()
          const end = (): void => {
            stop()
            controller.close()
          }
          stop = () => {
            clearInterval(timer)
            unsubscribe()
          }
          send('retry: 1000\n\n')
        },
        cancel() {
          stop()
        },
      })
      return new Response(stream, {
        headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
      })
    },
  }),
]
