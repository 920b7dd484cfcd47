import { z } from '@hono/zod-openapi'
import { compileDefinition } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import { route } from '../route.ts'
import { Edge, ModelVersion, Report } from '../schemas.ts'

async function modelView(name: string, definition: unknown, store: MetadataStore): Promise<unknown> {
  return { name, definition, versions: await store.listModelVersions(name), aliases: await store.aliases(name) }
}

const ModelView = z
  .object({
    name: z.string(),
    definition: z.unknown(),
    versions: z.array(ModelVersion),
    aliases: z.record(z.string(), z.number()),
  })
  .openapi('Model')

export const modelRoutes = [
  route({
    method: 'GET',
    path: '/v1/models',
    permission: 'read',
    tag: 'models',
    summary: 'Models with their versions, newest first, and aliases; models no longer declared included',
    answer: z.object({ models: z.array(ModelView) }),
    async handler(_, { workspace: { project, store } }) {
      const stored = (await store.listModelVersions()).map(one => one.model)
      const names = new Set([...project.models.keys(), ...stored])
      const views = [...names].map(name => {
        const declared = project.models.get(name)
        return modelView(name, declared ? compileDefinition(declared) : null, store)
      })
      return { models: await Promise.all(views) }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/models/{name}/versions/{version}',
    permission: 'read',
    tag: 'models',
    summary: 'One version with its test, scaler and export reports and what it was made from',
    answer: z.object({
      version: ModelVersion,
      aliases: z.array(z.string()),
      reports: z.array(Report),
      madeFrom: z.array(Edge),
      usedBy: z.array(Edge),
    }),
    async handler({ params }, { workspace: { store } }) {
      const { name = '', version = '' } = params
      const found = /^\d{1,9}$/.test(version) ? await store.getModelVersion(name, Number(version)) : undefined
      if (!found)
        throw fail('recordUnknown', { kind: 'model version', name: `${name}@${version}`, where: 'GET /v1/models' })
      const run = await store.getRun(found.runId)
      const until = Math.max(found.createdAt, run?.endedAt ?? found.createdAt)
      const reports = []
      for (const kind of ['model', 'scaler', 'export'] as const)
        for (const subject of [name, `model ${name}`, `${name}@${found.version}`])
          for (const report of await store.listReports({ kind, subject, limit: 50 }))
            if (report.at >= (run?.startedAt ?? found.createdAt) && report.at <= until) reports.push(report)
      const aliases = Object.entries(await store.aliases(name))
      const node = `model:${name}@${found.version}`
      return {
        version: found,
        aliases: aliases.filter(([, at]) => at === found.version).map(([alias]) => alias),
        reports,
        madeFrom: await store.edgesTo([node, found.digest]),
        usedBy: await store.edgesFrom([node]),
      }
    },
  }),
]
