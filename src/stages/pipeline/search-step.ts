import { availableParallelism } from 'node:os'
import type { Decision } from '../../define/decision.ts'
import type { Folds } from '../../define/folds.ts'
import type { Model } from '../../define/model.ts'
import { definitionDigest } from '../../define/project.ts'
import { type Search, withParameters } from '../../define/search.ts'
import { fail } from '../../errors/index.ts'
import type { RunResult, StepContext, StepDefinition, StepResult } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { ulid } from '../../internal/ids.ts'
import { worth } from '../../math/metrics/catalogue.ts'
import {
  type Parameters,
  type Proposal,
  proposeGrid,
  proposeHalving,
  proposeRandom,
  proposeTpe,
  type Trial,
} from '../../math/search/index.ts'
import type { ArtifactRef, RunRecord } from '../../ports/metadata-store.ts'
import type { Trainer } from '../../ports/trainer.ts'
import type { StageServices } from '../services.ts'
import { from, input, searchStepName, type Common } from './step-parts.ts'
import { seedOfTrainer, type TrainParameters } from './train-step.ts'
import { type TrialParameters, type TrialScore, trialStep } from './trial-step.ts'
import { trialRunName, type TrialRun } from './trial-run.ts'
import { parametersInWords, type Winner } from './winner.ts'

/** A trial as it came out. */
export interface TrialRecord {
  readonly trial: number
  readonly run: string
  readonly parameters: Parameters
  /** Share of the training rows that it learnt from. */
  readonly share: number
  /** Null where it failed. */
  readonly value: number | null
  readonly reason?: string
}

/** How many trials are proposed at once where each learns from those before: however many cores there are, the same ones. */
const together = 4

type Propose = (history: readonly Trial[]) => Proposal | 'wait' | undefined

function proposerOf({ method, space, seed, trials, points, eta, minShare }: Search): Propose {
  const drawn =
    (propose: Propose): Propose =>
    history =>
      history.length < (trials ?? 0) ? propose(history) : undefined
  switch (method) {
    case 'grid':
      return history => proposeGrid(history, space, seed, points === undefined ? {} : { points })
    case 'random':
      return drawn(history => proposeRandom(history, space, seed))
    case 'tpe':
      return drawn(history => proposeTpe(history, space, seed))
    case 'halving':
      return history =>
        proposeHalving(history, space, seed, {
          ...(trials === undefined ? {} : { trials }),
          ...(eta === undefined ? {} : { eta }),
          ...(minShare === undefined ? {} : { minBudget: minShare }),
        })
  }
}

/** The graph of a trial, of which its run says everything. */
export function trialGraph(services: StageServices, common: Common, run: RunRecord): readonly StepDefinition[] {
  const { frame, told } = run.parameters as unknown as { readonly frame: ArtifactRef; readonly told: TrialParameters }
  return [trialStep(services, { common, frame, parameters: told, seed: seedOfTrainer(told.trainer) })]
}

/** Tries combinations on the folds of the training rows, each as a run of its own, and says which did best. */
export function searchStep(
  services: StageServices,
  model: Model & { readonly search: Search; readonly folds: Folds },
  common: Common,
  told: TrainParameters,
): StepDefinition {
  const { search, folds } = model
  const { by, count } = folds
  const gap = folds.by === 'time' && folds.gap !== undefined ? { gap: folds.gap } : {}
  return {
    ...common,
    name: searchStepName(model),
    inputs: { frame: from(`features-${model.name}`, 'frame') },
    parameters: { ...told, search, folds: { by, count, ...gap } } as unknown as Json,
    run: context =>
      runSearch(
        context,
        services,
        model,
        ({ parameters, budget }) => ({
          ...told,
          trainer: withParameters(told.trainer as never, parameters) as Trainer,
          folds: { by, count, ...gap },
          best: search.best,
          share: budget,
        }),
        common,
      ),
  }
}

