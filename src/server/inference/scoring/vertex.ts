import type { DataRoute } from '../exchange.ts'
import { sendText } from '../exchange.ts'
import { answeredJson } from './score-request.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Routes under the paths that Vertex AI gives its containers: `AIP_HEALTH_ROUTE` and `AIP_PREDICT_ROUTE`. None where it gives
 * none. Paths that are served already stay what they are.
 */
export function vertexRoutes(environment: Environment, served: ReadonlySet<string>): readonly DataRoute[] {
  const isOwn = (path: string | undefined): path is string =>
    path !== undefined && path.startsWith('/') && !path.includes('{') && !served.has(path)
  const { AIP_HEALTH_ROUTE: health, AIP_PREDICT_ROUTE: predict, AIP_DEPLOYED_MODEL_ID: deployedModelId } = environment
  return [
    ...(isOwn(health)
      ? [
          {
            method: 'GET',
            path: health,
            permission: 'public',
            tag: 'health',
            summary: 'Ready, under the path of Vertex AI',
            answerTo({ response, services }) {
              const { status, body, type } = services.health.readyPage
              sendText(response, status, body, type)
            },
          } satisfies DataRoute,
        ]
      : []),
    ...(isOwn(predict)
      ? [
          {
            method: 'POST',
            path: predict,
            permission: 'predict',
            tag: 'inference',
            summary: 'Predictions for instances, under the path of Vertex AI',
            answerTo: exchange =>
              answeredJson(exchange, ['instances'], (predictions, deployment) => ({
                predictions,
                deployedModelId: deployedModelId ?? deployment.name,
                model: deployment.status().model,
                modelVersionId: String(predictions[0]?.version ?? ''),
              })),
          } satisfies DataRoute,
        ]
      : []),
  ]
}
