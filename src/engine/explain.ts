import { fail } from '../errors/catalogue.ts'
import type { MetadataStore, StepRecord, StepStatus } from '../ports/metadata-store.ts'
import { keyChanges, type KeyChange } from './cache-key.ts'

/** Why a step ran or was reused. */
export interface Explanation {
  readonly step: string
  readonly runId: string
  readonly status: StepStatus
  /** One sentence. */
  readonly reason: string
  /** The nearest earlier run of the step, that `changes` compares with. */
  readonly comparedWith?: string
  readonly changes: readonly KeyChange[]
}

const historyDepth = 200

function explain(record: StepRecord, earlier: StepRecord | undefined): Explanation {
  const changes =
    record.keyParts === undefined || earlier?.keyParts === undefined
      ? []
      : keyChanges(earlier.keyParts, record.keyParts)
  return {
    step: record.step,
    runId: record.runId,
    status: record.status,
    reason: record.reason ?? (record.status === 'pending' ? 'it has not started yet' : record.status),
    ...(earlier === undefined ? {} : { comparedWith: earlier.runId }),
    changes,
  }
}

/**
 * For the id of a run: every step of it. For the name of a step: its newest execution or reuse. Each compared with the
 * nearest earlier run of the same step. Throws `stepUnknown`.
 */
export async function explainStep(store: MetadataStore, subject: string): Promise<readonly Explanation[]> {
  const run = await store.getRun(subject)
  const records = run === undefined ? (await store.stepHistory(subject, 1)).slice(0, 1) : await store.listSteps(subject)
  if (run === undefined && records.length === 0) throw fail('stepUnknown', { step: subject })
  return Promise.all(
    records.map(async record => {
      const history = await store.stepHistory(record.step, historyDepth)
      const own = history.findIndex(other => other.runId === record.runId)
      // older than the whole history: what stands there came later, and explains nothing
      const earlier = own < 0 ? [] : history.slice(own + 1)
      return explain(
        record,
        earlier.find(other => other.keyParts !== undefined),
      )
    }),
  )
}

/** The reason written down when a step starts: what changed since its nearest earlier run. */
export async function reasonToRun(
  store: MetadataStore,
  runId: string,
  step: string,
  keyParts: NonNullable<StepRecord['keyParts']>,
): Promise<string> {
  const earlier = (await store.stepHistory(step, 3)).find(one => one.runId !== runId && one.keyParts !== undefined)
  if (earlier?.keyParts === undefined) return 'it never ran before'
  const changes = keyChanges(earlier.keyParts, keyParts)
  if (changes.length > 0) return changes.map(change => change.words).join('; ')
  return earlier.status === 'succeeded' || earlier.status === 'reused'
    ? 'nothing changed, but its earlier result is not kept any more'
    : `nothing changed, but it ended as ${earlier.status} in run ${earlier.runId}`
}
