import { z } from '@hono/zod-openapi'
import { fail, isMillraceError } from '../../errors/index.ts'
import { parseTime } from '../../internal/time.ts'
import type { Label, Prediction, PredictRequest, ServedDeployment } from '../../stages/serve/types.ts'
import { checkJsonType, parseJson } from '../body.ts'
import { askLeader } from '../forward.ts'
import { parseInput } from '../route.ts'
import { readBody, sendJson, type DataRoute, type Exchange } from './exchange.ts'
import { typedRows } from './rows.ts'

const Time = z.union([z.int(), z.string()])
const Predict = z
  .strictObject({
    rows: z.array(z.record(z.string(), z.unknown())).min(1).max(100_000),
    ids: z.array(z.string()).optional(),
    at: z.union([Time, z.array(Time)]).optional(),
    keys: z.array(z.string()).optional(),
  })
  .openapi('PredictBody')
const Predictions = z
  .object({
    predictions: z.array(
      z.object({
        id: z.string(),
        score: z.number(),
        scores: z.record(z.string(), z.number()).optional(),
        label: z.union([z.boolean(), z.string()]).optional(),
        arm: z.enum(['stable', 'canary']),
        version: z.number(),
        fallback: z.boolean().optional(),
      }),
    ),
  })
  .openapi('Predictions')
const Feedback = z
  .strictObject({
    labels: z
      .array(
        z.strictObject({
          id: z.string().max(200),
          label: z.union([z.number(), z.boolean(), z.string()]),
          at: Time.optional(),
        }),
      )
      .min(1)
      .max(100_000),
  })
  .openapi('FeedbackBody')

const Observed = z
  .strictObject({
    observations: z
      .array(
        z.strictObject({
          id: z.string().min(1).max(200),
          metric: z.string().max(100),
          value: z.number().min(-1e100).max(1e100),
        }),
      )
      .min(1)
      .max(100_000),
  })
  .openapi('ObserveBody')

export function servedOf({ services }: Pick<Exchange, 'services'>, name: string): ServedDeployment {
  const found = services.serving.get(name)
  if (!found) throw fail('recordUnknown', { kind: 'deployment', name, where: 'GET /v1/deployments' })
  return found
}

export async function jsonBody({ request }: Exchange): Promise<Record<string, unknown>> {
  checkJsonType(request.headers['content-type'])
  const body = parseJson(await readBody(request))
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw fail('bodyMalformed', { reason: 'it is not an object' })
  return body as Record<string, unknown>
}

function moment(value: unknown, place: string, route: string): number {
  const at = typeof value === 'string' ? parseTime(value) : value
  if (typeof at === 'number' && Number.isSafeInteger(at)) return at
  throw fail('inputInvalid', {
    place,
    reason: 'expected a time such as 2001-04-01T12:00:00Z, or microseconds since 1970',
    route,
  })
}

function listOf(value: unknown, place: string, length: number, route: string): readonly string[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value) || value.length !== length)
    throw fail('inputInvalid', { place, reason: `expected a list of ${length}, one a row`, route })
  value.forEach((one, i) => {
    if (typeof one !== 'string' || one.length === 0 || one.length > 200)
      throw fail('inputInvalid', { place: `${place}[${i}]`, reason: 'expected a text of 1 to 200 characters', route })
  })
  return value as string[]
}

/** A label finds its prediction by the id: two of a call with the same one could not be told apart. */
function refuseTwice(ids: readonly string[], route: string): void {
  if (new Set(ids).size === ids.length) return
  const first = new Map<string, number>()
  ids.forEach((id, i) => {
    const before = first.get(id)
    if (before !== undefined)
      throw fail('inputInvalid', { place: `body.ids[${i}]`, reason: `is the same as body.ids[${before}]`, route })
    first.set(id, i)
  })
}

/** The arm that a caller asks for by its header: for who may operate the deployment. */
async function askedArm({ request, services }: Exchange, route: string): Promise<PredictRequest['arm']> {
  const arm = request.headers['x-millrace-arm']
  if (arm === undefined) return undefined
  if (arm !== 'stable' && arm !== 'canary')
    throw fail('inputInvalid', { place: 'the header x-millrace-arm', reason: 'expected stable or canary', route })
  await requireOperator({ request, services })
  return arm
}

/** Which version answers is decided by the rollout: whoever decides otherwise must be allowed to operate it. */
export async function requireOperator({ request, services }: Pick<Exchange, 'request' | 'services'>): Promise<void> {
  const actor = services.guard.check('operate', request.method ?? 'POST', name => {
    const value = request.headers[name]
    return typeof value === 'string' ? value : value?.join(', ')
  })
  if (typeof actor !== 'string') await actor
}

/** Scores rows and counts it, whatever protocol they came by. */
export async function score(
  exchange: Pick<Exchange, 'services'>,
  deployment: ServedDeployment,
  requests: readonly PredictRequest[],
): Promise<readonly Prediction[]> {
  const { metrics } = exchange.services
  const end = metrics.start(deployment.name)
  try {
    const predictions = await exchange.services.batcherOf(deployment).predict(requests)
    end(predictions)
    return predictions
  } catch (error) {
    end(undefined)
    throw error
  }
}

