import { z } from '@hono/zod-openapi'
import { sendText, type DataRoute } from '../exchange.ts'
import { answerAs } from './media.ts'
import { scoreRequest } from './score-request.ts'

const path = '/invocations'
const Convention = z.strictObject({
  times: z.enum(['s', 'ms', 'us']).optional(),
  extra: z.enum(['refuse', 'ignore']).optional(),
})
const Row = z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())])

export const invocationRoutes: readonly DataRoute[] = [
  {
    method: 'POST',
    path,
    permission: 'predict',
    tag: 'inference',
    summary:
      'The scoring protocols of MLflow and of SageMaker: JSON (dataframe_split, dataframe_records, inputs, instances, a list of rows), CSV or JSON lines; the answer as `Accept` says',
    query: Convention.extend({ deployment: z.string().optional() }),
    body: z.strictObject({
      dataframe_records: z.array(z.record(z.string(), z.unknown())).optional(),
      instances: z.array(Row).optional(),
      inputs: z.union([z.record(z.string(), z.unknown()), z.array(z.record(z.string(), z.unknown()))]).optional(),
      params: Convention.nullish(),
      parameters: Convention.nullish(),
      dataframe_split: z
        .strictObject({
          columns: z.array(z.string()),
          data: z.array(z.array(z.unknown())),
          index: z.array(z.unknown()).optional(),
        })
        .optional(),
    }),
    answer: z.object({ predictions: z.array(z.record(z.string(), z.unknown())) }),
    otherTypes: ['text/csv', 'application/jsonlines'],
    async answerTo(exchange) {
      const { predictions } = await scoreRequest(exchange, `POST ${path}`)
      const { type, text } = answerAs(exchange.request.headers.accept, predictions)
      sendText(exchange.response, 200, text, type)
    },
  },
  {
    method: 'GET',
    path: '/ping',
    permission: 'public',
    tag: 'health',
    summary: 'Ready, in the scoring protocols of MLflow and of SageMaker',
    answerType: 'text/plain',
    answer: z.string(),
    also: { 503: { says: 'Not ready', type: 'text/plain', schema: z.string() } },
    answerTo({ response, services }) {
      sendText(response, services.health.ready ? 200 : 503, '\n', 'text/plain')
    },
  },
  {
    method: 'GET',
    path: '/version',
    permission: 'public',
    tag: 'health',
    summary: 'The version of the server as text, in the scoring protocol of MLflow',
    answerType: 'text/plain',
    answer: z.string(),
    answerTo({ response, services }) {
      sendText(response, 200, services.version, 'text/plain')
    },
  },
]
