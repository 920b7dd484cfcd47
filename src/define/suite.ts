import type { Task } from '../math/task.ts'
import { micros, type Duration, type Micros } from '../internal/time.ts'
import type { Node, ScalarType } from './expression/node.ts'
import type { BoolExpression } from './expression/types.ts'
import {
  builder,
  duration,
  members,
  numberFrom,
  oneOf,
  optional,
  text,
  wholeFrom,
  type Form,
  type Forms,
} from './forms.ts'
import { refuse } from './named.ts'
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
  /** Name that its results are kept under; by default its kind and input. */
  readonly id?: string
  /** What it means for the whole when it does not hold: `critical` refuses the version. */
  readonly severity?: Severity
}

interface MetricOptions extends Options {
  /** Least value on the test rows. */
  readonly min?: number
  /** Greatest value on the test rows. */
  readonly max?: number
  /** Compares with the champion on the same rows. */
  readonly notWorseThan?: 'champion'
  /** What it may lose against the champion, in units of the metric (default 0.005; of `rmse` and `mae` 0.5 % of the champion's). */
  readonly tolerance?: number
}

interface MonotoneOptions extends Options {
  /** Least share of the tried pairs of rows that must hold (default 1). */
  readonly mostly?: number
  /** What a score may move the wrong way (default 0.000001). */
  readonly slack?: number
}

interface InvariantOptions extends Options {
  /** What the score may move (default 0.01). */
  readonly maxDelta?: number
  /** Least share of the tried pairs of rows that must hold (default 1). */
  readonly mostly?: number
}

interface DirectionalOptions extends Options {
  /** Least share of the tried pairs of rows that must hold (default 1). */
  readonly mostly?: number
}

interface SlicesOptions extends Options {
  /** Conditions over columns, by name; without them the quartiles of each numeric input are the slices. */
  readonly of?: Readonly<Record<string, BoolExpression<boolean, string>>>
  /** Share of the overall quality that the weakest slice keeps (default 0.8). */
  readonly minShareOfOverall?: number
}

interface CalibrationOptions extends Options {
  /** Greatest expected calibration error, 0 to 1. */
  readonly maxEce: number
}

interface LatencyOptions extends Options {
  /** Greatest median, such as '200us'. */
  readonly p50?: Duration
  /** Greatest 99th percentile. */
  readonly p99?: Duration
}

interface SizeOptions extends Options {
  /** Greatest size of the ONNX file in bytes. */
  readonly maxBytes: number
}

/** What `m` is in `test: m => [m.metric('auc', { min: 0.66 })]`. */
export interface ModelTestBuilder<Input extends string> {
  /** A metric on the test set lies within bounds, or is not worse than the champion's on the same rows. */
  metric(metric: MetricName, options: MetricOptions): ModelTest
  /** Raising the input alone never lowers (or raises) the score, on real rows along the quantiles of training. */
  monotone(input: Input, direction: 'increasing' | 'decreasing', options?: MonotoneOptions): ModelTest
  /** Changing the input alone moves the score by at most `maxDelta`. */
  invariant(input: Input, options?: InvariantOptions): ModelTest
  /** Adding `by` to the input moves the score up or down, never the other way. */
  directional(input: Input, by: number, moves: 'up' | 'down', options?: DirectionalOptions): ModelTest
  /** The weakest slice keeps a share of the overall metric; a warning by default. */
  slices(options?: SlicesOptions): ModelTest
  /** Expected calibration error over 15 equal-mass bins; a warning by default. */
  calibration(options: CalibrationOptions): ModelTest
  /** Time in which one row is computed on this machine, after warm-up; what other programs take in between does not count. */
  latency(options: LatencyOptions): ModelTest
  /** Bytes of the model file. */
  size(options: SizeOptions): ModelTest
}

const conditions: Form = {
  words: 'conditions by name, at least one',
  holds: value =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).length > 0 &&
    Object.values(value).every(isCondition),
}

function isCondition(value: unknown): boolean {
  return (value as { readonly node?: Partial<Node> } | null)?.node?.type === 'bool'
}

const metricsOfTask: Readonly<Record<Task, readonly MetricName[]>> = {
  binary: ['auc', 'logLoss', 'brier', 'accuracy', 'ece'],
  multiclass: [],
  regression: ['rmse', 'mae', 'r2'],
  quantile: [],
  count: [],
}

const common: Forms<Options> = { id: optional(text), severity: optional(oneOf('critical', 'warning', 'info')) }
const share = numberFrom(0, 1)
const number = numberFrom(Number.NEGATIVE_INFINITY)
const forms = {
  metric: members<MetricOptions>({
    ...common,
    min: optional(number),
    max: optional(number),
    notWorseThan: optional(oneOf('champion')),
    tolerance: optional(numberFrom(0)),
  }),
  monotone: members<MonotoneOptions>({ ...common, mostly: optional(share), slack: optional(numberFrom(0)) }),
  invariant: members<InvariantOptions>({ ...common, mostly: optional(share), maxDelta: optional(numberFrom(0)) }),
  directional: members<DirectionalOptions>({ ...common, mostly: optional(share) }),
  slices: members<SlicesOptions>({ ...common, of: optional(conditions), minShareOfOverall: optional(share) }),
  calibration: members<CalibrationOptions>({ ...common, maxEce: share }),
  latency: members<LatencyOptions>({ ...common, p50: optional(duration), p99: optional(duration) }),
  size: members<SizeOptions>({ ...common, maxBytes: wholeFrom(1) }),
}

