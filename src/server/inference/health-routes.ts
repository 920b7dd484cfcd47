import { z } from '@hono/zod-openapi'
import type { Health, HealthPage } from '../health.ts'
import { sendText, type DataRoute } from './exchange.ts'

const page = (path: string, summary: string, of: (health: Health) => HealthPage, answer: z.ZodType): DataRoute => ({
  method: 'GET',
  path,
  permission: 'public',
  tag: 'health',
  summary,
  answer,
  also: {
    503: {
      says: 'The same, where it is not so',
      schema: answer,
      ...(path === '/health' ? { type: 'application/health+json' } : {}),
    },
  },
  ...(path === '/health' ? { answerType: 'application/health+json' } : {}),
  answerTo({ response, services }) {
    const { status, body, type } = of(services.health)
    sendText(response, status, body, type)
  },
})

const Status = z.object({ status: z.enum(['pass', 'fail']), output: z.string().optional() })

/** Answered from memory: what they say was found out by a timer. They are public: probes carry no token. */
export const healthRoutes: readonly DataRoute[] = [
  page(
    '/health',
    'Health with its reasons: 200 when healthy, 503 otherwise',
    health => health.page,
    z.looseObject({ status: z.string() }),
  ),
  page('/livez', 'The process works', health => health.livePage, Status),
  page(
    '/readyz',
    'All deployments answer their golden rows right, and the server takes requests',
    health => health.readyPage,
    Status,
  ),
  page('/startupz', 'Everything has been loaded once', health => health.startupPage, Status),
  page(
    '/v2/health/live',
    'Live, in the open inference protocol',
    health => health.oipLivePage,
    z.object({ live: z.boolean() }),
  ),
  page(
    '/v2/health/ready',
    'Ready, in the open inference protocol',
    health => health.oipReadyPage,
    z.object({ live: z.boolean(), ready: z.boolean() }),
  ),
]
