import { z } from '@hono/zod-openapi'
import { loopStages } from '../loop.ts'
import { liveRoute } from '../route.ts'
import { Stage } from '../schemas.ts'

export const loopRoutes = [
  liveRoute({
    method: 'GET',
    path: '/v1/loop',
    permission: 'read',
    tag: 'loop',
    summary: 'The whole loop at a glance: of each stage its state, last figure and last decision',
    answer: z.object({ project: z.string(), stages: z.array(Stage) }),
    async handler(_, services) {
      return { project: services.workspace.project.name, stages: await loopStages(services) }
    },
  }),
]
