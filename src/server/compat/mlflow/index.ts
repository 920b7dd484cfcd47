import { fail } from '../../../errors/index.ts'
import type { RecordRoute } from '../../route.ts'
import { artifactRoutes } from './artifacts.ts'
import { experimentRoutes } from './experiments.ts'
import { runRoutes } from './runs.ts'
import { mlflowProblem } from './wire.ts'

/** The part of MLflow's wire contract that its client needs to track runs. */
export const mlflowRoutes: readonly RecordRoute[] = [...experimentRoutes, ...runRoutes, ...artifactRoutes]

/** What is not served answers so that clients take their other way, instead of giving up. */
export const mlflowUnknown = {
  test: (path: string): boolean => /^\/(ajax-)?api\/\d\.0\/mlflow/.test(path),
  answer: (method: string, path: string): Response =>
    mlflowProblem(fail('trackingRoute', { method, path: path.slice(0, 200) }), {
      log: () => {},
      workspace: { root: '/' },
    }),
}

export { mlflowProblem }
