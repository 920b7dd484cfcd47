import type { NamedCondition, NamedValue } from './columns.ts'
import { declaring, type Common, type InputNames, type TestedModel } from './declaring.ts'
import { calibration, type CalibrationOptions, type CalibrationTest } from './kinds/calibration.ts'
import { fairness, type FairnessCriterion, type FairnessOptions, type FairnessTest } from './kinds/fairness.ts'
import { noLeak, type LeakOptions, type LeakTest } from './kinds/leak.ts'
import { metric, type MetricName, type MetricOptions, type MetricTest } from './kinds/metric.ts'
import {
  directional,
  invariant,
  monotone,
  type DirectionalOptions,
  type DirectionalTest,
  type InvariantOptions,
  type InvariantTest,
  type MonotoneOptions,
  type MonotoneTest,
} from './kinds/property.ts'
import {
  latency,
  size,
  type LatencyOptions,
  type LatencyTest,
  type SizeOptions,
  type SizeTest,
} from './kinds/service.ts'
import { slices, type SlicesOptions, type SlicesTest } from './kinds/slices.ts'

export { defaultLeakTest } from './kinds/leak.ts'
export type { MetricName, TestedModel }
export type {
  CalibrationTest,
  Common,
  DirectionalTest,
  FairnessCriterion,
  FairnessTest,
  InvariantTest,
  LatencyTest,
  LeakTest,
  MetricTest,
  MonotoneTest,
  SizeTest,
  SlicesTest,
}

/** A declared test of a trained model; each becomes one or more checks of the model's report. */
export type ModelTest =
  | MetricTest
  | LeakTest
  | MonotoneTest
  | InvariantTest
  | DirectionalTest
  | SlicesTest
  | FairnessTest
  | CalibrationTest
  | LatencyTest
  | SizeTest

/** What `m` is in `test: (m, c) => [m.metric('auc', { min: 0.66 })]`. */
export interface ModelTestBuilder<I> {
  /** A metric on the test set lies within bounds, or is not worse than the champion's on the same rows. */
  metric(metric: MetricName, options: MetricOptions): ModelTest
  /**
   * No input is the label or tells it alone, none numbers the rows, no test row stands among the training rows, and the whole
   * is not too good to be true. Every model is looked at so; declared, what is found refuses the version.
   */
  noLeak(options?: LeakOptions): ModelTest
  /** Raising the input alone never lowers (or raises) the score, on real rows along the quantiles of training. */
  monotone(input: InputNames<I>, direction: 'increasing' | 'decreasing', options?: MonotoneOptions): ModelTest
  /** Changing the input alone moves the score by at most `maxDelta`. */
  invariant(input: InputNames<I>, options?: InvariantOptions): ModelTest
  /** Adding `by` to the input moves the score up or down, never the other way. */
  directional(input: InputNames<I>, by: number, moves: 'up' | 'down', options?: DirectionalOptions): ModelTest
  /**
   * No slice is worse than it could be: shifting and stretching its scores, fitted on other rows of it, gains no more than the
   * tolerance. How hard a slice is does not count; that many are looked at does. A warning by default.
   */
  slices(options?: SlicesOptions): ModelTest
  /** Groups are called positive as often, rightly and wrongly, and scored as truly as the rest; a warning by default. */
  fairness(options: FairnessOptions): ModelTest
  /** Expected calibration error over 15 equal-mass bins; a warning by default. */
  calibration(options: CalibrationOptions): ModelTest
  /** Time in which one row is computed on this machine, after warm-up; what other programs take in between does not count. */
  latency(options: LatencyOptions): ModelTest
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
    slices: slices(d),
    fairness: fairness(d),
    calibration: calibration(d),
    latency: latency(d),
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
