import { z } from '@hono/zod-openapi'
import { fail } from '../../errors/index.ts'
import { jsonBody, score, servedOf } from './predict.ts'
import { sendJson, sendText, type DataRoute, type Exchange } from './exchange.ts'
import { typedRows } from './rows.ts'

const path = '/invocations'
const route = `POST ${path}`
const refuse = (reason: string): never => {
  throw fail('bodyForm', { route, reason })
}

/** `{columns, data}` as rows; `index` is accepted, as clients send it, and means nothing here. */
function rowsOfSplit(split: unknown): unknown[] {
  const { columns, data, index: _, ...rest } = (split ?? {}) as Record<string, unknown>
  const [further] = Object.keys(rest)
  if (further !== undefined) refuse(`dataframe_split.${further} is not known`)
  if (!Array.isArray(columns) || !Array.isArray(data)) return refuse('dataframe_split needs columns and data')
  if (new Set(columns).size !== columns.length) refuse('dataframe_split.columns names a column twice')
  return data.map((values: unknown, row) => {
    if (!Array.isArray(values) || values.length !== columns.length)
      return refuse(`dataframe_split.data[${row}] must have ${columns.length} values`)
    return Object.fromEntries(columns.map((name, i) => [String(name), values[i]]))
  })
}

function rowsOf(body: Record<string, unknown>): unknown[] {
  const forms = ['dataframe_split', 'dataframe_records']
  for (const key of Object.keys(body))
    if (!forms.includes(key)) refuse(`'${key}' is not known; send dataframe_split or dataframe_records`)
  if (Object.keys(body).length !== 1) refuse('send exactly one of dataframe_split and dataframe_records')
  if ('dataframe_split' in body) return rowsOfSplit(body.dataframe_split)
  const records = body.dataframe_records
  return Array.isArray(records) ? records : refuse('dataframe_records must be a list of rows')
}

function deploymentName(exchange: Exchange): string {
  const named = exchange.query.get('deployment')
  if (named !== null) return named
  const [only, ...others] = exchange.services.serving.list()
  if (only && others.length === 0) return only.name
  return refuse('name the deployment: /invocations?deployment=…')
}

export const invocationRoutes: readonly DataRoute[] = [
  {
    method: 'POST',
    path,
    permission: 'predict',
    tag: 'inference',
    summary: 'The scoring protocol of MLflow: dataframe_split or dataframe_records',
    query: z.strictObject({ deployment: z.string().optional() }),
    body: z.strictObject({
      dataframe_records: z.array(z.record(z.string(), z.unknown())).optional(),
      dataframe_split: z
        .strictObject({
          columns: z.array(z.string()),
          data: z.array(z.array(z.unknown())),
          index: z.array(z.unknown()).optional(),
        })
        .optional(),
    }),
    answer: z.object({ predictions: z.array(z.record(z.string(), z.unknown())) }),
    async answerTo(exchange) {
      const deployment = servedOf(exchange, deploymentName(exchange))
      const rows = typedRows(rowsOf(await jsonBody(exchange)), deployment.columns)
      if (rows.length === 0) refuse('there are no rows')
      const predictions = await score(
        exchange,
        deployment,
        rows.map(row => ({ row })),
      )
      sendJson(exchange.response, 200, { predictions })
    },
  },
  {
    method: 'GET',
    path: '/ping',
    permission: 'public',
    tag: 'health',
    summary: 'Ready, in the scoring protocol of MLflow',
    answerType: 'text/plain',
    answer: z.string(),
    answerTo({ response, services }) {
      sendText(response, services.health.ready ? 200 : 503, '\n', 'text/plain')
    },
  },
]
