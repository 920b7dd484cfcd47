import type { IncomingMessage, ServerResponse } from 'node:http'
import { catalogue, fail } from '../../errors/index.ts'
import { catalogued, retryAfter } from '../problem.ts'
import { sendJson, sendText, type DataRoute } from './exchange.ts'
import type { DataServices } from './services.ts'

interface CompiledRoute {
  readonly segments: readonly string[]
  readonly byMethod: Map<string, DataRoute>
}

function compile(routes: readonly DataRoute[]): {
  exact: Map<string, CompiledRoute>
  patterns: readonly CompiledRoute[]
} {
  const all = new Map<string, CompiledRoute>()
  for (const route of routes) {
    const known = all.get(route.path) ?? { segments: route.path.split('/'), byMethod: new Map<string, DataRoute>() }
    known.byMethod.set(route.method, route)
    all.set(route.path, known)
  }
  return {
    exact: new Map([...all].filter(([path]) => !path.includes('{'))),
    patterns: [...all].filter(([path]) => path.includes('{')).map(([, one]) => one),
  }
}

function match(pattern: CompiledRoute, segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.segments.length !== segments.length) return undefined
  const params: Record<string, string> = {}
  for (let i = 0; i < segments.length; i++) {
    const wanted = pattern.segments[i] as string
    const given = segments[i] as string
    if (wanted.startsWith('{')) {
      // `{name}:observe`
      const [name = '', suffix = ''] = wanted.slice(1).split('}')
      if (suffix !== '' && !given.endsWith(suffix)) return undefined
      try {
        params[name] = decodeURIComponent(given.slice(0, given.length - suffix.length))
      } catch {
        return undefined
      }
    } else if (wanted !== given) return undefined
  }
  return params
}

const none: Readonly<Record<string, string>> = {}

/** What the same request need not meet again in a second, here or at another instance. */
const passing: ReadonlySet<string> = new Set(
  [catalogue.overloaded, catalogue.bodiesTooMany, catalogue.serverClosing].map(entry => entry.code),
)
const isPassing = ({ code }: { readonly code: string }): boolean => passing.has(code)

/** Answers what is the data plane's on raw `node:http`; gives false for everything else. */
export function dataPlane(
  services: DataServices,
  routes: readonly DataRoute[],
  answers: (route: DataRoute) => boolean = () => true,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const { exact, patterns } = compile(routes)

  const answer = async (
    route: DataRoute,
    params: Readonly<Record<string, string>>,
    search: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    try {
      const actor = services.guard.check(route.permission, request.method ?? 'GET', name => {
        const value = request.headers[name]
        return typeof value === 'string' ? value : value?.join(', ')
      })
      if (typeof actor !== 'string') await actor
      if (route.permission !== 'public' && !services.health.open) throw fail('serverClosing')
      await route.answerTo({ request, response, params, query: new URLSearchParams(search), services })
    } catch (error) {
      const known = catalogued(error, services)
      if (known.status === 401) response.setHeader('www-authenticate', 'Bearer realm="millrace"')
      const wait = (known.status === 429 ? retryAfter(known) : undefined) ?? (isPassing(known) ? '1' : undefined)
      if (wait !== undefined) response.setHeader('retry-after', wait)
      if (route.errors === 'oip') sendJson(response, known.status, { error: known.message, ...known.toJSON() })
      else sendText(response, known.status, JSON.stringify(known), 'application/problem+json')
    }
  }

  return (request, response) => {
    const url = request.url ?? '/'
    const mark = url.indexOf('?')
    const bare = mark < 0 ? url : url.slice(0, mark)
    const path = bare === '/v2/' ? '/v2' : bare
    let found = exact.get(path)
    let params = none
    if (!found && (path.startsWith('/v1/deployments/') || path.startsWith('/v2/'))) {
      const segments = path.split('/')
      for (const pattern of patterns) {
        const matched = match(pattern, segments)
        if (!matched) continue
        found = pattern
        params = matched
        break
      }
    }
    if (!found) return false
    const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET')
    const route = found.byMethod.get(method)
    if (!route || !answers(route)) return false
    void answer(route, params, mark < 0 ? '' : url.slice(mark + 1), request, response)
    return true
  }
}
