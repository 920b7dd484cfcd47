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

/** `{column: values}`, where a single row may leave out the lists. */
function rowsOfColumns(columns: Readonly<Record<string, unknown>>, form: string): unknown[] {
  const lists = Object.entries(columns).map(
    ([name, values]) => [name, Array.isArray(values) ? values : [values]] as const,
  )
  const length = lists.reduce((longest, [, values]) => Math.max(longest, values.length), 0)
  for (const [name, values] of lists)
    if (values.length !== length) refuse(`${form}.${name} has ${values.length} values, another column ${length}`)
  return Array.from({ length }, (_, row) =>
    Object.fromEntries(
      lists.map(([name, values]) => [
        name,
        Array.isArray(values[row]) && values[row].length === 1 ? values[row][0] : values[row],
      ]),
    ),
  )
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A list of rows, or columns by name. Tensors without names are refused: columns have them. */
function rowsOfNamed(given: unknown, form: string): unknown[] {
  if (isObject(given)) return rowsOfColumns(given, form)
  if (Array.isArray(given) && given.every(isObject)) return [...given]
  return refuse(`${form} must be a list of rows or an object of columns, by their names`)
}

const readers: Readonly<Record<string, (given: unknown) => unknown[]>> = {
  dataframe_split: rowsOfSplit,
  dataframe_records: given =>
    Array.isArray(given) ? (given as unknown[]) : refuse('dataframe_records must be a list of rows'),
  instances: given =>
    Array.isArray(given) ? rowsOfNamed(given, 'instances') : refuse('instances must be a list of rows'),
  inputs: given => rowsOfNamed(given, 'inputs'),
}
const forms = Object.keys(readers)

/** The rows of a body in one of the forms; models take no parameters, so that none may be there. */
function rowsOf({ params, ...body }: Record<string, unknown>): unknown[] {
  if (params !== undefined && params !== null && !(isObject(params) && Object.keys(params).length === 0))
    refuse('params: models of Millrace take none')
  const [form, ...others] = Object.keys(body)
  const unknown = Object.keys(body).find(key => !forms.includes(key))
  if (unknown !== undefined) refuse(`'${unknown}' is not known; send one of ${forms.join(', ')}`)
  const read = form === undefined ? undefined : readers[form]
  if (!read || others.length > 0) return refuse(`send exactly one of ${forms.join(', ')}`)
  return read(body[form as string])
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
    summary: 'The scoring protocol of MLflow: dataframe_split, dataframe_records, inputs or instances',
    query: z.strictObject({ deployment: z.string().optional() }),
    body: z.strictObject({
      dataframe_records: z.array(z.record(z.string(), z.unknown())).optional(),
      instances: z.array(z.record(z.string(), z.unknown())).optional(),
      inputs: z.union([z.record(z.string(), z.unknown()), z.array(z.record(z.string(), z.unknown()))]).optional(),
      params: z.strictObject({}).nullish(),
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