async function runSearch(
  context: StepContext,
  services: StageServices,
  model: Model & { readonly search: Search },
  tell: (proposal: Proposal) => TrialParameters,
  common: Common,
): Promise<StepResult> {
  const { search, name } = model
  const frame = input(context, 'frame').ref
  const propose = proposerOf(search)
  const level = model.quantile ?? 0.5
  const before = context.attempt > 1 ? await begunBefore(services, context.runId, name) : new Map<number, RunRecord>()
  const history: (Trial & { loss?: number | null })[] = []
  const records: TrialRecord[] = []
  const bestOf = (): TrialRecord | undefined =>
    records
      .filter(one => one.value !== null && one.share === 1)
      .toSorted(
        (a, b) =>
          worth(search.best, b.value as number, level) - worth(search.best, a.value as number, level) ||
          a.trial - b.trial,
      )[0]
  const tryOut = async (at: number, proposal: Proposal): Promise<void> => {
    context.signal.throwIfAborted()
    const parameters = tell(proposal)
    const { id, result } = await runOf(at, proposal, parameters)
    const done = result.status === 'succeeded' ? await scoreOf(services, result) : undefined
    if (result.status === 'cancelled') context.signal.throwIfAborted()
    const reason = (result.error as { readonly reason?: string } | undefined)?.reason ?? result.status
    const value = done?.value ?? null
    history[at] = {
      parameters: proposal.parameters,
      budget: proposal.budget,
      loss: value === null ? null : -worth(search.best, value, level),
    }
    records.push({
      trial: at + 1,
      run: id,
      parameters: proposal.parameters,
      share: proposal.budget,
      value,
      ...(value === null ? { reason } : {}),
    })
    const best = bestOf()
    context.progress(
      records.length / Math.max(history.length, search.trials ?? 1),
      `${records.length} trials${best ? `, best ${search.best} ${Number(best.value).toPrecision(4)}` : ''}`,
    )
  }
  const runOf = async (
    at: number,
    { parameters: values, budget: share }: Proposal,
    told: TrialParameters,
  ): Promise<{ readonly id: string; readonly result: RunResult }> => {
    const known = before.get(at + 1)
    if (known && (known.status === 'succeeded' || known.status === 'failed'))
      return { id: known.id, result: await endOf(services, known) }
    if (!context.run) throw new TypeError('a search runs in the process of its run')
    const id = known?.id ?? ulid()
    const own: TrialRun = { trial: at + 1, search: context.runId, of: name, values, share, best: search.best }
    const result = await context.run({
      runId: id,
      name: trialRunName(name),
      trigger: 'search',
      environment: { definition: definitionDigest(model), code: common.code },
      parameters: { ...own, frame, told, stepEnvironment: common.environment } as unknown as RunRecord['parameters'],
      steps: [trialStep(services, { common, frame, parameters: told, seed: seedOfTrainer(told.trainer) })],
    })
    await services.store.logBatch(id, {
      params: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)])),
    })
    return { id, result }
  }
  for (;;) {
    const batch: [number, Proposal][] = []
    while (batch.length < (search.method === 'tpe' ? together : Infinity)) {
      const next = propose(history)
      if (next === undefined || next === 'wait') break
      batch.push([history.length, next])
      history.push({ parameters: next.parameters, budget: next.budget })
    }
    if (batch.length === 0) break
    const work = batch.values()
    const worker = async (): Promise<void> => {
      for (const [at, proposal] of work) await tryOut(at, proposal)
    }
    await Promise.all(Array.from({ length: Math.min(batch.length, availableParallelism()) }, worker))
  }
  records.sort((a, b) => a.trial - b.trial)
  const best = bestOf()
  if (!best)
    throw fail('searchFailed', {
      model: name,
      trials: records.length,
      reason: records[0]?.reason ?? 'nothing was tried',
    })
  const winner: Winner = {
    kind: 'search winner',
    schema: 1,
    metric: search.best,
    value: best.value as number,
    trials: records.length,
    parameters: best.parameters,
  }
  context.metric(search.best, winner.value)
  return {
    outputs: {
      winner: await context.save('json', JSON.stringify(winner)),
      trials: await context.save('json', JSON.stringify(records)),
    },
    decisions: [decisionOf(model, winner, records, best, services.clock.now())],
  }
}

function decisionOf(
  { name, search }: Model & { readonly search: Search },
  winner: Winner,
  records: readonly TrialRecord[],
  best: TrialRecord,
  at: number,
): Decision {
  const failed = records.filter(one => one.value === null).length
  return {
    id: ulid(),
    kind: 'search',
    subject: `model ${name}`,
    at,
    verdict: 'chosen',
    reason: `${parametersInWords(winner.parameters)}: ${winner.metric} ${winner.value.toPrecision(4)} on the folds, the best of ${records.length} trials${failed === 0 ? '' : `, of which ${failed} failed`}`,
    rule: { name: 'search over folds', threshold: search.method, statistic: winner.metric, value: winner.value },
    inputs: { space: search.space as unknown as Json, parameters: winner.parameters as Json },
    evidence: [best.run],
    actor: 'system',
  }
}

/** Trials of this run that an earlier attempt began, by their number. */
async function begunBefore(
  { store }: Pick<StageServices, 'store'>,
  run: string,
  model: string,
): Promise<ReadonlyMap<number, RunRecord>> {
  const runs = await store.listRuns({ kind: 'pipeline', name: trialRunName(model) })
  return new Map(
    runs.flatMap(one => (one.parameters.search === run ? [[Number(one.parameters.trial), one] as const] : [])),
  )
}

async function endOf({ store }: Pick<StageServices, 'store'>, run: RunRecord): Promise<RunResult> {
  const steps = await store.listSteps(run.id)
  return { runId: run.id, status: run.status, steps, ...(run.error ? { error: run.error } : {}) }
}

async function scoreOf(
  { artifacts }: Pick<StageServices, 'artifacts'>,
  { steps }: RunResult,
): Promise<TrialScore | undefined> {
  const digest = steps[0]?.outputs?.score?.digest
  return digest && (JSON.parse(Buffer.from(await artifacts.get(digest)).toString()) as TrialScore)
}
