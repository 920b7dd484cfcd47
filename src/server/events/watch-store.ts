import type { Json } from '../../internal/canonical-json.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import type { EventBus } from './bus.ts'

/** Documents whose change is shown. */
const watched = ['rollout', 'contest', 'deployment', 'alert'] as const

/**
 * Looks once a second at the newest runs, decisions, reports and documents, so that what other processes did shows too.
 * Asks nothing while nobody listens. Gives the way to stop.
 */
export function watchStore(store: MetadataStore, bus: EventBus, log: (error: unknown) => void): () => Promise<void> {
  const seen = new Map<string, string>()
  let primed = false
  let busy: Promise<void> = Promise.resolve()
  let working = false

  const note = (type: Parameters<EventBus['publish']>[0], key: string, value: string, data: Json): void => {
    if (seen.get(key) === value) return
    seen.set(key, value)
    if (primed) bus.publish(type, data)
  }

  const look = async (): Promise<void> => {
    for (const run of await store.listRuns({ limit: 5, kind: 'pipeline' }))
      note('run', `run ${run.id}`, run.status, { runId: run.id, name: run.name, status: run.status })
    for (const one of await store.listDecisions({ limit: 5 }))
      note('decision', `decision ${one.id}`, '', {
        id: one.id,
        kind: one.kind,
        subject: one.subject,
        verdict: one.verdict,
      })
    for (const one of await store.listReports({ limit: 3 }))
      note('report', `report ${one.id}`, '', { id: one.id, kind: one.kind, subject: one.subject, status: one.status })
    for (const kind of watched)
      for (const one of await store.listDocuments(kind))
        note(kind, `${kind} ${one.id}`, String(one.revision), { id: one.id, revision: one.revision })
    primed = true
    if (seen.size > 5000) {
      seen.clear()
      primed = false
    }
  }

  const timer = setInterval(() => {
    if (working || bus.listeners === 0) return
    working = true
    busy = look()
      .catch(log)
      .finally(() => {
        working = false
      })
  }, 1000)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await busy
  }
}
