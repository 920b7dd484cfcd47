import { z } from '@hono/zod-openapi'
import { quarantineFormats } from '../../app/quarantine.ts'
import type { Dataset } from '../../define/dataset.ts'
import { compileDefinition } from '../../define/project.ts'
import { partOf, type CheckResult, type Report } from '../../define/report.ts'
import { jobAnswer, startJob } from '../job-answer.ts'
import { liveRoute, parseInput, type LiveRoute } from '../route.ts'
import { nameSchema, Report as ReportSchema, ReportLine } from '../schemas.ts'
import type { ServerServices } from '../services.ts'
import { sendMade, withUpload } from '../upload.ts'
import { datasetOf, pushRoute } from './push.ts'

const history = 60

/** A report without its checks. `evaluated` is the most rows that one rule saw, `bad` the rows that broke some rule. */
export function reportLine(report: Report): z.infer<typeof ReportLine> {
  const failed = report.checks.filter(check => check.status === 'fail' || check.status === 'error')
  const { failing } = report.evidence
  return {
    id: report.id,
    kind: report.kind,
    subject: report.subject,
    runId: report.runId ?? null,
    at: report.at,
    status: report.status,
    evaluated: Math.max(0, ...report.checks.map(check => check.evaluated)),
    bad: typeof failing === 'number' ? failing : failed.reduce((sum, check) => sum + check.bad, 0),
    failed: failed.length,
    part: partOf(report) ?? null,
    evidence: report.evidence,
  }
}

/** The figure of a check that is drawn over time: what it measured, else the share of rows that broke it. */
function figureOf(check: CheckResult): number | null {
  const { value, badShare } = check.observed
  if (typeof value === 'number') return value
  return typeof badShare === 'number' ? badShare : check.evaluated > 0 ? check.bad / check.evaluated : null
}

/** The newest report of the whole; of a part only where there is none. */
export const headline = (reports: readonly Report[]): Report | undefined =>
  reports.find(report => partOf(report) === undefined) ?? reports[0]

/** Every check of the newest report with its figure in the reports before, oldest first; null where it was not there. */
function seriesOf(reports: readonly Report[]): z.infer<typeof Series>[] {
  const oldestFirst = reports.toReversed().map(report => new Map(report.checks.map(check => [check.id, check])))
  return (headline(reports)?.checks ?? []).map(({ id, observed }) => ({
    id,
    measures: typeof observed.value === 'number' ? 'value' : 'bad share',
    values: oldestFirst.map(checks => {
      const check = checks.get(id)
      return check ? figureOf(check) : null
    }),
  }))
}

async function view(dataset: Dataset, { workspace: { store } }: ServerServices): Promise<unknown> {
  const reports = await store.listReports({ kind: 'validation', subject: dataset.name, limit: history })
  const decisions = await store.listDecisions({ subject: `dataset ${dataset.name}`, limit: 5 })
  return {
    name: dataset.name,
    definition: compileDefinition(dataset),
    last: headline(reports) ?? null,
    history: reports.map(reportLine),
    series: seriesOf(reports),
    decisions,
  }
}

const IngestQuery = z.strictObject({ name: nameSchema.optional() })

const QuarantineQuery = z.strictObject({
  format: z.enum(quarantineFormats).optional(),
  repaired: z.enum(['true', 'false']).optional(),
})

const ReadmitQuery = z.strictObject({ format: z.enum(['csv', 'jsonl', 'parquet']) })

const Readmitted = z
  .object({
    dataset: z.string(),
    rows: z.number(),
    first: z.number(),
    corrected: z.number(),
    unchanged: z.number(),
    remaining: z.number(),
    digest: z.string().nullable(),
    decision: z.string().nullable(),
  })
  .openapi('Readmitted')

const IngestAnswer = z
  .object({
    dataset: z.string(),
    digest: z.string(),
    name: z.string(),
    verdict: z.enum(['passed', 'quarantined', 'refused']),
    reason: z.string(),
    definition: z.string(),
    rows: z.number(),
    quarantined: z.number(),
    report: z.string(),
    decision: z.string(),
    place: z.string().nullable(),
    again: z.boolean(),
  })
  .openapi('Ingested')

const Series = z
  .object({
    id: z.string(),
    measures: z.enum(['value', 'bad share']),
    values: z.array(z.number().nullable()),
  })
  .openapi('CheckSeries')

const DatasetView = z
  .object({
    name: z.string(),
    definition: z.unknown(),
    last: ReportSchema.nullable(),
    history: z.array(ReportLine),
    series: z.array(Series),
    decisions: z.array(z.unknown()),
  })
  .openapi('Dataset')

