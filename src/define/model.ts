import { canonicalJson, type Json } from '../internal/canonical-json.ts'
import { micros, type Duration, type Micros } from '../internal/time.ts'
import type { ColumnExpressions, Columns, RowOf } from './column.ts'
import { columnsOfDataset, type Dataset } from './dataset.ts'
import { columnsOf, type Node, type ScalarType } from './expression/node.ts'
import type {
  BoolExpression,
  ColumnsOfExpression,
  Expression,
  NumberExpression,
  NumberType,
  TextExpression,
} from './expression/types.ts'
import type { FeatureView } from './features.ts'
import {
  anything,
  builder,
  callback,
  definitionOf,
  duration,
  listOf,
  members,
  moment,
  numberBetween,
  oneOf,
  optional,
  text,
  type Forms,
} from './forms.ts'
import { checkName, definitionBrand, refuse, type Definition } from './named.ts'
import { modelTests, type ModelTest, type ModelTestBuilder } from './model-test/index.ts'
import type { Task } from '../math/task.ts'
import { trainerForm, trainerRefusal, type Trainer } from './trainer.ts'

type ModelInput =
  | NumberExpression<NumberType, boolean, string>
  | TextExpression<boolean, string>
  | BoolExpression<boolean, string>

/** By time: the newest `test` of the data is the test set, the `train` before it the training set. */
export interface TimeSplit {
  /** The one way there is. */
  readonly by: 'time'
  /** Length of the training span, which ends where the test span begins. */
  readonly train: Duration
  /** Length of the test span, the newest of the data. */
  readonly test: Duration
  /** End of the data used (default: the newest event). */
  readonly until?: string
}

export type ScaleKind = 'standard' | 'min-max' | 'robust' | 'none'
const scaleKinds: readonly string[] = ['standard', 'min-max', 'robust', 'none'] satisfies ScaleKind[]

/** One kind for every number, or a kind by input; inputs that are not named are `standard`. Texts are never scaled. */
export type Scale<I> =
  | ScaleKind
  | {
      readonly [K in keyof I & string]?: I[K] extends TextExpression<boolean, string> ? 'none' : ScaleKind
    }

export interface ModelOptions<C extends Columns, I extends Record<string, ModelInput>> {
  /** What is predicted: a probability, or a number. */
  readonly task: Task
  /** The dataset whose rows are predicted. */
  readonly from: Dataset<string, C>
  /** The truth of a row: a condition for `binary`, a number for `regression`. Rows without one are left out. */
  readonly label: (
    c: ColumnExpressions<C>,
  ) => BoolExpression<boolean, string> | NumberExpression<NumberType, boolean, string>
  /** Named inputs: expressions over columns known at the event, and features of views. Their order is the model's. */
  readonly inputs: (c: ColumnExpressions<C>) => I
  /** Feature views that the inputs use. */
  readonly features?: readonly FeatureView[]
  /** Which rows train and which test. */
  readonly split: TimeSplit
  /** How numbers are scaled (default `standard`): `'robust'`, or `{ distance: 'robust', hour: 'none' }`. */
  readonly scale?: Scale<NoInfer<I>>
  /** What it is fitted with: `gbt({ … })` or `linear({ … })`. */
  readonly train: Trainer
  /** Probability from which a binary prediction is positive (default 0.5). */
  readonly threshold?: number
  /** What must hold of a version before it is registered. */
  readonly test?: (m: ModelTestBuilder<NoInfer<I>>, c: ColumnExpressions<C>) => readonly ModelTest[]
  /** Key under which its training frame, its files and its baseline are encrypted at rest. */
  readonly encryptWith?: string
}

export interface InputSpec {
  readonly name: string
  readonly node: Node
  readonly type: ScalarType
}

declare const requestColumns: unique symbol

export interface Model<C extends Columns = Columns, D extends string = string> extends Definition {
  readonly task: Task
  readonly from: Dataset
  readonly label: Node
  readonly inputs: readonly InputSpec[]
  readonly views: readonly FeatureView[]
  readonly split: { readonly by: 'time'; readonly train: Micros; readonly test: Micros; readonly until?: string }
  /** One kind, or the kind of every input by name. */
  readonly scale: ScaleKind | Readonly<Record<string, ScaleKind>>
  readonly trainer: Trainer
  readonly threshold: number
  readonly tests: readonly ModelTest[]
  readonly encryptWith: string | undefined
  readonly [requestColumns]?: Pick<RowOf<C>, D & keyof C & string>
}

/** Body of a prediction request: exactly the columns that the model's inputs read, and the keys of its features. */
export type RequestOf<M> = M extends { readonly [requestColumns]?: infer R } ? R : never

/** The expression that a callback gave; anything else, such as a number, would be a constant that nobody meant. */
function nodeOf(model: string, what: string, made: unknown): Node {
  const node = (made as { readonly node?: Node } | null | undefined)?.node
  if (typeof node?.op !== 'string') refuse('model', model, `${what} is no expression over columns, such as c.distance`)
  return node
}

