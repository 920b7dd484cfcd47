import { micros, type Duration, type Micros } from '../internal/time.ts'
import type { Node } from './expression/node.ts'
import type { BoolExpression } from './expression/types.ts'
import type { Severity } from './report.ts'

export type MetricName = 'auc' | 'logLoss' | 'brier' | 'accuracy' | 'ece' | 'rmse' | 'mae' | 'r2'

interface Common {
  readonly id: string
  readonly severity: Severity
}

/** A declared test of a trained model; each becomes one or more checks of the model's report. */
export type ModelTest = Common &
  (
    | {
        readonly kind: 'metric'
        readonly metric: MetricName
        readonly min?: number
        readonly max?: number
        readonly notWorseThan?: 'champion'
        readonly tolerance?: number
      }
    | {
        readonly kind: 'monotone'
        readonly input: string
        readonly direction: 'increasing' | 'decreasing'
        readonly mostly: number
        readonly slack: number
      }
    | { readonly kind: 'invariant'; readonly input: string; readonly maxDelta: number; readonly mostly: number }
    | {
        readonly kind: 'directional'
        readonly input: string
        readonly by: number
        readonly moves: 'up' | 'down'
        readonly mostly: number
      }
    | { readonly kind: 'golden'; readonly tolerance: number }
    | {
        readonly kind: 'slices'
        readonly of?: readonly { readonly name: string; readonly where: Node }[]
        readonly minShareOfOverall: number
      }
    | { readonly kind: 'calibration'; readonly maxEce: number }
    | { readonly kind: 'latency'; readonly p50Micros?: Micros; readonly p99Micros?: Micros }
    | { readonly kind: 'size'; readonly maxBytes: number }
  )

interface Options {
  readonly id?: string
  readonly severity?: Severity
}

/** What `m` is in `test: m => [m.metric('auc', { min: 0.66 })]`. */
export interface ModelTestBuilder<Input extends string> {
  /** On the test set. `notWorseThan: 'champion'` compares both on the same rows; `tolerance` (default 0.005) is what it may lose. */
  metric(
    metric: MetricName,
    options: {
      readonly min?: number
      readonly max?: number
      readonly notWorseThan?: 'champion'
      readonly tolerance?: number
    } & Options,
  ): ModelTest
  /** Raising the input alone never lowers (or raises) the score, on real rows along the quantiles of training. */
  monotone(
    input: Input,
    direction: 'increasing' | 'decreasing',
    options?: { readonly mostly?: number; readonly slack?: number } & Options,
  ): ModelTest
  /** Changing the input alone moves the score by at most `maxDelta`. */
  invariant(input: Input, options?: { readonly maxDelta?: number; readonly mostly?: number } & Options): ModelTest
  /** Adding `by` to the input moves the score up or down, never the other way. */
  directional(
    input: Input,
    by: number,
    moves: 'up' | 'down',
    options?: { readonly mostly?: number } & Options,
  ): ModelTest
  /** The weakest slice keeps at least this share of the overall metric (default 0.8); slices are searched over the inputs. */
  slices(
    options?: {
      readonly of?: Readonly<Record<string, BoolExpression<boolean, string>>>
      readonly minShareOfOverall?: number
    } & Options,
  ): ModelTest
  /** Expected calibration error over 15 equal-mass bins. */
  calibration(options: { readonly maxEce: number } & Options): ModelTest
  /** Time in which one row is computed on this machine, after warm-up; what other programs take in between does not count. */
  latency(options: { readonly p50?: Duration; readonly p99?: Duration } & Options): ModelTest
  size(options: { readonly maxBytes: number } & Options): ModelTest
}

export function modelTests<Input extends string>(): ModelTestBuilder<Input> {
  const common = (kind: string, options: Options | undefined, severity: Severity = 'critical'): Common => ({
    id: options?.id ?? kind,
    severity: options?.severity ?? severity,
  })
  return {
    metric: (metric, { id, severity, ...rest }) => ({
      kind: 'metric',
      metric,
      ...rest,
      ...common(metric, { ...(id ? { id } : {}), ...(severity ? { severity } : {}) }),
    }),
    monotone: (input, direction, options) => ({
      kind: 'monotone',
      input,
      direction,
      mostly: options?.mostly ?? 1,
      slack: options?.slack ?? 1e-6,
      ...common(`monotone-${input}`, options),
    }),
    invariant: (input, options) => ({
      kind: 'invariant',
      input,
      maxDelta: options?.maxDelta ?? 0.01,
      mostly: options?.mostly ?? 1,
      ...common(`invariant-${input}`, options),
    }),
    directional: (input, by, moves, options) => ({
      kind: 'directional',
      input,
      by,
      moves,
      mostly: options?.mostly ?? 1,
      ...common(`directional-${input}`, options),
    }),
    slices: options => ({
      kind: 'slices',
      ...(options?.of ? { of: Object.entries(options.of).map(([name, where]) => ({ name, where: where.node })) } : {}),
      minShareOfOverall: options?.minShareOfOverall ?? 0.8,
      ...common('slices', options, 'warning'),
    }),
    calibration: options => ({
      kind: 'calibration',
      maxEce: options.maxEce,
      ...common('calibration', options, 'warning'),
    }),
    latency: options => ({
      kind: 'latency',
      ...(options.p50 ? { p50Micros: micros(options.p50) } : {}),
      ...(options.p99 ? { p99Micros: micros(options.p99) } : {}),
      ...common('latency', options),
    }),
    size: options => ({ kind: 'size', maxBytes: options.maxBytes, ...common('size', options) }),
  }
}
