import type { MetricName } from '../../math/metrics/catalogue.ts'
import type { Parameters } from '../../math/search/index.ts'
import type { MetadataStore, RunRecord } from '../../ports/metadata-store.ts'
import { parametersInWords } from './winner.ts'

/** What a trial's run records of itself, so that it can be told apart, and gone on with by whoever finds it. */
export interface TrialRun {
  readonly trial: number
  /** The run that it is a trial of. */
  readonly search: string
  readonly of: string
  readonly values: Parameters
  /** Share of the training rows that it learns from. */
  readonly share: number
  readonly best: MetricName
}

export const trialRunName = (model: string): string => `trial-${model}`

export const isTrial = (run: RunRecord): boolean => typeof run.parameters.trial === 'number'

/** The newest run; where it is a trial, the run that searches. */
export async function newestRun(
  store: MetadataStore,
  filter: { readonly kind?: 'pipeline' } = {},
): Promise<RunRecord | undefined> {
  const [newest] = await store.listRuns({ ...filter, limit: 1 })
  return newest && isTrial(newest) ? ((await store.getRun(String(newest.parameters.search))) ?? newest) : newest
}

/** `#3 depth 4, learningRate 0.05: logLoss 0.3274`; undefined for a run that is no trial. */
export async function trialInWords(store: MetadataStore, run: RunRecord): Promise<string | undefined> {
  if (!isTrial(run)) return undefined
  const { trial, values, share, best } = run.parameters as unknown as TrialRun
  const score = (await store.latestMetrics(run.id)).find(one => one.key === best)
  const of = share < 1 ? ` on ${Number((share * 100).toPrecision(2))} % of the rows` : ''
  return `#${trial} ${parametersInWords(values)}${of}${score ? `: ${best} ${Number(score.value.toPrecision(4))}` : ''}`
}
