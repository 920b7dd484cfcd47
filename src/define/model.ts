import { canonicalJson, type Json } from '../internal/canonical-json.ts'
import type { Task } from '../math/task.ts'
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
import { requestKeys, type FeatureSpec, type FeatureView } from './features.ts'
import {
  anything,
  builder,
  callback,
  definitionOf,
  listOf,
  members,
  numberBetween,
  oneOf,
  optional,
  text,
  type Form,
  type Forms,
} from './forms.ts'
import { checkName, definitionBrand, refuse, type Definition } from './named.ts'
import { modelTests, type ModelTest, type ModelTestBuilder } from './model-test/index.ts'
import type { Folds } from './folds.ts'
import {
  compileLearningCurve,
  learningCurveForm,
  type LearningCurve,
  type LearningCurveOptions,
} from './learning-curve.ts'
import { compileSearch, sampleTrainers, type Search, type SearchedTrainer } from './search.ts'
import { compileFolds, compileSplit, splitForm, type Split, type SplitOptions } from './split.ts'
import { isOwn, trainerForm, trainerRefusal, type Trainer } from './trainer.ts'
import { checkTask, classWeightsForm, type ClassWeights, nodeOf, weightOf } from './truth.ts'

type ModelInput =
  | NumberExpression<NumberType, boolean, string>
  | TextExpression<boolean, string>
  | BoolExpression<boolean, string>

export type ScaleKind = 'standard' | 'min-max' | 'robust' | 'none'
const scaleKinds: readonly string[] = ['standard', 'min-max', 'robust', 'none'] satisfies ScaleKind[]

/** One kind for every number, or a kind by input; inputs that are not named are `standard`. Texts are never scaled. */
export type Scale<I> =
  | ScaleKind
  | {
      readonly [K in keyof I & string]?: I[K] extends TextExpression<boolean, string> ? 'none' : ScaleKind
    }

