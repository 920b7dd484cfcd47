import { fail } from '../../../errors/index.ts'
import type { Prediction, ServedDeployment } from '../../../stages/serve/types.ts'
import { readBody, sendJson, type Exchange } from '../exchange.ts'
import { score, servedOf } from '../predict.ts'
import { typedRows } from '../rows.ts'
import { csvRows, jsonRows, lineRows, type GivenRows } from './bodies.ts'
import { byConvention, conventionOf } from './convention.ts'
import { mediaOf } from './media.ts'

const refuserOf =
  (route: string) =>
  (reason: string): never => {
    throw fail('bodyForm', { route, reason })
  }

function deploymentOf(exchange: Exchange, route: string): ServedDeployment {
  const named = exchange.query.get('deployment')
  if (named !== null) return servedOf(exchange, named)
  const [only, ...others] = exchange.services.serving.list()
  if (only && others.length === 0) return only
  return refuserOf(route)(`name the deployment: ${exchange.request.url?.split('?')[0]}?deployment=…`)
}

const attributesOf = ({ request }: Exchange): string | undefined => {
  const value = request.headers['x-amzn-sagemaker-custom-attributes']
  return Array.isArray(value) ? value.join(',') : value
}

export interface ScoredRequest {
  readonly deployment: ServedDeployment
  readonly predictions: readonly Prediction[]
}

/** Scores the rows of a request of another system's protocol, whatever its body is. */
export async function scoreRequest(exchange: Exchange, route: string): Promise<ScoredRequest> {
  const refuse = refuserOf(route)
  const deployment = deploymentOf(exchange, route)
  const { columns } = deployment
  const { type, header } = mediaOf(exchange.request.headers['content-type'])
  const text = await readBody(exchange.request)
  const given: GivenRows =
    type === 'csv'
      ? csvRows(text, header, columns, refuse)
      : type === 'lines'
        ? lineRows(text, columns, refuse)
        : jsonRows(text, columns, refuse)
  return scoreRows(exchange, deployment, given, route)
}

async function scoreRows(
  exchange: Exchange,
  deployment: ServedDeployment,
  { rows, parameters }: GivenRows,
  route: string,
): Promise<ScoredRequest> {
  const said = { query: exchange.query, attributes: attributesOf(exchange), parameters }
  const convention = conventionOf(said, route)
  const typed = typedRows(byConvention(rows, deployment.columns, convention), deployment.columns)
  if (typed.length === 0) refuserOf(route)('there are no rows')
  const predictions = await score(
    exchange,
    deployment,
    typed.map(row => ({ row })),
  )
  return { deployment, predictions }
}

/** Answers JSON of one of those forms by JSON. */
export async function answeredJson(
  exchange: Exchange,
  forms: readonly string[],
  answer: (predictions: readonly Prediction[], deployment: ServedDeployment) => unknown,
): Promise<void> {
  const route = `POST ${exchange.request.url?.split('?')[0]}`
  if (mediaOf(exchange.request.headers['content-type']).type !== 'json')
    throw fail('mediaTypeUnsupported', { type: exchange.request.headers['content-type'] ?? 'none' })
  const deployment = deploymentOf(exchange, route)
  const given = jsonRows(await readBody(exchange.request), deployment.columns, refuserOf(route), forms)
  const { predictions } = await scoreRows(exchange, deployment, given, route)
  sendJson(exchange.response, 200, answer(predictions, deployment))
}