function checkTests(name: string, tests: readonly ModelTest[]): void {
  if (!Array.isArray(tests)) refuse('model', name, 'test must give a list of tests')
  const ids = new Set<string>()
  for (const [i, test] of (tests as readonly ModelTest[]).entries()) {
    if (typeof test?.kind !== 'string') refuse('model', name, `what test gives at ${i + 1} is no test of \`m\``)
    if (ids.has(test.id)) refuse('model', name, `two tests have the id '${test.id}': give one of them another`)
    ids.add(test.id)
  }
}

/** Every input with its kind, so that a declaration means the same whichever defaults it spells out. */
function scaleOf(
  name: string,
  scale: Scale<Record<string, unknown>> | undefined,
  inputs: readonly InputSpec[],
): Model['scale'] {
  if (scale === undefined) return 'standard'
  const known = (kind: string | undefined): ScaleKind =>
    kind !== undefined && scaleKinds.includes(kind)
      ? (kind as ScaleKind)
      : refuse('model', name, `there is no scale '${kind}': ${scaleKinds.join(', ')}`)
  if (typeof scale === 'string') return known(scale)
  const texts = new Set(inputs.filter(input => input.type === 'text').map(input => input.name))
  for (const [input, kind] of Object.entries(scale)) {
    if (!inputs.some(one => one.name === input)) refuse('model', name, `scale names '${input}', which is no input`)
    if (texts.has(input) && kind !== 'none') refuse('model', name, `input '${input}' is text and cannot be scaled`)
  }
  return Object.fromEntries(
    inputs.map(input => [input.name, texts.has(input.name) ? 'none' : known(scale[input.name] ?? 'standard')]),
  )
}

/** How each input of a model is scaled, in their order. */
export function scalesOf({
  scale,
  inputs,
}: {
  readonly scale: Model['scale']
  readonly inputs: readonly Pick<InputSpec, 'name'>[]
}): readonly ScaleKind[] {
  return inputs.map(input => (typeof scale === 'string' ? scale : (scale[input.name] ?? 'standard')))
}

const modelForms: Forms<ModelOptions<Columns, Record<string, ModelInput>>> = {
  task: oneOf('binary', 'regression'),
  from: definitionOf('dataset', 'a dataset'),
  label: callback,
  inputs: callback,
  features: optional(listOf(definitionOf('features', 'a feature view'))),
  split: members<TimeSplit>({ by: oneOf('time'), train: duration, test: duration, until: optional(moment) }),
  scale: optional(anything),
  train: trainerForm,
  threshold: optional(numberBetween(0, 1)),
  test: optional(callback),
  encryptWith: optional(text),
}

function declareModel<const C extends Columns, const I extends Record<string, ModelInput>>(
  name: string,
  options: ModelOptions<C, I>,
): Model<C, ColumnsOfExpression<I[keyof I]>> {
  checkName('model', name)
  const { from } = options
  if (from.eventTime === undefined)
    refuse('model', name, `dataset ${from.name} has no eventTime, which a split by time needs`)
  const expressions = columnsOfDataset<C>(from.columns)
  const label = nodeOf(name, 'label', options.label(expressions))
  if (options.task === 'binary' ? label.type !== 'bool' : label.type !== 'int' && label.type !== 'float')
    refuse('model', name, `a ${options.task} label cannot be ${label.type}`)
  const inputs = Object.entries(options.inputs(expressions)).map(([input, made]) => ({
    name: input,
    node: nodeOf(name, `input '${input}'`, made),
    type: (made as Expression).node.type,
  }))
  if (inputs.length === 0) refuse('model', name, 'has no inputs')
  const views = options.features ?? []
  const truth = canonicalJson(label as unknown as Json)
  for (const input of inputs) {
    if (canonicalJson(input.node as unknown as Json) === truth)
      refuse('model', name, `input '${input.name}' is the label itself: a leak`)
    if (input.type === 'timestamp')
      refuse('model', name, `input '${input.name}' is a timestamp: take its hour(), dayOfWeek() or minutesSince()`)
    for (const column of columnsOf(input.node)) {
      if (column.includes('.')) {
        const [view] = column.split('.') as [string]
        if (!views.some(one => one.name === view))
          refuse('model', name, `input '${input.name}' uses view '${view}', which is not in features: [...]`)
      } else if (from.knownAt[column])
        refuse('model', name, `input '${input.name}' reads '${column}', which is known only after the event: a leak`)
    }
  }
  if (options.task !== 'binary' && options.threshold !== undefined)
    refuse('model', name, 'threshold has no effect: it is of binary models')
  const unfit = trainerRefusal(options.train, options.task, inputs)
  if (unfit !== undefined) refuse('model', name, unfit)
  const tests = options.test?.(modelTests<I>(name, { task: options.task, inputs }), expressions) ?? []
  checkTests(name, tests)
  return {
    [definitionBrand]: 'model',
    name,
    task: options.task,
    from: from as unknown as Dataset,
    label,
    inputs,
    views,
    split: {
      by: 'time',
      train: micros(options.split.train),
      test: micros(options.split.test),
      ...(options.split.until ? { until: options.split.until } : {}),
    },
    scale: scaleOf(name, options.scale, inputs),
    trainer: options.train,
    threshold: options.threshold ?? 0.5,
    tests,
    encryptWith: options.encryptWith,
  }
}

/** Declares a model: what it predicts, from which inputs, how it is split, scaled, trained and tested. */
export const model = builder('model', { name: text, options: members(modelForms) }, declareModel)