export interface ModelOptions<C extends Columns, I extends Record<string, ModelInput>> {
  /**
   * What is predicted: `binary` a probability, `multiclass` one of each class, `regression` a number, `quantile` the value
   * that a share of the truths stays below, `count` a rate of events.
   */
  readonly task: Task
  /** Of `quantile`: which share of the truths is to stay below the prediction, such as 0.9. */
  readonly quantile?: number
  /** The dataset whose rows are predicted. */
  readonly from: Dataset<string, C>
  /**
   * The truth of a row: a condition for `binary`; a text, a number or a condition whose values are the classes for
   * `multiclass`; a number for the others, for `count` none below 0. Rows without one are left out.
   */
  readonly label: (
    c: ColumnExpressions<C>,
  ) => BoolExpression<boolean, string> | NumberExpression<NumberType, boolean, string> | TextExpression<boolean, string>
  /** How much each row counts in training and in metrics, 0 or more (default: all the same). */
  readonly weight?: (c: ColumnExpressions<C>) => NumberExpression<NumberType, boolean, string>
  /**
   * What rows of a class count besides: by class, or `'balanced'`, by which all classes count the same in training (default:
   * each row 1). In training only.
   */
  readonly classWeights?: ClassWeights
  /** Named inputs: expressions over columns known at the event, and features of views. Their order is the model's. */
  readonly inputs: (c: ColumnExpressions<C>) => I
  /** Feature views that the inputs use; their keys stand in columns of the dataset. */
  readonly features?: readonly FeatureView<Columns, Readonly<Record<string, FeatureSpec>>, NoInfer<keyof C & string>>[]
  /** Which rows train and which test. */
  readonly split: SplitOptions<C>
  /** How numbers are scaled (default `standard`): `'robust'`, or `{ distance: 'robust', hour: 'none' }`. */
  readonly scale?: Scale<NoInfer<I>>
  /**
   * Units of inputs by name, in words of one's own: `{ distance: 'km' }`. A version whose input is the champion's in another unit
   * is refused, unless the unit that stands here is another than the champion's.
   */
  readonly units?: { readonly [K in keyof NoInfer<I> & string]?: string }
  /** What it is fitted with: `gbt({ … })`, `linear({ … })`, `python('train.py', { … })`; `search({ … })` tries their options. */
  readonly train: Trainer | SearchedTrainer
  /** Probability from which a binary prediction is positive (default 0.5). */
  readonly threshold?: number
  /**
   * Draws what more rows would bring: the model is trained on growing shares of the training rows beside, and judged on a fold
   * of them; no test row is read (default: not drawn). `{}` takes the defaults.
   */
  readonly learningCurve?: LearningCurveOptions
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

export interface Model<C extends Columns = Columns, D extends string = string, T extends Task = Task>
  extends Definition {
  readonly task: T
  readonly from: Dataset
  /** Of `quantile` models. */
  readonly quantile: number | undefined
  readonly label: Node
  readonly weight: Node | undefined
  readonly classWeights: ClassWeights | undefined
  readonly inputs: readonly InputSpec[]
  readonly views: readonly FeatureView[]
  readonly split: Split
  /** One kind, or the kind of every input by name. */
  readonly scale: ScaleKind | Readonly<Record<string, ScaleKind>>
  /** Units of inputs, as far as they are named. */
  readonly units: Readonly<Record<string, string>> | undefined
  readonly trainer: Trainer
  /** How its options are searched. */
  readonly search: Search | undefined
  /** On which parts of the training rows trials and the learning curve are judged; where there is either. */
  readonly folds: Folds | undefined
  readonly learningCurve: LearningCurve | undefined
  readonly threshold: number
  readonly tests: readonly ModelTest[]
  readonly encryptWith: string | undefined
  readonly [requestColumns]?: Pick<RowOf<C>, D & keyof C & string>
}

/** Body of a prediction request: exactly the columns that the model's inputs read, and the keys of its features. */
export type RequestOf<M> = M extends { readonly [requestColumns]?: infer R } ? R : never

function checkTests(name: string, tests: readonly ModelTest[]): void {
  if (!Array.isArray(tests)) refuse('model', name, 'test must give a list of tests')
  const ids = new Set<string>()
  for (const [i, test] of (tests as readonly ModelTest[]).entries()) {
    if (typeof test?.kind !== 'string') refuse('model', name, `what test gives at ${i + 1} is no test of \`m\``)
    if (ids.has(test.id)) refuse('model', name, `two tests have the id '${test.id}': give one of them another`)
    ids.add(test.id)
  }
}

/** Each view under a name of its own, and its key in columns of the rows that are predicted. */
function checkViews(name: string, views: readonly FeatureView[], from: Pick<Dataset, 'name' | 'columns'>): void {
  for (const [i, view] of views.entries()) {
    if (views.findIndex(one => one.name === view.name) < i)
      refuse('model', name, `features has '${view.name}' twice: .as('…', { … }) gives a view in another role a name`)
    for (const { key, column } of requestKeys(view)) {
      const found = from.columns[column]
      const type = view.entity.keys[key]?.type
      if (!found)
        refuse('model', name, `${from.name} has no column '${column}', in which the key of ${view.name} stands`)
      if (found.type !== type)
        refuse(
          'model',
          name,
          `the key '${key}' of ${view.name} is ${type}, but '${column}' of ${from.name} is ${found.type}`,
        )
    }
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

const unitsForm: Form = {
  words: "an object of units, such as { distance: 'km' }, by the names of inputs",
  holds: value =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(text.holds),
}

const modelForms: Forms<ModelOptions<Columns, Record<string, ModelInput>>> = {
  task: oneOf('binary', 'multiclass', 'regression', 'quantile', 'count'),
  quantile: optional(numberBetween(0, 1)),
  from: definitionOf('dataset', 'a dataset'),
  label: callback,
  weight: optional(callback),
  classWeights: optional(classWeightsForm),
  inputs: callback,
  features: optional(listOf(definitionOf('features', 'a feature view'))),
  split: splitForm,
  scale: optional(anything),
  units: optional(unitsForm),
  train: trainerForm,
  threshold: optional(numberBetween(0, 1)),
  learningCurve: optional(learningCurveForm),
  test: optional(callback),
  encryptWith: optional(text),
}

const readsVector = (node: Node): boolean =>
  node.type === 'vector' || (node.op === 'call' && node.args.some(readsVector))

function declareModel<const C extends Columns, const I extends Record<string, ModelInput>, const T extends Task>(
  name: string,
  options: ModelOptions<C, I> & { readonly task: T },
): Model<C, ColumnsOfExpression<I[keyof I]>, T> {
  checkName('model', name)
  const { from } = options
  const expressions = columnsOfDataset<C>(from.columns)
  const label = nodeOf(name, 'label', options.label(expressions))
  checkTask(name, options, label)
  const inputs = Object.entries(options.inputs(expressions)).map(([input, made]) => ({
    name: input,
    node: nodeOf(name, `input '${input}'`, made),
    type: (made as Expression).node.type,
  }))
  if (inputs.length === 0) refuse('model', name, 'has no inputs')
  const views = options.features ?? []
  const ofMoments = views.find(view => view.from.eventTime !== undefined)
  if (ofMoments && from.eventTime === undefined)
    refuse(
      'model',
      name,
      `uses ${ofMoments.name}, whose features are as of a moment, and dataset ${from.name} has no eventTime`,
    )
  checkViews(name, views, from)
  const truth = canonicalJson(label as unknown as Json)
  for (const input of inputs) {
    if (canonicalJson(input.node as unknown as Json) === truth)
      refuse('model', name, `input '${input.name}' is the label itself: a leak`)
    if (input.type === 'timestamp')
      refuse('model', name, `input '${input.name}' is a timestamp: take its hour(), dayOfWeek() or minutesSince()`)
    if (readsVector(input.node))
      refuse('model', name, `input '${input.name}' reads a vector: models take numbers, texts and truth values`)
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
  for (const unit of Object.keys(options.units ?? {}))
    if (!inputs.some(one => one.name === unit && one.type !== 'text'))
      refuse('model', name, `units names '${unit}', which is no number among its inputs`)
  const searched = options.train.kind === 'search' ? options.train : undefined
  const trainer = options.train.kind === 'search' ? options.train.trainer : options.train
  const search = searched && compileSearch(name, searched, options.task)
  for (const one of [trainer, ...(searched ? sampleTrainers(searched.trainer, searched.search.space) : [])]) {
    const unfit = trainerRefusal(one, options.task, inputs)
    if (unfit !== undefined) refuse('model', name, unfit)
  }
  if (options.scale !== undefined && !isOwn(trainer))
    refuse('model', name, `scale has no effect: a ${trainer.kind} trainer scales by itself`)
  const { folds } = options.split
  const learningCurve = options.learningCurve && compileLearningCurve(options.learningCurve)
  if (learningCurve && trainer.kind === 'onnx')
    refuse('model', name, 'learningCurve has no effect: an onnx trainer takes a file and learns nothing')
  const judged = search !== undefined || learningCurve !== undefined
  if (folds !== undefined && !judged)
    refuse('model', name, 'split.folds has no effect: no search({ … }) judges trials on them, nor a learningCurve')
  const timed = from.eventTime !== undefined
  const split = compileSplit(name, options.split, { task: options.task, columns: expressions, timed })
  const tests = options.test?.(modelTests<I>(name, { task: options.task, inputs }), expressions) ?? []
  checkTests(name, tests)
  return {
    [definitionBrand]: 'model',
    name,
    task: options.task,
    from: from as unknown as Dataset,
    quantile: options.quantile,
    label,
    weight: options.weight && weightOf(name, options.weight(expressions)),
    classWeights: options.classWeights,
    inputs,
    views,
    split,
    scale: scaleOf(name, options.scale, inputs),
    units: options.units as Readonly<Record<string, string>> | undefined,
    trainer,
    search,
    folds: judged ? compileFolds(name, folds, { split, task: options.task, columns: expressions, timed }) : undefined,
    learningCurve,
    threshold: options.threshold ?? 0.5,
    tests,
    encryptWith: options.encryptWith,
  }
}

/** Declares a model: what it predicts, from which inputs, how it is split, scaled, trained and tested. */
export const model = builder('model', { name: text, options: members(modelForms) }, declareModel)
