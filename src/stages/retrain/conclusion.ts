import type { ModelVersion, RunRecord } from '../../ports/metadata-store.ts'

/** How a retrain ends. */
export interface Conclusion {
  /** `challenging` (a rollout starts), `unchanged` (it is the stable version's file), `refused` (a gate said no), `failed`. */
  readonly verdict: 'challenging' | 'unchanged' | 'refused' | 'failed'
  readonly reason: string
  readonly version: number | undefined
}

type Version = Pick<ModelVersion, 'version' | 'digest'>

/** What follows from a training run of a model: of its record, the version that it registered, and the stable one. */
export function conclusionOf(
  model: string,
  run: Pick<RunRecord, 'status' | 'error'> | undefined,
  version: Version | undefined,
  stable: Version | undefined,
): Conclusion {
  if (run?.status !== 'succeeded') {
    const reason = String(run?.error?.reason ?? run?.status ?? 'its record is gone')
    return {
      verdict: run?.error?.class === 'gate' ? 'refused' : 'failed',
      reason: `the retrain of ${model} ended as ${run?.status ?? 'nothing'}: ${reason}`,
      version: undefined,
    }
  }
  if (!version) return { verdict: 'failed', reason: 'the run registered no version', version: undefined }
  const name = `${model}@${version.version}`
  if (stable && stable.version !== version.version && stable.digest === version.digest)
    return {
      verdict: 'unchanged',
      reason: `${name} is the same file as ${model}@${stable.version}, which is stable: nothing that training reads has changed`,
      version: version.version,
    }
  return { verdict: 'challenging', reason: `${name} challenges the stable version`, version: version.version }
}
