import type { JobView } from '../app/jobs/jobs.ts'
import type { InputOf, UseCaseName } from '../app/use-cases.ts'
import { fromRoot } from './problem.ts'
import { Job } from './schemas.ts'
import type { ServerServices } from './services.ts'

/** The longest that an answer is kept open for a job, seconds; longer ones are followed by their events. */
export const maxWaitSeconds = 600

/** What is said of a route that starts a job: it is over, or under way. */
export const jobAnswer = {
  answer: Job,
  also: { 202: { says: 'The job, which is under way: `GET /v1/jobs/{id}` tells of it', schema: Job } },
} as const

/** A job for outside, as JSON: whatever path its input, answer or error names is told from the project's folder on. */
export function jobShown(job: JobView, root: string): unknown {
  const hide = (_: string, value: unknown): unknown => (typeof value === 'string' ? fromRoot(value, root) : value)
  return JSON.parse(JSON.stringify(job), hide)
}

/** Seconds that `Prefer: wait=30` (RFC 7240) asks for; undefined where it does not. */
function waitOf(request: Request): number | undefined {
  const found = /(?:^|[,;\s])wait=(\d{1,5})(?:$|[,;\s])/.exec(request.headers.get('prefer') ?? '')
  return found ? Math.min(Number(found[1]), maxWaitSeconds) : undefined
}

/**
 * Starts a use case as a job and answers 202 with it at once, or 200 once it is over where the request prefers to wait and
 * it ends in time. Its events and its end are told by `GET /v1/jobs/{id}`.
 */
export async function startJob<Name extends UseCaseName>(
  { jobs, bus, workspace }: ServerServices,
  { request, actor }: { readonly request: Request; readonly actor: string },
  useCase: Name,
  input: InputOf<Name>,
): Promise<Response> {
  const job = await jobs.start(useCase, input, { actor })
  bus.publish('job', { id: job.id, useCase, over: false })
  const over = job.answer.then(
    () => true,
    () => true,
  )
  void over.then(() => bus.publish('job', { id: job.id, useCase, over: true }))
  const seconds = waitOf(request)
  let timer: NodeJS.Timeout | undefined
  const ended =
    seconds !== undefined &&
    (await Promise.race([
      over,
      new Promise<false>(resolve => {
        timer = setTimeout(() => resolve(false), seconds * 1000)
      }),
    ]))
  clearTimeout(timer)
  return Response.json(jobShown(await jobs.get(job.id), workspace.root), {
    status: ended ? 200 : 202,
    headers: {
      location: `/v1/jobs/${job.id}`,
      ...(seconds === undefined ? {} : { 'preference-applied': `wait=${seconds}` }),
    },
  })
}
