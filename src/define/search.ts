import { isMillraceError } from '../errors/index.ts'
import { metricNames, type MetricName, metricsOfTask } from '../math/metrics/catalogue.ts'
import {
  checkSpace,
  type Parameter,
  type Parameters,
  type ParameterValue,
  type Space,
  sizeOf,
  valueAt,
} from '../math/search/index.ts'
import type { Task } from '../math/task.ts'
import { builder, numberBetween, numberFrom, oneOf, optional, variants, wholeFrom, type Form } from './forms.ts'
import { refuse } from './named.ts'
import type { ProgramTrainer } from './script-trainer.ts'
import { gbt, isOwn, linear, type OwnTrainer } from './trainer.ts'

/** Numbers between two ends, both included. */
export interface SearchRange {
  /** The least. */
  readonly from: number
  /** The greatest. */
  readonly to: number
  /** `'log'` tries as many values between 0.01 and 0.1 as between 0.1 and 1 (default `'linear'`). */
  readonly scale?: 'linear' | 'log'
  /** Whole numbers only (default: where the option takes no others; of a program where both ends are whole). */
  readonly whole?: boolean
}

interface SearchTarget {
  /** What is trained; its options are those of every trial, but for what is searched. */
  readonly trainer: OwnTrainer | ProgramTrainer
  /** What is tried of each option, or of each parameter of a program: a range, or a list of values. */
  readonly space: Readonly<Record<string, SearchRange | readonly ParameterValue[]>>
  /** The metric that decides (default: log loss, RMSE, pinball loss or Poisson deviance, by the task). */
  readonly best?: MetricName
}

interface Drawn extends SearchTarget {
  /** How many combinations are tried. */
  readonly trials: number
  /** Seed of what is drawn (default 0). */
  readonly seed?: number
}

/** Every combination. */
export interface GridSearch extends SearchTarget {
  /** `'grid'`. */
  readonly method: 'grid'
  /** Evenly spread values of each range, ends included (default 5). */
  readonly points?: number
}

/** Combinations by chance. */
export interface RandomSearch extends Drawn {
  /** `'random'`. */
  readonly method: 'random'
}

/** Many combinations on few rows, of which the best go on with more: successive halving. */
export interface HalvingSearch extends Drawn {
  /** `'halving'`. */
  readonly method: 'halving'
  /** Of how many one goes on, with as many times the rows (default 3). */
  readonly eta?: number
  /** Share of the training rows that every combination begins with (default 1/9). */
  readonly minShare?: number
}

/** Combinations like those that were good: a tree of Parzen estimators. */
export interface TpeSearch extends Drawn {
  /** `'tpe'`. */
  readonly method: 'tpe'
}

export type SearchOptions = GridSearch | RandomSearch | HalvingSearch | TpeSearch

/** How parameters are searched, as a model carries it: plain data. */
export interface Search {
  readonly method: SearchOptions['method']
  readonly space: Space
  readonly best: MetricName
  readonly seed: number
  readonly trials?: number
  readonly points?: number
  readonly eta?: number
  readonly minShare?: number
}

/** A trainer whose options are searched. */
export interface SearchedTrainer {
  readonly kind: 'search'
  readonly trainer: OwnTrainer | ProgramTrainer
  readonly search: Omit<Search, 'best'> & { readonly best: MetricName | undefined }
}

const searchable: readonly unknown[] = ['gbt', 'linear', 'python', 'typescript', 'command', 'container']
const trainerForm: Form = {
  words: "a trainer that has options to search, such as gbt({ … }) or python('train.py', { … })",
  holds: value => searchable.includes((value as { readonly kind?: unknown } | null)?.kind),
}
const isValue = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
const rangeKeys: readonly string[] = ['from', 'to', 'scale', 'whole'] satisfies (keyof SearchRange)[]
function isRange(value: unknown): value is SearchRange {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { from, to, scale, whole } = value as Partial<Record<keyof SearchRange, unknown>>
  return (
    Object.keys(value).every(key => rangeKeys.includes(key)) &&
    typeof from === 'number' &&
    typeof to === 'number' &&
    (scale === undefined || scale === 'linear' || scale === 'log') &&
    (whole === undefined || typeof whole === 'boolean')
  )
}
const spaceForm: Form = {
  words:
    "an object of ranges, such as { from: 0.01, to: 0.3, scale: 'log' }, and lists of values, by the name of an option",
  holds: value =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).length > 0 &&
    Object.values(value).every(one => isRange(one) || (Array.isArray(one) && one.length > 0 && one.every(isValue))),
}

/** Most trials of a search. */
const maxTrials = 2_000
const searched = { trainer: trainerForm, space: spaceForm, best: optional(oneOf(...metricNames)) }
const drawn = { ...searched, trials: wholeFrom(1, maxTrials), seed: optional(wholeFrom(0)) }
const searchForm = variants<SearchOptions, 'method'>('method', {
  grid: { ...searched, points: optional(wholeFrom(1, 1000)) },
  random: drawn,
  halving: { ...drawn, eta: optional(numberFrom(1.5, 100)), minShare: optional(numberBetween(0, 1)) },
  tpe: drawn,
})

