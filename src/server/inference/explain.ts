import { z } from '@hono/zod-openapi'
import { fail } from '../../errors/index.ts'
import { type DataRoute, sendJson } from './exchange.ts'
import { jsonBody, predictRequests, servedOf } from './predict.ts'

/** Most rows of a request: an explanation costs what hundreds of predictions do. */
const maxRows = 100

export const explanationShape = {
  version: z.number(),
  method: z.string(),
  how: z.string(),
  background: z.number(),
  explanations: z.array(
    z.object({
      score: z.number(),
      scores: z.record(z.string(), z.number()).optional(),
      label: z.union([z.boolean(), z.string()]).optional(),
      answers: z.array(
        z.object({
          class: z.string().optional(),
          unit: z.string(),
          expected: z.number(),
          answer: z.number(),
          contributions: z.array(
            z.object({
              input: z.string(),
              value: z.union([z.number(), z.string()]).nullable(),
              contribution: z.number(),
              error: z.number().optional(),
            }),
          ),
        }),
      ),
    }),
  ),
}

const path = '/v1/deployments/{name}/explain'

export const explainRoute: DataRoute = {
  method: 'POST',
  path,
  permission: 'predict',
  tag: 'inference',
  summary: 'Why rows are scored as they are: what every input adds. Of the stable version; counts as no prediction',
  body: z
    .strictObject({
      rows: z.array(z.record(z.string(), z.unknown())).min(1).max(maxRows),
      at: z.union([z.int(), z.string(), z.array(z.union([z.int(), z.string()]))]).optional(),
    })
    .openapi('ExplainBody'),
  answer: z.object(explanationShape).openapi('Explanations'),
  async answerTo(exchange) {
    const deployment = servedOf(exchange, exchange.params.name ?? '')
    const route = `POST ${path}`
    const body = await jsonBody(exchange)
    for (const key of ['ids', 'keys'])
      if (key in body)
        throw fail('inputInvalid', { place: `body.${key}`, reason: 'is not known; there are rows and at', route })
    const requests = predictRequests(body, deployment, route)
    if (requests.length > maxRows)
      throw fail('inputInvalid', { place: 'body.rows', reason: `expected at most ${maxRows} rows`, route })
    sendJson(exchange.response, 200, await deployment.explain(requests))
  },
}