export const datasetRoutes = [
  liveRoute({
    method: 'GET',
    path: '/v1/datasets',
    permission: 'read',
    tag: 'data',
    summary:
      'Datasets with the last validation report of the whole (of a part where there is none) and the history, newest first',
    answer: z.object({ datasets: z.array(DatasetView) }),
    async handler(_, services) {
      const datasets = [...services.workspace.project.datasets.values()]
      return { datasets: await Promise.all(datasets.map(one => view(one, services))) }
    },
  }),
  liveRoute({
    method: 'GET',
    path: '/v1/datasets/{name}',
    permission: 'read',
    tag: 'data',
    summary: 'One dataset',
    answer: DatasetView,
    async handler({ params }, services) {
      return view(datasetOf(services, params.name), services)
    },
  }),
  {
    method: 'POST',
    path: '/v1/datasets/{name}:ingest',
    permission: 'write',
    tag: 'data',
    summary:
      'Takes a file, the body, into a dataset if it holds; `?name=` says how it is called. 422 when it is refused. The same content is judged once',
    query: IngestQuery,
    takesFile: true,
    answer: IngestAnswer,
    also: { 422: { says: 'It is refused, with the reasons', schema: IngestAnswer } },
    live: true,
    async respond({ request, url, params, services, actor }) {
      const dataset = datasetOf(services, params.name)
      const { name } = parseInput(IngestQuery, Object.fromEntries(url.searchParams), 'query', 'POST :ingest')
      return withUpload(request, services.workspace.folder, async path => {
        const input = { dataset: dataset.name, path, name: name ?? dataset.name, shown: 'the body' }
        const answer = await (await services.jobs.start('ingest', input, { actor })).answer
        return Response.json(answer, { status: answer.verdict === 'refused' ? 422 : 200 })
      })
    },
  } satisfies LiveRoute,
  {
    method: 'GET',
    path: '/v1/datasets/{name}/quarantine',
    permission: 'operate',
    tag: 'data',
    summary:
      'Rows that the newest snapshot set aside, in clear, with the checks that they break: `?format=` csv or parquet; `?repaired=true` gives those that were repaired and let in',
    answerType: 'text/csv',
    answer: z.string(),
    live: true,
    async respond({ url, params, services, actor }) {
      const dataset = datasetOf(services, params.name)
      const given = Object.fromEntries(url.searchParams)
      const { format = 'csv', repaired } = parseInput(QuarantineQuery, given, 'query', 'GET quarantine')
      const type = format === 'csv' ? 'text/csv; charset=utf-8' : 'application/vnd.apache.parquet'
      return sendMade(services.workspace.folder, format, type, async path => {
        const input = { dataset: dataset.name, repaired: repaired === 'true', file: { path, format } }
        return (await (await services.jobs.start('quarantine', input, { actor })).answer).file !== null
      })
    },
  } satisfies LiveRoute,
  {
    method: 'POST',
    path: '/v1/datasets/{name}:readmit',
    permission: 'write',
    tag: 'data',
    summary:
      'Lets repaired rows, the body, in again: all of them or none. `?format=` is csv, jsonl or parquet, as "data quarantine" wrote them',
    answer: Readmitted,
    live: true,
    async respond({ request, url, params, services, actor }) {
      const dataset = datasetOf(services, params.name)
      const { format } = parseInput(ReadmitQuery, Object.fromEntries(url.searchParams), 'query', 'POST :readmit')
      return withUpload(
        request,
        services.workspace.folder,
        async path => {
          const input = { dataset: dataset.name, path, shown: 'the body' }
          return Response.json(await (await services.jobs.start('readmit', input, { actor })).answer)
        },
        format,
      )
    },
  } satisfies LiveRoute,
  liveRoute({
    method: 'POST',
    path: '/v1/datasets/{name}:validate',
    permission: 'operate',
    tag: 'data',
    summary:
      'Checks a dataset against its expectations as a job, whose answer is the report; `keepRows: false` keeps no failing rows',
    body: z.strictObject({ keepRows: z.boolean().optional() }),
    ...jobAnswer,
    async handler({ params, body, request, actor }, services) {
      const { name } = datasetOf(services, params.name)
      return startJob(services, { request, actor }, 'validate', { dataset: name, ...body })
    },
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/datasets/{name}:snapshot',
    permission: 'operate',
    tag: 'data',
    summary: 'Validates a dataset and keeps its good rows as a snapshot, as a job',
    body: z.strictObject({}),
    ...jobAnswer,
    async handler({ params, request, actor }, services) {
      const { name } = datasetOf(services, params.name)
      return startJob(services, { request, actor }, 'snapshot', { dataset: name })
    },
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/datasets/{name}:suggest',
    permission: 'operate',
    tag: 'data',
    summary:
      'Finds expectations that the rows bear out, as a job; its answer has them and a patch of the file that declares it',
    body: z.strictObject({}),
    ...jobAnswer,
    async handler({ params, request, actor }, services) {
      const { name } = datasetOf(services, params.name)
      return startJob(services, { request, actor }, 'suggest', { dataset: name })
    },
  }),
  pushRoute,
]
