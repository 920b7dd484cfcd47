import { type OpenAPIHono, z } from '@hono/zod-openapi'
import type { RouteFacts } from './route.ts'
import { Problem } from './schemas.ts'

const parameter = /\{(\w+)\*?\}/g

const content = (type: string, schema: z.ZodType) => ({ [type]: { schema } })

const file = z.string().openapi({ format: 'binary' })

/** How each protocol writes errors. */
const errors = {
  problem: content('application/problem+json', Problem),
  oip: content('application/json', z.looseObject({ error: z.string() })),
  mlflow: content('application/json', z.object({ error_code: z.string(), message: z.string(), code: z.string() })),
}

function register(app: OpenAPIHono, facts: RouteFacts): void {
  const params = [...facts.path.matchAll(parameter)].map(match => match[1] as string)
  const also = Object.entries(facts.also ?? {}).map(([status, { says, type = 'application/json', schema }]) => [
    status,
    { description: says, content: content(type, schema) },
  ])
  app.openAPIRegistry.registerPath({
    method: facts.method.toLowerCase() as 'get',
    path: facts.path.replace('*}', '}'),
    summary: facts.summary,
    tags: [facts.tag],
    ...(facts.permission === 'public' ? { security: [] } : { security: [{ token: [facts.permission] }] }),
    request: {
      ...(params.length > 0 ? { params: z.object(Object.fromEntries(params.map(name => [name, z.string()]))) } : {}),
      ...(facts.query ? { query: facts.query } : {}),
      ...(facts.body ? { body: { required: true, content: content('application/json', facts.body) } } : {}),
      ...(facts.takesFile ? { body: { required: true, content: content('application/octet-stream', file) } } : {}),
    },
    responses: {
      200: {
        description: facts.summary,
        content: {
          ...content(facts.answerType ?? 'application/json', facts.answer ?? z.unknown()),
          ...Object.assign({}, ...(facts.otherTypes ?? []).map(type => content(type, z.unknown()))),
        },
      },
      ...Object.fromEntries(also),
      default: { description: 'What went wrong, and the next step', content: errors[facts.errors ?? 'problem'] },
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
