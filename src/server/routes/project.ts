import { z } from '@hono/zod-openapi'
import { compileDefinition, definitionDigest } from '../../define/project.ts'
import type { Definition } from '../../define/named.ts'
import { route } from '../route.ts'

const compiled = z.record(z.string(), z.unknown())
const all = (definitions: ReadonlyMap<string, Definition>): Record<string, unknown> =>
  Object.fromEntries(
    [...definitions].map(([name, one]) => [
      name,
      { digest: definitionDigest(one), definition: compileDefinition(one) },
    ]),
  )

export const projectRoutes = [
  route({
    method: 'GET',
    path: '/v1/project',
    permission: 'read',
    tag: 'project',
    summary: 'Everything that the project declares, as compiled JSON with the digest of each definition',
    answer: z.object({
      name: z.string(),
      version: z.string(),
      datasets: compiled,
      features: compiled,
      models: compiled,
      deployments: compiled,
      monitors: compiled,
    }),
    async handler(_, { workspace: { project }, version }) {
      return {
        name: project.name,
        version,
        datasets: all(project.datasets),
        features: all(project.views),
        models: all(project.models),
        deployments: all(project.deployments),
        monitors: all(project.monitors),
      }
    },
  }),
]