/** What a model is, as far as its tests must fit it. */
export interface TestedModel {
  readonly task: Task
  readonly inputs: readonly { readonly name: string; readonly type: ScalarType }[]
}

/** The builder of tests for a model. A test that would check nothing, or does not fit the task, is refused. */
export function modelTests<Input extends string>(name: string, { task, inputs }: TestedModel): ModelTestBuilder<Input> {
  const say = (test: string): string => `${name}: ${test}`
  const others = task === 'binary' ? 'regression' : 'binary'
  const numeric = inputs.filter(input => input.type !== 'text').map(input => input.name)
  const input: Form = {
    words: `an input that is a number: ${numeric.join(', ') || 'the model has none'}`,
    holds: value => numeric.includes(value as string),
  }
  const make = <F extends (...args: never[]) => ModelTest>(
    test: string,
    arguments_: Record<string, Form>,
    made: F,
  ): F => builder('model test', arguments_, made, say(test))
  const named = (id: string, options: Options | undefined, severity: Severity = 'critical'): Common => ({
    id: options?.id ?? id,
    severity: options?.severity ?? severity,
  })
  return {
    metric: make(
      'metric',
      { metric: oneOf(...metricsOfTask.binary, ...metricsOfTask.regression), options: forms.metric },
      (metric: MetricName, options: MetricOptions): ModelTest => {
        const { id: _id, severity: _severity, ...rest } = options
        if (metricsOfTask[others].includes(metric))
          refuse('model test', say(metric), `is of ${others} models; ${task} has ${metricsOfTask[task].join(', ')}`)
        if (rest.min === undefined && rest.max === undefined && rest.notWorseThan === undefined)
          refuse('model test', say(metric), 'checks nothing: it needs min, max or notWorseThan')
        if (rest.min !== undefined && rest.max !== undefined && rest.min > rest.max)
          refuse('model test', say(metric), `min ${rest.min} is greater than max ${rest.max}`)
        if (rest.tolerance !== undefined && rest.notWorseThan === undefined)
          refuse('model test', say(metric), 'tolerance has no effect without notWorseThan')
        return { kind: 'metric', metric, ...rest, ...named(metric, options) }
      },
    ),
    monotone: make(
      'monotone',
      { input, direction: oneOf('increasing', 'decreasing'), options: optional(forms.monotone) },
      (input: Input, direction: 'increasing' | 'decreasing', options?: MonotoneOptions): ModelTest => ({
        kind: 'monotone',
        input,
        direction,
        mostly: options?.mostly ?? 1,
        slack: options?.slack ?? 1e-6,
        ...named(`monotone-${input}`, options),
      }),
    ),
    invariant: make(
      'invariant',
      { input, options: optional(forms.invariant) },
      (input: Input, options?: InvariantOptions): ModelTest => ({
        kind: 'invariant',
        input,
        maxDelta: options?.maxDelta ?? 0.01,
        mostly: options?.mostly ?? 1,
        ...named(`invariant-${input}`, options),
      }),
    ),
    directional: make(
      'directional',
      { input, by: number, moves: oneOf('up', 'down'), options: optional(forms.directional) },
      (input: Input, by: number, moves: 'up' | 'down', options?: DirectionalOptions): ModelTest => {
        if (by === 0) refuse('model test', say('directional'), 'by 0 changes nothing')
        return {
          kind: 'directional',
          input,
          by,
          moves,
          mostly: options?.mostly ?? 1,
          ...named(`directional-${input}`, options),
        }
      },
    ),
    slices: make(
      'slices',
      { options: optional(forms.slices) },
      (options?: SlicesOptions): ModelTest => ({
        kind: 'slices',
        ...(options?.of
          ? { of: Object.entries(options.of).map(([name, where]) => ({ name, where: where.node })) }
          : {}),
        minShareOfOverall: options?.minShareOfOverall ?? 0.8,
        ...named('slices', options, 'warning'),
      }),
    ),
    calibration: make('calibration', { options: forms.calibration }, (options: CalibrationOptions): ModelTest => {
      if (task !== 'binary') refuse('model test', say('calibration'), 'is of binary models, which give probabilities')
      return { kind: 'calibration', maxEce: options.maxEce, ...named('calibration', options, 'warning') }
    }),
    latency: make('latency', { options: forms.latency }, (options: LatencyOptions): ModelTest => {
      if (options.p50 === undefined && options.p99 === undefined)
        refuse('model test', say('latency'), 'checks nothing: it needs p50 or p99')
      return {
        kind: 'latency',
        ...(options.p50 ? { p50Micros: micros(options.p50) } : {}),
        ...(options.p99 ? { p99Micros: micros(options.p99) } : {}),
        ...named('latency', options),
      }
    }),
    size: make(
      'size',
      { options: forms.size },
      (options: SizeOptions): ModelTest => ({
        kind: 'size',
        maxBytes: options.maxBytes,
        ...named('size', options),
      }),
    ),
  }
}
