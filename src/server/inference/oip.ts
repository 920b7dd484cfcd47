import { z } from '@hono/zod-openapi'
import { fail } from '../../errors/index.ts'
import { isClassification } from '../../math/task.ts'
import type { Value } from '../../ports/data-engine.ts'
import type { Prediction, RequestColumn, ServedDeployment } from '../../stages/serve/types.ts'
import { sendJson, type DataRoute, type Exchange } from './exchange.ts'
import { jsonBody, score, servedOf } from './predict.ts'
import { typedValue } from './rows.ts'

const inferPath = '/v2/models/{model}/infer'
const route = `POST ${inferPath}`

const datatypes: Record<RequestColumn['type'], string> = {
  int: 'INT64',
  float: 'FP64',
  text: 'BYTES',
  bool: 'BOOL',
  timestamp: 'INT64',
}
const numeric = new Set(['UINT8', 'UINT16', 'UINT32', 'UINT64', 'INT8', 'INT16', 'INT32', 'INT64', 'FP32', 'FP64'])

interface Output {
  readonly name: string
  readonly datatype: string
  /** Values of a row, where it is more than one. */
  readonly width?: number
  readonly values: (predictions: readonly Prediction[]) => readonly unknown[]
}

/** Every prediction has an id, under which its label comes back. */
function outputsOf({ task, classes }: ServedDeployment): readonly Output[] {
  const label: Output =
    task === 'multiclass'
      ? { name: 'label', datatype: 'BYTES', values: all => all.map(one => one.label ?? '') }
      : { name: 'label', datatype: 'BOOL', values: all => all.map(one => one.label ?? false) }
  const probabilities: Output = {
    name: 'probabilities',
    datatype: 'FP64',
    width: classes.length,
    values: all => all.flatMap(one => classes.map(name => one.scores?.[name] ?? 0)),
  }
  return [
    { name: 'score', datatype: 'FP64', values: all => all.map(one => one.score) },
    ...(isClassification(task) ? [label] : []),
    ...(task === 'multiclass' ? [probabilities] : []),
    { name: 'prediction_id', datatype: 'BYTES', values: all => all.map(one => one.id) },
    { name: 'arm', datatype: 'BYTES', values: all => all.map(one => one.arm) },
    { name: 'version', datatype: 'INT32', values: all => all.map(one => one.version) },
  ]
}

const refuse = (place: string, reason: string): never => {
  throw fail('inputInvalid', { place, reason, route })
}

function known(value: Record<string, unknown>, names: readonly string[], place: string): void {
  for (const key of Object.keys(value))
    if (!names.includes(key)) refuse(`${place}.${key}`, `is not known; there are ${names.join(', ')}`)
}

/** The values of a tensor that holds one column: shape [n] or [n, 1], nested or flat. */
function columnValues(tensor: Record<string, unknown>, column: RequestColumn, place: string): readonly unknown[] {
  known(tensor, ['name', 'shape', 'datatype', 'parameters', 'data'], place)
  const { shape, datatype, data } = tensor
  const allowed = column.type === 'text' || column.type === 'timestamp' ? datatype === 'BYTES' : false
  const fits = datatype === datatypes[column.type] || allowed || (isNumber(column) && numeric.has(String(datatype)))
  if (!fits)
    refuse(`${place}.datatype`, `column '${column.name}' takes ${datatypes[column.type]}, got ${String(datatype)}`)
  const isShape = Array.isArray(shape) && shape.every(one => Number.isInteger(one) && one >= 0)
  if (!isShape || !(shape.length === 1 || (shape.length === 2 && shape[1] === 1)))
    return refuse(`${place}.shape`, `expected [n] or [n, 1], got ${JSON.stringify(shape)?.slice(0, 60)}`)
  if (!Array.isArray(data)) return refuse(`${place}.data`, 'expected a list')
  const flat = shape.length === 2 && Array.isArray(data[0]) ? data.flat() : data
  if (flat.length !== shape[0]) refuse(`${place}.data`, `has ${flat.length} values, its shape says ${String(shape[0])}`)
  return flat
}

function isNumber(column: RequestColumn): boolean {
  return column.type === 'int' || column.type === 'float' || column.type === 'timestamp'
}

function rowsOf(inputs: unknown, columns: readonly RequestColumn[]): Record<string, Value>[] {
  if (!Array.isArray(inputs) || inputs.length === 0)
    return refuse('body.inputs', 'expected a list of tensors, one a column')
  const byName = new Map(columns.map(column => [column.name, column]))
  const given = new Map<string, readonly unknown[]>()
  inputs.forEach((tensor: unknown, i) => {
    const place = `body.inputs[${i}]`
    if (typeof tensor !== 'object' || tensor === null) return refuse(place, 'expected a tensor')
    const name = String((tensor as Record<string, unknown>).name)
    const column = byName.get(name)
    if (!column)
      throw fail('requestInvalid', {
        row: '*',
        column: name,
        reason: `is no column; there are ${[...byName.keys()].join(', ')}`,
      })
    if (given.has(name)) refuse(place, `the column '${name}' is there twice`)
    given.set(name, columnValues(tensor as Record<string, unknown>, column, place))
  })
  const length = Math.max(...[...given.values()].map(values => values.length))
  for (const [name, values] of given)
    if (values.length !== length) refuse('body.inputs', `'${name}' has ${values.length} rows, another column ${length}`)
  if (length === 0) refuse('body.inputs', 'there are no rows')
  return Array.from({ length }, (_, row) => {
    const made: Record<string, Value> = {}
    for (const column of columns) made[column.name] = typedValue(column, given.get(column.name)?.[row], row)
    return made
  })
}

