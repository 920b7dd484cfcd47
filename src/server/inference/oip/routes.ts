import { z } from '@hono/zod-openapi'
import type { ServedDeployment } from '../../../stages/serve/types.ts'
import { sendJson, sendText, type DataRoute, type Exchange } from '../exchange.ts'
import { requireOperator } from '../predict.ts'
import { protocolBody } from './body.ts'
import {
  configurationOf,
  extensions,
  inferred,
  isReady,
  metadataOf,
  modelOf,
  refuseUnload,
  repositoryIndex,
  requireLoaded,
  statisticsOf,
} from './model.ts'
import { answerBody } from './outputs.ts'

async function infer(exchange: Exchange): Promise<void> {
  const { params, response, services } = exchange
  const { head: body, binary } = await protocolBody(exchange)
  const { head, tensors } = await inferred(services, {
    model: params.model ?? '',
    version: params.version,
    body,
    binary,
    requireOperator: () => requireOperator(exchange),
  })
  const answer = answerBody(head, tensors)
  if (!answer.binary) return sendText(response, 200, answer.json, 'application/json')
  const json = Buffer.from(answer.json, 'utf8')
  response.setHeader('inference-header-content-length', json.length)
  sendText(response, 200, Buffer.concat([json, answer.binary]), 'application/octet-stream')
}

const modelIn = ({ params, services }: Exchange): ServedDeployment =>
  modelOf(services, params.model ?? '', params.version)

function readiness(exchange: Exchange): void {
  const deployment = modelIn(exchange)
  const ready = isReady(exchange.services, deployment)
  sendJson(exchange.response, ready ? 200 : 503, { name: deployment.name, ready })
}

function load({ params, services, response }: Exchange): void {
  requireLoaded(services, params.model ?? '')
  sendJson(response, 200, {})
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

const Ready = z.object({ name: z.string(), ready: z.boolean() })
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
    whole: true,
    answerTo: async ({ response, services }) => sendJson(response, 200, await statisticsOf(services)),
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
    answerTo: exchange => sendJson(exchange.response, 200, metadataOf(modelIn(exchange))),
  }),
  ...both(
    {
      ...common,
      method: 'GET',
      permission: 'public',
      summary: 'Whether a deployment answers',
      answer: Ready,
      also: { 503: { says: 'It does not', schema: Ready } },
      answerTo: readiness,
    },
    '/ready',
  ),
  ...both(
    {
      ...read,
      summary: 'The configuration of a deployment as a model',
      answer: z.record(z.string(), z.unknown()),
      answerTo: exchange => sendJson(exchange.response, 200, configurationOf(modelIn(exchange))),
    },
    '/config',
  ),
  ...both(
    {
      ...read,
      summary: 'Requests and rows of a deployment since the server started',
      answer: Statistics,
      whole: true,
      answerTo: async exchange =>
        sendJson(exchange.response, 200, await statisticsOf(exchange.services, modelIn(exchange))),
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
      otherTypes: ['application/octet-stream'],
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
    answerTo: ({ response, services }) => sendJson(response, 200, repositoryIndex(services)),
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
    answerTo: ({ params, services }) => refuseUnload(services, params.model ?? ''),
  },
]
