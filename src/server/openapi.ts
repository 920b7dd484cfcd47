import { type OpenAPIHono, z } from '@hono/zod-openapi'
import type { RouteFacts } from './route.ts'
import { Problem } from './schemas.ts'

const parameter = /\{(\w+)\}/g

function register(app: OpenAPIHono, facts: RouteFacts): void {
  const params = [...facts.path.matchAll(parameter)].map(match => match[1] as string)
  const problem = {
    description: 'What went wrong, and the next step',
    content: { 'application/problem+json': { schema: Problem } },
  }
  app.openAPIRegistry.registerPath({
    method: facts.method.toLowerCase() as 'get',
    path: facts.path,
    summary: facts.summary,
    tags: [facts.tag],
    ...(facts.permission === 'public' ? { security: [] } : { security: [{ token: [facts.permission] }] }),
    request: {
      ...(params.length > 0 ? { params: z.object(Object.fromEntries(params.map(name => [name, z.string()]))) } : {}),
      ...(facts.query ? { query: facts.query } : {}),
      ...(facts.body ? { body: { required: true, content: { 'application/json': { schema: facts.body } } } } : {}),
    },
    responses: {
      200: {
        description: facts.summary,
        content: { [facts.answerType ?? 'application/json']: { schema: facts.answer ?? z.unknown() } },
      },
      default: problem,
    },
  })
}

/** The OpenAPI 3.1 document of the route table. */
export function openApi(app: OpenAPIHono, table: readonly RouteFacts[], version: string): unknown {
  for (const facts of table) register(app, facts)
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description: 'A token mlr_…; the scope named beside a route is the permission that it needs',
  })
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Millrace', version, description: 'Times are microseconds since 1970-01-01T00:00:00Z.' },
  })
}