function wantedOutputs(requested: unknown, all: readonly Output[]): readonly Output[] {
  if (requested === undefined) return all
  if (!Array.isArray(requested)) return refuse('body.outputs', 'expected a list')
  return requested.map((one: unknown, i) => {
    const name = (one as { readonly name?: unknown } | null)?.name
    return (
      all.find(output => output.name === name) ??
      refuse(
        `body.outputs[${i}]`,
        `'${String(name)}' is no output; there are ${all.map(output => output.name).join(', ')}`,
      )
    )
  })
}

async function infer(exchange: Exchange): Promise<void> {
  const deployment = servedOf(exchange, exchange.params.model ?? '')
  const body = await jsonBody(exchange)
  known(body, ['id', 'parameters', 'inputs', 'outputs'], 'body')
  if (body.id !== undefined && typeof body.id !== 'string') refuse('body.id', 'expected a text')
  const outputs = wantedOutputs(body.outputs, outputsOf(deployment))
  const rows = rowsOf(body.inputs, deployment.columns)
  const predictions = await score(
    exchange,
    deployment,
    rows.map(row => ({ row })),
  )
  const version = predictions[0]?.version
  sendJson(exchange.response, 200, {
    model_name: deployment.name,
    ...(predictions.every(one => one.version === version) ? { model_version: String(version) } : {}),
    ...(body.id === undefined ? {} : { id: body.id }),
    outputs: outputs.map(output => ({
      name: output.name,
      shape: output.width === undefined ? [predictions.length] : [predictions.length, output.width],
      datatype: output.datatype,
      data: output.values(predictions),
    })),
  })
}

const Tensor = z.object({
  name: z.string(),
  shape: z.array(z.int()),
  datatype: z.string(),
  parameters: z.record(z.string(), z.unknown()).optional(),
  data: z.array(z.unknown()),
})
const common = { tag: 'inference protocol', errors: 'oip' } as const
const TensorInfo = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) })

export const oipRoutes: readonly DataRoute[] = [
  {
    ...common,
    method: 'GET',
    path: '/v2',
    permission: 'read',
    summary: 'Name, version and extensions of the server',
    answer: z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) }),
    answerTo({ response, services }) {
      sendJson(response, 200, { name: 'millrace', version: services.version, extensions: [] })
    },
  },
  {
    ...common,
    method: 'GET',
    path: '/v2/models/{model}',
    permission: 'read',
    summary: 'A deployment as a model: one tensor a column',
    answer: z.object({
      name: z.string(),
      versions: z.array(z.string()),
      platform: z.string(),
      inputs: z.array(TensorInfo),
      outputs: z.array(TensorInfo),
    }),
    answerTo(exchange) {
      const deployment = servedOf(exchange, exchange.params.model ?? '')
      const { stable } = deployment.status()
      const tensor = (name: string, datatype: string, width?: number) => ({
        name,
        datatype,
        shape: width === undefined ? [-1] : [-1, width],
      })
      sendJson(exchange.response, 200, {
        name: deployment.name,
        versions: stable ? [String(stable.version)] : [],
        platform: 'millrace_onnx',
        inputs: deployment.columns.map(column => tensor(column.name, datatypes[column.type])),
        outputs: outputsOf(deployment).map(output => tensor(output.name, output.datatype, output.width)),
      })
    },
  },
  {
    ...common,
    method: 'GET',
    path: '/v2/models/{model}/ready',
    permission: 'public',
    summary: 'Whether a deployment answers',
    answer: z.object({ name: z.string(), ready: z.boolean() }),
    answerTo(exchange) {
      const deployment = servedOf(exchange, exchange.params.model ?? '')
      const ready = exchange.services.health.open && deployment.health().ready
      sendJson(exchange.response, ready ? 200 : 503, { name: deployment.name, ready })
    },
  },
  {
    ...common,
    method: 'POST',
    path: inferPath,
    permission: 'predict',
    summary: 'Predictions: one tensor of shape [n] or [n, 1] a column',
    body: z.strictObject({
      id: z.string().optional(),
      parameters: z.record(z.string(), z.unknown()).optional(),
      inputs: z.array(Tensor),
      outputs: z.array(z.object({ name: z.string() })).optional(),
    }),
    answer: z.object({
      model_name: z.string(),
      model_version: z.string().optional(),
      id: z.string().optional(),
      outputs: z.array(Tensor),
    }),
    answerTo: infer,
  },
]
