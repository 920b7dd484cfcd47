import type { Expression } from '../expression/types.ts'
import type { NamedCondition, NamedValue } from './columns.ts'
import { declaring, type Common, type InputNames, type TestedModel } from './declaring.ts'
import { calibration, type CalibrationTestOptions, type CalibrationTest } from './kinds/calibration.ts'
import { fairness, type FairnessCriterion, type FairnessOptions, type FairnessTest } from './kinds/fairness.ts'
import { noLeak, type LeakOptions, type LeakTest } from './kinds/leak.ts'
import {
  beatsSimpleModel,
  fresh,
  overfit,
  type FreshOptions,
  type FreshTest,
  type OverfitOptions,
  type OverfitTest,
  type SimpleModelOptions,
  type SimpleModelTest,
} from './kinds/comparison.ts'
import { metric, type MetricName, type MetricOptions, type MetricTest } from './kinds/metric.ts'
import {
  directional,
  invariant,
  matters,
  monotone,
  stable,
  type Change,
  type DirectionalOptions,
  type DirectionalTest,
  type InputValue,
  type InvariantOptions,
  type InvariantTest,
  type MattersOptions,
  type MattersTest,
  type MonotoneOptions,
  type MonotoneTest,
  type PropertyTest,
  type StableOptions,
  type StableTest,
} from './kinds/property.ts'
import { relation, type RelationOptions, type RelationTest } from './kinds/relation.ts'
import {
  latency,
  memory,
  size,
  type LatencyOptions,
  type LatencyTest,
  type MemoryOptions,
  type MemoryTest,
  type SizeOptions,
  type SizeTest,
} from './kinds/service.ts'
import { slices, type SlicesOptions, type SlicesTest } from './kinds/slices.ts'

export { defaultLeakTest } from './kinds/leak.ts'
export { scoreAfter, scoreBefore } from './kinds/relation.ts'
export type { Change, InputValue, MetricName, TestedModel }
export type {
  CalibrationTest,
  Common,
  DirectionalTest,
  FairnessCriterion,
  FairnessTest,
  FreshTest,
  InvariantTest,
  LatencyTest,
  LeakTest,
  MattersTest,
  MemoryTest,
  MetricTest,
  MonotoneTest,
  OverfitTest,
  PropertyTest,
  RelationTest,
  SimpleModelTest,
  SizeTest,
  SlicesTest,
  StableTest,
}

/** A declared test of a trained model; each becomes one or more checks of the model's report. */
export type ModelTest =
  | MetricTest
  | LeakTest
  | PropertyTest
  | RelationTest
  | SlicesTest
  | FairnessTest
  | CalibrationTest
  | SimpleModelTest
  | OverfitTest
  | FreshTest
  | LatencyTest
  | MemoryTest
  | SizeTest

/** The inputs of a model as expressions; of names alone any. */
type InputsOf<I> = I extends string ? Readonly<Record<I, Expression>> : I

/** What `m` is in `test: (m, c) => [m.metric('auc', { min: 0.66 })]`. */
export interface ModelTestBuilder<I> {
  /** A metric on the test set lies within bounds, or is not worse than the champion's on the same rows. */
  metric(metric: MetricName, options: MetricOptions): ModelTest
  /**
   * No input is the label or tells it alone, none numbers the rows, no test row stands among the training rows, and the whole
   * is not too good to be true. Every model is looked at so; declared, what is found refuses the version.
   */
  noLeak(options?: LeakOptions): ModelTest
  /** Raising the inputs, all else equal, never lowers (or raises) the score. */
  monotone(
    input: InputNames<I> | readonly InputNames<I>[],
    direction: 'increasing' | 'decreasing',
    options?: MonotoneOptions,
  ): ModelTest
  /** Setting the inputs to any other values, missing ones too where training had them, moves the score by at most `maxDelta`. */
  invariant(input: InputNames<I> | readonly InputNames<I>[], options?: InvariantOptions): ModelTest
  /** Adding to a number, or setting an input from one value to another, moves the score up or down, never the other way. */
  directional(
    input: InputNames<I>,
    change: number | Change,
    moves: 'up' | 'down',
    options?: DirectionalOptions,
  ): ModelTest
  /** The score moves by at least `least` on average as the inputs take the values of training: an input that must matter does. */
  matters(input: InputNames<I> | readonly InputNames<I>[], options?: MattersOptions): ModelTest
  /** A little noise on the numbers moves the score by at most `maxDelta`. */
  stable(options?: StableOptions<InputNames<I>>): ModelTest
  /** A relation between the scores of a row and of what becomes of it, both by expressions. */
  relation(name: string, options: RelationOptions<InputsOf<I>>): ModelTest
  /**
   * No slice is worse than it could be: shifting and stretching its scores, fitted on other rows of it, gains no more than the
   * tolerance. How hard a slice is does not count; that many are looked at does. A warning by default.
   */
  slices(options?: SlicesOptions): ModelTest
  /** Groups are called positive as often, rightly and wrongly, and scored as truly as the rest; a warning by default. */
  fairness(options: FairnessOptions): ModelTest
  /** Scores are as often right as they say, over 15 equal-mass bins and in slope; a warning by default. */
  calibration(options: CalibrationTestOptions): ModelTest
  /** The model is better than the base rate and than the best model of one input alone, on the same rows. */
  beatsSimpleModel(options?: SimpleModelOptions): ModelTest
  /** It is not much better on the rows that it was trained with than on others; a warning by default. */
  overfit(options?: OverfitOptions): ModelTest
  /** The newest row that it was made and tested with is not too old. */
  fresh(options: FreshOptions): ModelTest
  /** Time in which one row is computed on this machine, after warm-up; what other programs take in between does not count. */
  latency(options: LatencyOptions): ModelTest
  /** Memory that the process grows by as it computes: a model that keeps what it is given is found. */
  memory(options: MemoryOptions): ModelTest
  /** Bytes of the model file. */
  size(options: SizeOptions): ModelTest
}

/** The builder of tests for a model. A test that would check nothing, or does not fit the task, is refused. */
export function modelTests<I>(name: string, model: TestedModel): ModelTestBuilder<I> {
  const d = declaring(name, model)
  return {
    metric: metric(d),
    noLeak: noLeak(d),
    monotone: monotone(d),
    invariant: invariant(d),
    directional: directional(d),
    matters: matters(d),
    stable: stable(d),
    relation: relation(d) as never,
    slices: slices(d),
    fairness: fairness(d),
    calibration: calibration(d),
    beatsSimpleModel: beatsSimpleModel(d),
    overfit: overfit(d),
    fresh: fresh(d),
    latency: latency(d),
    memory: memory(d),
    size: size(d),
  }
}

/** What the training frame carries for tests beside the inputs, each once. */
export function testColumns(tests: readonly ModelTest[]): {
  readonly conditions: readonly NamedCondition[]
  readonly values: readonly NamedValue[]
} {
  const once = <T extends { readonly name: string }>(list: readonly T[]): T[] => [
    ...new Map(list.map(one => [one.name, one])).values(),
  ]
  return {
    conditions: once(tests.flatMap(test => (test.kind === 'slices' ? (test.of ?? []) : []))),
    values: once(tests.flatMap(test => (test.kind === 'slices' || test.kind === 'fairness' ? (test.by ?? []) : []))),
  }
}
