import { z } from '@hono/zod-openapi'
import { eventStream } from '../event-stream.ts'
import { liveRoute } from '../route.ts'

export const eventRoutes = [
  liveRoute({
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
      return eventStream((send, end) => bus.subscribe(send, since, end))
    },
  }),
]
