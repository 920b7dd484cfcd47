import type { DataRoute } from './exchange.ts'
import { explainRoute } from './explain.ts'
import { healthRoutes } from './health-routes.ts'
import { invocationRoutes } from './scoring/routes.ts'
import { metricsRoute } from './metrics-route.ts'
import { oipRoutes } from './oip/routes.ts'
import { predictRoutes } from './predict.ts'

/** Every route of the data plane. */
export const dataRoutes: readonly DataRoute[] = [
  ...predictRoutes,
  explainRoute,
  ...oipRoutes,
  ...invocationRoutes,
  ...healthRoutes,
  metricsRoute,
]
