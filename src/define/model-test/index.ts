import { declaring, type Common, type InputNames, type TestedModel } from './declaring.ts'
import { calibration, type CalibrationOptions, type CalibrationTest } from './kinds/calibration.ts'
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

export type { MetricName, TestedModel }
export type {
  CalibrationTest,
  Common,
  DirectionalTest,
  InvariantTest,
  LatencyTest,
  MetricTest,
  MonotoneTest,
  SizeTest,
  SlicesTest,
}

/** A declared test of a trained model; each becomes one or more checks of the model's report. */
export type ModelTest =
  | MetricTest
  | MonotoneTest
  | InvariantTest
  | DirectionalTest
  | SlicesTest
  | CalibrationTest
  | LatencyTest
  | SizeTest

/** What `m` is in `test: (m, c) => [m.metric('auc', { min: 0.66 })]`. */
export interface ModelTestBuilder<I> {
  /** A metric on the test set lies within bounds, or is not worse than the champion's on the same rows. */
  metric(metric: MetricName, options: MetricOptions): ModelTest
  /** Raising the input alone never lowers (or raises) the score, on real rows along the quantiles of training. */
  monotone(input: InputNames<I>, direction: 'increasing' | 'decreasing', options?: MonotoneOptions): ModelTest
  /** Changing the input alone moves the score by at most `maxDelta`. */
  invariant(input: InputNames<I>, options?: InvariantOptions): ModelTest
  /** Adding `by` to the input moves the score up or down, never the other way. */
  directional(input: InputNames<I>, by: number, moves: 'up' | 'down', options?: DirectionalOptions): ModelTest
  /** The weakest slice keeps a share of the overall metric; a warning by default. */
  slices(options?: SlicesOptions): ModelTest
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
    monotone: monotone(d),
    invariant: invariant(d),
    directional: directional(d),
    slices: slices(d),
    calibration: calibration(d),
    latency: latency(d),
    size: size(d),
  }
}
