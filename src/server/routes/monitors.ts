import { z } from '@hono/zod-openapi'
import { compileDefinition } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { ulid } from '../../internal/ids.ts'
import { liveRoute, route } from '../route.ts'
import { nameSchema, Window } from '../schemas.ts'

const time = z.coerce.number().int()
const maxWindows = 5000

export const monitorRoutes = [
  route({
    method: 'GET',
    path: '/v1/monitors',
    permission: 'read',
    tag: 'monitors',
    summary: 'Monitors with their newest window a series and their alerts',
    answer: z.object({ monitors: z.array(z.unknown()) }),
    async handler(_, { workspace: { project, store } }) {
      const alerts = await store.listDocuments<Json>('alert')
      const monitors = [...project.monitors.values()].map(async monitor => {
        const windows = await store.listWindows(monitor.name, { limit: maxWindows })
        const newest = new Map<string, (typeof windows)[number]>()
        for (const one of windows) {
          const known = newest.get(one.series)
          if (!known || known.from < one.from) newest.set(one.series, one)
        }
        return {
          name: monitor.name,
          deployment: monitor.deployment.name,
          definition: compileDefinition(monitor),
          newest: [...newest.values()],
          alerts: alerts.filter(one => labelOf(one.value, 'monitor') === monitor.name).map(one => one.value),
        }
      })
      return { monitors: await Promise.all(monitors) }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/monitors/{name}',
    permission: 'read',
    tag: 'monitors',
    summary: 'The windows of a monitor, oldest first: statistics of every series over time',
    query: z.strictObject({ series: nameSchema.optional(), from: time.optional(), to: time.optional() }),
    answer: z.object({ name: z.string(), windows: z.array(Window) }),
    async handler({ params: { name = '' }, query: { series, from, to } }, { workspace: { project, store } }) {
      if (!project.monitors.has(name)) throw fail('recordUnknown', { kind: 'monitor', name, where: 'GET /v1/monitors' })
      const windows = await store.listWindows(name, {
        limit: maxWindows,
        ...(series === undefined ? {} : { series }),
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      })
      return { name, windows: windows.toSorted((a, b) => a.from - b.from).map(({ monitor: _, ...one }) => one) }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/alerts',
    permission: 'read',
    tag: 'monitors',
    summary: 'Alerts, those that fire first',
    answer: z.object({ alerts: z.array(z.unknown()) }),
    async handler(_, { workspace: { store } }) {
      const alerts = (await store.listDocuments<Json>('alert')).map(one => one.value as Record<string, Json>)
      const order = ['firing', 'pending', 'resolved']
      return { alerts: alerts.toSorted((a, b) => order.indexOf(String(a.state)) - order.indexOf(String(b.state))) }
    },
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/webhooks/alertmanager',
    permission: 'write',
    tag: 'monitors',
    summary: 'Takes the webhook of a Prometheus Alertmanager and keeps it as an event',
    // the sender's format grows with its versions; what is not looked at is kept as it came
    body: z.looseObject({
      version: z.string(),
      status: z.enum(['firing', 'resolved']),
      receiver: z.string().optional(),
      groupKey: z.string().optional(),
      alerts: z
        .array(
          z.looseObject({
            status: z.enum(['firing', 'resolved']),
            labels: z.record(z.string(), z.string()),
            annotations: z.record(z.string(), z.string()).optional(),
            fingerprint: z.string().optional(),
          }),
        )
        .max(1000),
    }),
    answer: z.object({ id: z.string(), alerts: z.number() }),
    async handler({ body, actor }, { workspace: { store, clock }, bus }) {
      const at = clock.now()
      const id = ulid()
      await store.putDocument('event', id, { source: 'alertmanager', actor, body: body as unknown as Json }, at, 0)
      bus.publish('alert', { id, source: 'alertmanager', status: body.status, alerts: body.alerts.length })
      return { id, alerts: body.alerts.length }
    },
  }),
]

export function labelOf(alert: Json, label: string): string | undefined {
  const labels = (alert as { readonly labels?: Readonly<Record<string, Json>> } | null)?.labels
  const value = labels?.[label]
  return typeof value === 'string' ? value : undefined
}
