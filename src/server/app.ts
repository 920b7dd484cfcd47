import { OpenAPIHono, z } from '@hono/zod-openapi'
import { fail } from '../errors/index.ts'
import { feastRoutes } from './compat/feast/index.ts'
import { mlflowProblem, mlflowRoutes, mlflowUnknown } from './compat/mlflow/index.ts'
import { dashboard, securityHeaders } from './dashboard.ts'
import { dataRoutes } from './inference/routes.ts'
import { forward } from './forward.ts'
import { openApi } from './openapi.ts'
import { problem, protocolProblem } from './problem.ts'
import { route, type ControlRoute, type RecordRoute, type RouteFacts } from './route.ts'
import { controlRoutes } from './routes/index.ts'
import type { RecordServices, ServerServices } from './services.ts'

/** The document is made at the first request: making it costs more than starting the server may. */
function openApiRoute(document: () => unknown): RecordRoute {
  return route({
    method: 'GET',
    path: '/openapi.json',
    permission: 'read',
    tag: 'project',
    summary: 'This document',
    answer: z.unknown(),
    handler: async () => document(),
  })
}

/** `/v1/x/{name}:promote` as a Hono pattern; a parameter takes its suffix along, which `paramsOf` cuts off again. */
function pattern(path: string): string {
  return path
    .split('/')
    .map(segment => {
      const match = /^\{(\w+)(\*?)\}(.*)$/.exec(segment)
      if (!match) return segment
      const [, name, rest, suffix] = match
      return rest ? `:${name}{.+}` : `:${name}{[^/:]+${suffix}}`
    })
    .join('/')
}

function paramsOf(path: string, given: Readonly<Record<string, string>>): Record<string, string> {
  const params: Record<string, string> = {}
  for (const [, name = '', suffix = ''] of path.matchAll(/\{(\w+)\*?\}([^/]*)/g))
    params[name] = (given[name] ?? '').slice(0, suffix.length === 0 ? undefined : -suffix.length)
  return params
}

/** A path that is no text in UTF-8 names nothing. */
function decodable(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

const shape = (path: string): RegExp =>
  new RegExp(`^${path.replace(/\{\w+\*\}/g, '.+').replace(/\{\w+\}/g, '[^/:]+')}$`)

/** Everything that can be asked for, with the permission that it takes. The one table. */
export const routeTable: readonly RouteFacts[] = [
  openApiRoute(() => undefined),
  ...controlRoutes,
  ...mlflowRoutes,
  ...feastRoutes,
  ...dataRoutes,
]

const further = [...controlRoutes, ...mlflowRoutes, ...feastRoutes]
const liveShapes = further.filter(one => one.live).map(one => ({ method: one.method, shape: shape(one.path) }))

/** Asks what is served or who works beside: it is answered where predictions are. */
export function isLive(method: string, path: string): boolean {
  return liveShapes.some(one => one.method === (method === 'HEAD' ? 'GET' : method) && one.shape.test(path))
}

const writers = { problem, oip: protocolProblem, mlflow: mlflowProblem }

interface App {
  fetch(request: Request): Response | Promise<Response>
}

/** The whole control plane. */
export const createApp = (services: ServerServices, webFolder?: string): App => appOf(services, further, webFolder)

/** What records answer, and the dashboard: for a process of its own. */
export const createRecordApp = (services: RecordServices, webFolder?: string): App =>
  appOf(
    services,
    further.filter((one): one is RecordRoute => !one.live),
    webFolder,
  )

/** Every request is guarded, checked and answered by its entry in the table, or not at all. */
function appOf<S extends RecordServices>(services: S, routes: readonly ControlRoute<S>[], webFolder?: string): App {
  const app = new OpenAPIHono()
  const files = dashboard(webFolder)
  let document: unknown
  const api = openApiRoute(() => (document ??= openApi(new OpenAPIHono(), routeTable, services.version)))

  for (const one of [api, ...routes]) {
    app.on(one.method, pattern(one.path), async context => {
      const request = context.req.raw
      try {
        const header = (name: string): string | undefined => request.headers.get(name) ?? undefined
        const actor = await services.guard.check(one.permission, request.method, header)
        if (!services.health.open) throw fail('serverClosing')
        const params = paramsOf(one.path, context.req.param())
        const url = new URL(request.url)
        const elsewhere = one.byLeader
          ? await forward(request, `${url.pathname}${url.search}`, services.lead)
          : undefined
        return elsewhere ?? (await one.respond({ request, url, params, actor, services }))
      } catch (error) {
        return writers[one.errors ?? 'problem'](error, services)
      }
    })
  }

  app.notFound(context => {
    const { method, path } = context.req
    try {
      if (!decodable(path)) throw fail('routeUnknown', { method, path: path.slice(0, 200) })
      const allowed = routeTable.filter(one => shape(one.path).test(path)).map(one => one.method)
      if (mlflowUnknown.test(path)) return mlflowUnknown.answer(method, path)
      // a path of the right form whose name cannot be read is unknown, not asked for in the wrong way
      if (allowed.length > 0 && !allowed.some(one => one === method))
        throw fail('methodNotAllowed', { method, path, allowed: [...new Set(allowed)].join(', ') })
      const api = /^\/(v1|v2|api|ajax-api)(\/|$)/.test(path)
      const page = (method === 'GET' || method === 'HEAD') && !api ? files(context.req.raw, path) : undefined
      if (page) return page
      throw fail('routeUnknown', { method, path: path.slice(0, 200) })
    } catch (error) {
      return /^\/v2(\/|$)/.test(path) ? protocolProblem(error, services) : problem(error, services)
    }
  })
  app.onError(error => problem(error, services))

  return {
    async fetch(request) {
      const response = await app.fetch(request)
      if (!response.headers.has('content-security-policy'))
        for (const name of ['x-content-type-options', 'referrer-policy'])
          response.headers.set(name, securityHeaders[name] as string)
      if (!response.headers.has('cache-control')) response.headers.set('cache-control', 'no-store')
      return response
    },
  }
}
