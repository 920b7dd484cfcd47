import type { LiveRoute, RecordRoute } from '../route.ts'
import { accessRoutes } from './access.ts'
import { datasetRoutes } from './datasets.ts'
import { decisionRoutes } from './decisions.ts'
import { deploymentRoutes } from './deployments.ts'
import { eventRoutes } from './events.ts'
import { featureRoutes } from './features.ts'
import { jobRoutes } from './jobs.ts'
import { lineageRoutes } from './lineage.ts'
import { loopRoutes } from './loop.ts'
import { modelRoutes } from './models.ts'
import { monitorRoutes } from './monitors.ts'
import { projectRoutes } from './project.ts'
import { runRoutes } from './runs.ts'

/** Every route of the control plane. Nothing answers that is not in here, in `inference/routes.ts` or in `compat/`. */
export const controlRoutes: readonly (LiveRoute | RecordRoute)[] = [
  ...loopRoutes,
  ...projectRoutes,
  ...datasetRoutes,
  ...featureRoutes,
  ...runRoutes,
  ...modelRoutes,
  ...deploymentRoutes,
  ...monitorRoutes,
  ...decisionRoutes,
  ...lineageRoutes,
  ...jobRoutes,
  ...eventRoutes,
  ...accessRoutes,
]