/** A trainer with other values of its options. Throws `invalidDefinition` where it takes none such. */
export function withParameters<T extends OwnTrainer | ProgramTrainer>(trainer: T, values: Parameters): T {
  const one: OwnTrainer | ProgramTrainer = trainer
  if (!isOwn(one)) return { ...trainer, params: { ...one.params, ...values } }
  const { kind, ...options } = one
  const changed = { ...options, ...values } as never
  return (kind === 'gbt' ? gbt(changed) : linear(changed)) as T
}

/** Why a trainer does not take a value of an option; undefined where it does. */
function whyNot(trainer: OwnTrainer | ProgramTrainer, name: string, value: ParameterValue): string | undefined {
  if (!isOwn(trainer))
    return /^[A-Za-z_][\w-]*$/.test(name) ? undefined : `'${name}' is no name of a parameter: letters, digits, - and _`
  try {
    withParameters(trainer, { [name]: value })
    return undefined
  } catch (error) {
    if (!isMillraceError(error)) throw error
    return String(error.details.reason)
  }
}

/** What is tried of one option, as the search draws it. */
function parameterOf(
  trainer: OwnTrainer | ProgramTrainer,
  name: string,
  given: SearchRange | readonly ParameterValue[],
): Parameter {
  if (Array.isArray(given)) return { kind: 'choice', values: given as readonly ParameterValue[] }
  const { from, to, scale, whole } = given as SearchRange
  const ends = Number.isSafeInteger(from) && Number.isSafeInteger(to)
  // An option that takes both ends and nothing between them takes whole numbers
  const onlyWhole = isOwn(trainer)
    ? ends &&
      whyNot(trainer, name, from) === undefined &&
      whyNot(trainer, name, (from + Math.min(to, from + 1)) / 2) !== undefined
    : ends
  return { kind: (whole ?? onlyWhole) ? 'whole' : 'number', from, to, ...(scale ? { scale } : {}) }
}

/** Values of a parameter that stand for all of them: every choice, the ends and what lies between. */
const samplesOf = (parameter: Parameter): readonly ParameterValue[] =>
  parameter.kind === 'choice' ? parameter.values : [0, 0.37, 1].map(place => valueAt(parameter, place))

/** One combination for each value that stands for others, beside the trainer's own options. */
export function sampleTrainers<T extends OwnTrainer | ProgramTrainer>(trainer: T, space: Space): readonly T[] {
  return Object.entries(space).flatMap(([name, parameter]) =>
    samplesOf(parameter).map(value => withParameters(trainer, { [name]: value })),
  )
}

function declareSearch(options: SearchOptions): SearchedTrainer {
  const { method, trainer, space: given, best, ...rest } = options
  const space: Space = Object.fromEntries(
    Object.entries(given).map(([name, one]) => [name, parameterOf(trainer, name, one)]),
  )
  try {
    checkSpace(space)
  } catch (error) {
    refuse('trainer', 'search', `space: ${(error as RangeError).message}`)
  }
  for (const [name, parameter] of Object.entries(space))
    for (const value of samplesOf(parameter)) {
      const reason = whyNot(trainer, name, value)
      if (reason !== undefined) refuse('trainer', 'search', `space.${name}: ${trainer.kind} ${reason}`)
    }
  if (options.method === 'grid') {
    const { points = 5 } = options
    const all = Object.values(space).reduce(
      (product, one) => product * (one.kind === 'choice' ? sizeOf(one) : Math.min(points, sizeOf(one))),
      1,
    )
    if (all > maxTrials)
      refuse(
        'trainer',
        'search',
        `its grid has ${all.toLocaleString('en-US')} combinations, more than ${maxTrials.toLocaleString('en-US')}`,
      )
  }
  return { kind: 'search', trainer, search: { method, space, best, seed: 0, ...rest } }
}

/**
 * Tries combinations of a trainer's options on the folds of the training rows, and trains the best on all of them:
 * `search({ method: 'tpe', trials: 30, trainer: gbt({ trees: 200 }), space: { depth: { from: 2, to: 8 } } })`.
 */
export const search = builder('trainer', { options: searchForm }, declareSearch, 'search')

/** The loss of each task: what decides where nothing is said. */
export const lossOfTask: Readonly<Record<Task, MetricName>> = {
  binary: 'logLoss',
  multiclass: 'logLoss',
  regression: 'rmse',
  quantile: 'pinball',
  count: 'poissonDeviance',
}

/** The search of a model, with the metric that decides. Throws `invalidDefinition` where the task has no such metric. */
export function compileSearch(model: string, { search: { best, ...rest } }: SearchedTrainer, task: Task): Search {
  if (best !== undefined && !metricsOfTask[task].includes(best))
    refuse('model', model, `searches the best ${best}, which a ${task} task has not: ${metricsOfTask[task].join(', ')}`)
  return { ...rest, best: best ?? lossOfTask[task] }
}
