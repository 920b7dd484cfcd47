import type { Model } from '../../define/model.ts'
import type { Dataset } from '../../define/dataset.ts'
import type { StepContext, StepDefinition } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Spans } from '../features/frame.ts'

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

/** The step that searches a model's parameters. */
export const searchStepName = (model: Pick<Model, 'name'>): string => `search-${model.name}`
