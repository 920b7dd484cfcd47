import { z } from '@hono/zod-openapi'
import { viewsNamed } from '../../app/export-features.ts'
import { fail } from '../../errors/index.ts'
import { parseInput, type LiveRoute } from '../route.ts'
import { sendMade, withUpload } from '../upload.ts'

const kind = z.enum(['csv', 'parquet'])

const ExportQuery = z.strictObject({
  of: z.string().min(1).max(2000),
  time: z.string().min(1).max(200).optional(),
  labels: kind.optional(),
  format: kind.optional(),
})

const types = { csv: 'text/csv; charset=utf-8', parquet: 'application/vnd.apache.parquet' } as const

export const exportFeaturesRoute = {
  method: 'POST',
  path: '/v1/features:export',
  permission: 'operate',
  live: true,
  tag: 'features',
  summary:
    'Features for a table of labels, the body: each row gets what was known at its moment, as a training set has it; all rows and columns are kept, in order. `?of=` names views, and models for the views that they read, with commas; `?time=` the column with the moments; `?labels=` what the body is (csv) and `?format=` what the answer is (the same), csv or parquet',
  query: ExportQuery,
  answerType: 'text/csv',
  answer: z.string(),
  async respond({ request, url, services, actor }) {
    const route = 'POST /v1/features:export'
    const query = parseInput(ExportQuery, Object.fromEntries(url.searchParams), 'query', route)
    const { time, labels: given = 'csv', format = given } = query
    const of = query.of.split(',').map(name => name.trim())
    const { project, folder } = services.workspace
    for (const name of of)
      if (!project.views.has(name) && !project.models.has(name))
        throw fail('recordUnknown', {
          kind: 'feature view or model',
          name: name.slice(0, 80),
          where: 'GET /v1/features',
        })
    viewsNamed(services.workspace, of)
    return withUpload(
      request,
      folder,
      path =>
        sendMade(folder, format, types[format], async out => {
          const labels = { path, kind: given, shown: 'the body', time }
          await (await services.jobs.start('export', { of, labels, out: { path: out, kind: format } }, { actor }))
            .answer
          return true
        }),
      given,
    )
  },
} satisfies LiveRoute
