import type { ServedDeployment } from '../../stages/serve/types.ts'
import type { InferenceMetrics } from '../metrics.ts'
import type { ServerServices } from '../services.ts'
import type { Batcher } from './batcher.ts'

/** What the data plane works with. */
export interface DataServices extends ServerServices {
  readonly metrics: InferenceMetrics
  /** The batcher of a deployment; the same one for as long as the deployment is served. */
  batcherOf(deployment: ServedDeployment): Batcher
}