/** By hand, not by schema: it is the hot path. The schema says the same to the OpenAPI document. */
export function predictRequests(
  body: Record<string, unknown>,
  deployment: ServedDeployment,
  route: string,
): PredictRequest[] {
  for (const key of Object.keys(body))
    if (key !== 'rows' && key !== 'ids' && key !== 'at' && key !== 'keys')
      throw fail('inputInvalid', {
        place: `body.${key}`,
        reason: 'is not known; there are rows, ids, at and keys',
        route,
      })
  const { rows } = body
  if (!Array.isArray(rows) || rows.length === 0)
    throw fail('inputInvalid', { place: 'body.rows', reason: 'expected a list of at least one row', route })
  const typed = typedRows(rows, deployment.columns)
  const ids = listOf(body.ids, 'body.ids', rows.length, route)
  if (ids) refuseTwice(ids, route)
  const keys = listOf(body.keys, 'body.keys', rows.length, route)
  if (Array.isArray(body.at) && body.at.length !== rows.length)
    throw fail('inputInvalid', { place: 'body.at', reason: `expected one time, or a list of ${rows.length}`, route })
  const all = body.at === undefined || Array.isArray(body.at) ? undefined : moment(body.at, 'body.at', route)
  return typed.map((row, i) => {
    const at = Array.isArray(body.at) ? moment(body.at[i], `body.at[${i}]`, route) : all
    return {
      row,
      ...(ids ? { id: ids[i] as string } : {}),
      ...(keys ? { key: keys[i] as string } : {}),
      ...(at === undefined ? {} : { at }),
    }
  })
}

/** What came true as a number: 0 or 1, the number of the class, or the value. */
function labelOf(
  given: number | boolean | string,
  { task, classes }: ServedDeployment,
  place: string,
  route: string,
): number {
  const refuse = (reason: string): never => {
    throw fail('inputInvalid', { place, reason, route })
  }
  if (task === 'multiclass') {
    const at = classes.indexOf(String(given))
    const shown =
      classes.length > 10 ? `${classes.slice(0, 10).join(', ')} and ${classes.length - 10} more` : classes.join(', ')
    return at >= 0 ? at : refuse(`'${String(given)}' is no class of the model; there are ${shown}`)
  }
  if (typeof given === 'string') return refuse(task === 'binary' ? 'expected 0, 1, true or false' : 'expected a number')
  const label = Number(given)
  if (task === 'binary' && label !== 0 && label !== 1) return refuse('expected 0, 1, true or false')
  if (task === 'count' && label < 0) return refuse('expected a number of 0 or more')
  return label
}

const predictPath = '/v1/deployments/{name}/predict'
const observePath = '/v1/deployments/{name}:observe'
const feedbackPath = '/v1/deployments/{name}/feedback'

const found = (what: string) =>
  z
    .number()
    .nullable()
    .describe(`${what}; null where the instance that leads cannot be asked at present: what was sent is kept for it`)

/** Milliseconds that the one that leads has to say what it finds. */
const patienceMs = 2_000

/**
 * How many of what is told are found. Only who leads knows the predictions of all: it is asked where this one follows. Null where it
 * cannot be: then `keep` writes down here what is told, and it reads that as soon as it can.
 */
async function foundBy(
  { request, services }: Exchange,
  body: unknown,
  keep: () => Promise<number>,
): Promise<number | null> {
  const { lead } = services
  if (lead.leads()) return keep()
  const header = (name: string): string | undefined => request.headers[name]?.toString()
  try {
    const asked = { method: 'POST', path: request.url ?? '', header, body: JSON.stringify(body) }
    const answer = await askLeader(lead, asked, patienceMs)
    if (answer.ok) return ((await answer.json()) as { readonly found: number | null }).found
  } catch (error) {
    if (!isMillraceError(error)) throw error
  }
  await keep()
  return null
}

export const predictRoutes: readonly DataRoute[] = [
  {
    method: 'POST',
    path: predictPath,
    permission: 'predict',
    tag: 'inference',
    summary: 'Predictions for rows with the columns that the model reads; features are looked up here',
    body: Predict,
    answer: Predictions,
    async answerTo(exchange) {
      const deployment = servedOf(exchange, exchange.params.name ?? '')
      const arm = await askedArm(exchange, `POST ${predictPath}`)
      const read = predictRequests(await jsonBody(exchange), deployment, `POST ${predictPath}`)
      const requests = arm === undefined ? read : read.map(one => ({ ...one, arm }))
      sendJson(exchange.response, 200, { predictions: await score(exchange, deployment, requests) })
    },
  },
  {
    method: 'POST',
    path: feedbackPath,
    permission: 'predict',
    tag: 'inference',
    summary: 'What came true of earlier predictions, by their ids',
    whole: true,
    body: Feedback,
    answer: z.object({
      found: found('whose prediction is known'),
      sent: z.number(),
    }),
    async answerTo(exchange) {
      const deployment = servedOf(exchange, exchange.params.name ?? '')
      const route = `POST ${feedbackPath}`
      const body = await jsonBody(exchange)
      const { labels } = parseInput(Feedback, body, 'body', route)
      const read = labels.map((one, i): Label => {
        const label = labelOf(one.label, deployment, `body.labels[${i}].label`, route)
        const at = one.at === undefined ? undefined : moment(one.at, `body.labels[${i}].at`, route)
        return { id: one.id, label, ...(at === undefined ? {} : { at }) }
      })
      const found = await foundBy(exchange, body, () => deployment.feedback(read))
      sendJson(exchange.response, 200, { found, sent: read.length })
    },
  },
  {
    method: 'POST',
    path: observePath,
    permission: 'predict',
    tag: 'inference',
    summary: 'What earlier predictions turned out to be worth, by their ids and the metrics of the deployment',
    whole: true,
    body: Observed,
    answer: z.object({
      found: found('new, and of predictions that are known'),
      sent: z.number(),
    }),
    async answerTo(exchange) {
      const deployment = servedOf(exchange, exchange.params.name ?? '')
      const body = await jsonBody(exchange)
      const { observations } = parseInput(Observed, body, 'body', `POST ${observePath}`)
      const found = await foundBy(exchange, body, () => deployment.observe(observations))
      sendJson(exchange.response, 200, { found, sent: observations.length })
    },
  },
]
