import { z } from '@hono/zod-openapi'
import { eventStream } from '../event-stream.ts'
import { jobShown } from '../job-answer.ts'
import { liveRoute } from '../route.ts'
import { Job, limitSchema } from '../schemas.ts'

export const jobRoutes = [
  liveRoute({
    method: 'GET',
    path: '/v1/jobs',
    permission: 'read',
    tag: 'jobs',
    summary: 'What was asked for and is done in processes of its own, newest first; what is over stays for a day',
    query: z.strictObject({ limit: limitSchema.optional() }),
    answer: z.object({ jobs: z.array(Job) }),
    async handler({ query }, { jobs, workspace }) {
      return { jobs: (await jobs.list(query.limit ?? 100)).map(one => jobShown(one, workspace.root)) }
    },
  }),
  liveRoute({
    method: 'GET',
    path: '/v1/jobs/{id}',
    permission: 'read',
    tag: 'jobs',
    summary: 'One job: where it stands, and its answer or error once it is over',
    answer: Job,
    async handler({ params: { id = '' } }, { jobs, workspace }) {
      return jobShown(await jobs.get(id), workspace.root)
    },
  }),
  liveRoute({
    method: 'GET',
    path: '/v1/jobs/{id}/events',
    permission: 'read',
    tag: 'jobs',
    summary:
      'Server-sent events of one job from its beginning: `chapter`, `progress` and `warning` as it tells them, then `end` with the job',
    answerType: 'text/event-stream',
    answer: z.string(),
    async handler({ params: { id = '' } }, { jobs, workspace, log, bus }) {
      await jobs.get(id)
      return eventStream((send, end) => {
        const left = new AbortController()
        const tell = async (): Promise<void> => {
          for await (const { type, at, text } of jobs.follow(id, left.signal)) send({ type, data: { at, text } })
          if (!left.signal.aborted) send({ type: 'end', data: jobShown(await jobs.get(id), workspace.root) })
        }
        tell()
          .catch((error: unknown) =>
            log({ level: 'error', text: 'a job cannot be followed', job: id, reason: String(error) }),
          )
          .finally(end)
        // A server that closes waits for no job
        const unsubscribe = bus.subscribe(
          () => undefined,
          undefined,
          () => left.abort(),
        )
        return () => {
          unsubscribe()
          left.abort()
        }
      })
    },
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/jobs/{id}:cancel',
    permission: 'operate',
    tag: 'jobs',
    summary: 'Ends a job and what it started; one that is over stays as it is',
    answer: Job,
    async handler({ params: { id = '' } }, { jobs, workspace }) {
      return jobShown(await jobs.cancel(id), workspace.root)
    },
  }),
]
