import type { Model } from '../../define/model.ts'
import type { Dataset } from '../../define/dataset.ts'
import type { StepContext, StepDefinition } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import type { ArtifactRef } from '../../ports/metadata-store.ts'
import { snapshotSql } from '../features/frame.ts'
import type { Spans } from '../features/spans.ts'
import { datasetStepName } from './validation.ts'
import { withLog, type DatasetRows } from '../log/dataset-rows.ts'

export interface ModelRunOptions {
  /** Overrides the declared split, for retraining up to a moment. */
  readonly spans?: Spans
  /** Why the run started, kept with the version. */
  readonly trigger: string
  /** Facts of the run for the version's record: commit, lockfile, … */
  readonly facts: Readonly<Record<string, Json>>
}

/** What all built-in steps share in their cache keys. */
export type Common = Pick<StepDefinition, 'code' | 'environment' | 'runsIn'>

/** The logs of a model's datasets as they were when its run was planned, by dataset; those in which nothing is are not there. */
export type Logs = ReadonlyMap<string, ArtifactRef>

/** The inputs that a step reads its datasets from: their snapshots, and the logs over them. */
export function datasetInputs(
  datasets: readonly Dataset[],
  logs: Logs,
  named: (dataset: string) => string = name => name,
): StepDefinition['inputs'] {
  return Object.fromEntries(
    datasets.flatMap((dataset): [string, StepDefinition['inputs'][string]][] => {
      const { name } = dataset
      const log = logs.get(name)
      return [
        [named(name), from(datasetStepName(dataset), 'data')],
        ...(log ? [[`log:${name}`, { from: log }] as [string, StepDefinition['inputs'][string]]] : []),
      ]
    }),
  )
}

/** The rows of a dataset as the inputs of a step have them. */
export async function rowsOfInput(
  context: StepContext,
  engine: DataEngine,
  dataset: Dataset,
  name = dataset.name,
): Promise<DatasetRows> {
  const snapshot = await snapshotSql(engine, await input(context, name).path())
  const log = context.inputs[`log:${dataset.name}`]
  if (!log) return { sql: snapshot }
  const { sql } = await engine.scan({ kind: 'parquet', path: await log.path() }, '/')
  return withLog(engine, dataset, snapshot, `SELECT * FROM ${sql}`)
}

/** An input that is another step's output. */
export const from = (
  step: string,
  output: string,
): { readonly from: { readonly step: string; readonly output: string } } => ({ from: { step, output } })

export function input(context: StepContext, name: string): StepContext['inputs'][string] {
  const found = context.inputs[name]
  if (!found) throw new TypeError(`the step has no input ${name}`)
  return found
}

/** The dataset of a model and those of its views, each once. */
export function datasetsOf(model: Model): Dataset[] {
  return [...new Map([model.from, ...model.views.map(view => view.from)].map(one => [one.name, one])).values()]
}

/** The step that measures a model's learning curve. */
export const curveStepName = (model: Pick<Model, 'name'>): string => `curve-${model.name}`

/** The step that searches a model's parameters. */
export const searchStepName = (model: Pick<Model, 'name'>): string => `search-${model.name}`
