import { z } from '@hono/zod-openapi'
import { statusOf } from '../../engine/index.ts'
import { fail } from '../../errors/index.ts'
import type { RunRecord } from '../../ports/metadata-store.ts'
import { trialInWords } from '../../stages/pipeline/trial-run.ts'
import { reportsOfRun } from '../../app/reports-of-run.ts'
import { route } from '../route.ts'
import type { ServerServices } from '../services.ts'
import { limitSchema, nameSchema, ReportLine, Run, Step } from '../schemas.ts'
import { reportLine } from './datasets.ts'

/** A run as it is shown: without its lease, `stopped` where its process is gone, and in words what a trial tried. */
async function shown(record: RunRecord, { store, clock, processes }: ServerServices['workspace']): Promise<unknown> {
  const { lease, ...run } = record
  const status = statusOf(record, clock.now(), processes)
  const trial = await trialInWords(store, record)
  return {
    ...run,
    status,
    ...(trial === undefined ? {} : { trial }),
    ...(lease ? { drivenBy: { host: lease.owner.host, pid: lease.owner.pid } } : {}),
  }
}

export const runRoutes = [
  route({
    method: 'GET',
    path: '/v1/runs',
    permission: 'read',
    tag: 'runs',
    summary: 'Runs, newest first',
    query: z.strictObject({
      limit: limitSchema.optional(),
      kind: z.enum(['pipeline', 'tracking', 'score']).optional(),
      status: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']).optional(),
      name: nameSchema.optional(),
    }),
    answer: z.object({ runs: z.array(Run) }),
    async handler({ query }, { workspace }) {
      const { store } = workspace
      const { limit = 100, kind, status, name } = query
      const runs = await store.listRuns({
        limit,
        ...(kind ? { kind } : {}),
        ...(status ? { status } : {}),
        ...(name ? { name } : {}),
      })
      return { runs: await Promise.all(runs.map(run => shown(run, workspace))) }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/runs/{id}',
    permission: 'read',
    tag: 'runs',
    summary: 'One run with its steps, parameters, metrics, tags and reports',
    answer: z.object({
      run: Run,
      steps: z.array(Step),
      metrics: z.array(z.object({ key: z.string(), value: z.number(), step: z.number(), timestamp: z.number() })),
      parameters: z.record(z.string(), z.string()),
      tags: z.record(z.string(), z.string()),
      reports: z.array(ReportLine),
    }),
    async handler({ params }, { workspace }) {
      const { store } = workspace
      const id = params.id ?? ''
      const run = await store.getRun(id)
      if (!run) throw fail('recordUnknown', { kind: 'run', name: id, where: 'GET /v1/runs' })
      return {
        run: await shown(run, workspace),
        steps: (await store.listSteps(id)).map(({ process: _, ...step }) => step),
        metrics: await store.latestMetrics(id),
        parameters: await store.runParams(id),
        tags: await store.runTags(id),
        reports: (await reportsOfRun(store, id)).map(reportLine),
      }
    },
  }),
]
