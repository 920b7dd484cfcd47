import type { Jobs, JobView } from '../../src/app/jobs/jobs.ts'
import { fail } from '../../src/errors/index.ts'

/** Jobs that nobody does: each is over at once, with the answer that stands here for its use case. Without one it fails. */
export function answeredJobs(answers: Readonly<Record<string, unknown>> = {}): Jobs {
  const all = new Map<string, JobView>()
  const get = (id: string): Promise<JobView> => {
    const found = all.get(id)
    return found ? Promise.resolve(found) : Promise.reject(fail('recordUnknown', { kind: 'job', name: id, where: '' }))
  }
  return {
    get,
    start(useCase, input, { id = `job-${all.size}`, actor }) {
      const answer = answers[useCase] ?? null
      const error = answer === null ? fail('jobLost', { useCase, job: id, reason: 'nobody does it' }).toJSON() : null
      const status = error === null ? 'done' : 'failed'
      all.set(id, { id, useCase, input, actor, at: 0, status, endedAt: 0, answer, error })
      const end =
        error === null
          ? Promise.resolve(answer)
          : Promise.reject(fail('jobLost', { useCase, job: id, reason: 'nobody does it' }))
      end.catch(() => undefined)
      return Promise.resolve({ id, answer: end as Promise<never> })
    },
    list: limit => Promise.resolve([...all.values()].slice(0, limit)),
    cancel: get,
    async *follow(id) {
      await get(id)
      yield* []
    },
    close: () => Promise.resolve(),
  }
}
