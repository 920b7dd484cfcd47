import { z } from '@hono/zod-openapi'
import { fail } from '../../../errors/index.ts'
import type { PredictRequest, ServedDeployment } from '../../../stages/serve/types.ts'
import { sendJson, sendText, type DataRoute, type Exchange } from '../exchange.ts'
import { requireOperator, score, servedOf } from '../predict.ts'
import { protocolBody } from './body.ts'
import { datatypeOf } from './datatypes.ts'
import { inputRows, known, parametersOf, refuse } from './inputs.ts'
import { answerBody, outputsOf, wantedOutputs } from './outputs.ts'

/** Extensions of the protocol that are spoken. */
const extensions = ['binary_tensor_data', 'model_configuration', 'model_repository', 'statistics']

/** Versions that are loaded, with the arm that serves each: the stable one, and the challenger of a rollout under way. */
function versionsOf(deployment: ServedDeployment): ReadonlyMap<string, 'stable' | 'canary'> {
  const { stable, rollout } = deployment.status()
  const { config, phase } = (rollout ?? {}) as {
    readonly config?: { readonly challenger?: unknown }
    readonly phase?: unknown
  }
  const ended = phase === 'done' || phase === 'rolled-back'
  const challenger = ended ? undefined : /@(\d+)$/.exec(String(config?.challenger ?? ''))?.[1]
  return new Map([
    ...(challenger === undefined ? [] : [[challenger, 'canary'] as const]),
    ...(stable ? [[String(stable.version), 'stable'] as const] : []),
  ])
}

/** The arm of the version that the path names; undefined where it names none, and the rollout decides. Throws `recordUnknown`. */
function armAsked({ params }: Exchange, deployment: ServedDeployment): PredictRequest['arm'] {
  const { version } = params
  if (version === undefined) return undefined
  const arm = versionsOf(deployment).get(version)
  if (!arm)
    throw fail('recordUnknown', {
      kind: 'loaded version',
      name: `${deployment.name}/${version}`,
      where: `GET /v2/models/${deployment.name}`,
    })
  return arm
}

async function infer(exchange: Exchange): Promise<void> {
  const deployment = servedOf(exchange, exchange.params.model ?? '')
  const arm = armAsked(exchange, deployment)
  if (arm === 'canary') await requireOperator(exchange)
  const { head: body, binary } = await protocolBody(exchange)
  known(body, ['id', 'parameters', 'inputs', 'outputs'], 'body')
  const id = body.id ?? undefined
  if (id !== undefined && typeof id !== 'string') refuse('body.id', 'expected a text')
  const wanted = wantedOutputs(body.outputs, parametersOf(body.parameters, 'body.parameters'), outputsOf(deployment))
  const rows = inputRows(body.inputs, deployment.columns, binary)
  const requests = rows.map(row => (arm === undefined ? { row } : { row, arm }))
  const predictions = await score(exchange, deployment, requests)
  const version = predictions[0]?.version
  const head = {
    model_name: deployment.name,
    ...(predictions.every(one => one.version === version) ? { model_version: String(version) } : {}),
    ...(id === undefined ? {} : { id }),
  }
  const answer = answerBody(head, wanted, predictions)
  const { response } = exchange
  if (!answer.binary) return sendText(response, 200, answer.json, 'application/json')
  const json = Buffer.from(answer.json, 'utf8')
  response.setHeader('inference-header-content-length', json.length)
  sendText(response, 200, Buffer.concat([json, answer.binary]), 'application/octet-stream')
}

function metadata(exchange: Exchange): void {
  const deployment = servedOf(exchange, exchange.params.model ?? '')
  armAsked(exchange, deployment)
  const tensor = (name: string, datatype: string, width?: number) => ({
    name,
    datatype,
    shape: width === undefined ? [-1] : [-1, width],
  })
  sendJson(exchange.response, 200, {
    name: deployment.name,
    versions: [...versionsOf(deployment).keys()],
    platform: 'millrace_onnx',
    inputs: deployment.columns.map(column => tensor(column.name, datatypeOf[column.type])),
    outputs: outputsOf(deployment).map(output => tensor(output.name, output.datatype, output.width)),
  })
}

function readiness(exchange: Exchange): void {
  const deployment = servedOf(exchange, exchange.params.model ?? '')
  armAsked(exchange, deployment)
  const ready = exchange.services.health.open && deployment.health().ready
  sendJson(exchange.response, ready ? 200 : 503, { name: deployment.name, ready })
}

/** As clients of the model configuration read it; a tensor of a column has no dimensions beside its rows. */
function configuration(exchange: Exchange): void {
  const deployment = servedOf(exchange, exchange.params.model ?? '')
  armAsked(exchange, deployment)
  const typeOf = (datatype: string): string => (datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`)
  sendJson(exchange.response, 200, {
    name: deployment.name,
    platform: 'millrace_onnx',
    max_batch_size: 0,
    input: deployment.columns.map(({ name, type, nullable }) => ({
      name,
      data_type: typeOf(datatypeOf[type]),
      dims: [-1],
      optional: nullable,
    })),
    output: outputsOf(deployment).map(({ name, datatype, width }) => ({
      name,
      data_type: typeOf(datatype),
      dims: width === undefined ? [-1] : [-1, width],
    })),
  })
}

function statistics({ params, services, response, ...exchange }: Exchange): void {
  const all =
    params.model === undefined
      ? services.serving.list()
      : [servedOf({ params, services, response, ...exchange }, params.model)]
  const duration = ({ count, milliseconds }: { readonly count: number; readonly milliseconds: number }) => ({
    count,
    ns: Math.round(milliseconds * 1e6),
  })
  sendJson(response, 200, {
    model_stats: all.map(deployment => {
      const { rows, success, fail: failed } = services.metrics.statistics(deployment.name)
      return {
        name: deployment.name,
        version: String(deployment.status().stable?.version ?? ''),
        inference_count: rows,
        execution_count: success.count,
        inference_stats: { success: duration(success), fail: duration(failed) },
      }
    }),
  })
}

function index({ services, response }: Exchange): void {
  const models = services.serving.list().flatMap(deployment => {
    const { ready, reasons } = deployment.health()
    const state = { state: ready ? 'READY' : 'UNAVAILABLE', reason: reasons.join('; ') }
    const versions = [...versionsOf(deployment).keys()]
    return versions.length === 0
      ? [{ name: deployment.name, ...state }]
      : versions.map(version => ({ name: deployment.name, version, ...state }))
  })
  sendJson(response, 200, models)
}

/** What is served is decided by deployments and rollouts: what is loaded stays so, and nothing else can be. */
function load(exchange: Exchange): void {
  const deployment = servedOf(exchange, exchange.params.model ?? '')
  if (!deployment.health().ready) throw fail('nothingDeployed', { deployment: deployment.name })
  sendJson(exchange.response, 200, {})
}

function unload(exchange: Exchange): void {
  const { name } = servedOf(exchange, exchange.params.model ?? '')
  throw fail('inputInvalid', {
    place: 'the path',
    reason: `'${name}' is served because it is deployed: POST /v1/deployments/${name}:undeploy ends it`,
    route: 'POST /v2/repository/models/{model}/unload',
  })
}

const Tensor = z.object({
  name: z.string(),
  shape: z.array(z.int()),
  datatype: z.string(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  data: z.array(z.unknown()).optional(),
})
const TensorInfo = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) })
const common = { tag: 'inference protocol', errors: 'oip' } as const
const read = { ...common, method: 'GET', permission: 'read' } as const

/** A route of a model, and the same of one of its versions. */
const both = (route: Omit<DataRoute, 'path'>, ending = ''): DataRoute[] => [
  { ...route, path: `/v2/models/{model}${ending}` },
  {
    ...route,
    path: `/v2/models/{model}/versions/{version}${ending}`,
    summary: `${route.summary}, of one version while it is loaded`,
  },
]

const Statistics = z.object({ model_stats: z.array(z.record(z.string(), z.unknown())) })

export const oipRoutes: readonly DataRoute[] = [
  {
    ...read,
    path: '/v2',
    summary: 'Name, version and extensions of the server',
    answer: z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) }),
    answerTo({ response, services }) {
      sendJson(response, 200, { name: 'millrace', version: services.version, extensions })
    },
  },
  {
    ...read,
    path: '/v2/models/stats',
    summary: 'Requests and rows of every deployment since the server started',
    answer: Statistics,
    answerTo: statistics,
  },
  ...both({
    ...read,
    summary: 'A deployment as a model: one tensor a column',
    answer: z.object({
      name: z.string(),
      versions: z.array(z.string()),
      platform: z.string(),
      inputs: z.array(TensorInfo),
      outputs: z.array(TensorInfo),
    }),
    answerTo: metadata,
  }),
  ...both(
    {
      ...common,
      method: 'GET',
      permission: 'public',
      summary: 'Whether a deployment answers',
      answer: z.object({ name: z.string(), ready: z.boolean() }),
      answerTo: readiness,
    },
    '/ready',
  ),
  ...both(
    {
      ...read,
      summary: 'The configuration of a deployment as a model',
      answer: z.record(z.string(), z.unknown()),
      answerTo: configuration,
    },
    '/config',
  ),
  ...both(
    {
      ...read,
      summary: 'Requests and rows of a deployment since the server started',
      answer: Statistics,
      answerTo: statistics,
    },
    '/stats',
  ),
  ...both(
    {
      ...common,
      method: 'POST',
      permission: 'predict',
      summary:
        'Predictions: one tensor of shape [n] or [n, 1] a column, as JSON or binary (`Inference-Header-Content-Length`), gzip or not',
      body: z.strictObject({
        id: z.string().nullish(),
        parameters: z.record(z.string(), z.unknown()).nullish(),
        inputs: z.array(Tensor),
        outputs: z
          .array(z.object({ name: z.string(), parameters: z.record(z.string(), z.unknown()).nullish() }))
          .nullish(),
      }),
      answer: z.object({
        model_name: z.string(),
        model_version: z.string().optional(),
        id: z.string().optional(),
        outputs: z.array(Tensor),
      }),
      answerTo: infer,
    },
    '/infer',
  ),
  {
    ...common,
    method: 'POST',
    path: '/v2/repository/index',
    permission: 'read',
    summary: 'Deployments as models, with the versions that are loaded and whether they answer',
    answer: z.array(z.record(z.string(), z.unknown())),
    answerTo: index,
  },
  {
    ...common,
    method: 'POST',
    path: '/v2/repository/models/{model}/load',
    permission: 'operate',
    summary: 'Nothing where the deployment is served; rollouts load versions',
    answer: z.object({}),
    answerTo: load,
  },
  {
    ...common,
    method: 'POST',
    path: '/v2/repository/models/{model}/unload',
    permission: 'operate',
    summary: 'Refused: `:undeploy` ends a deployment',
    answer: z.object({}),
    answerTo: unload,
  },
]
