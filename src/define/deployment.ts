import { micros, type Duration, type Micros } from '../internal/time.ts'
import type { Task } from '../math/task.ts'
import type { Columns } from './column.ts'
import type { Model } from './model.ts'
import {
  builder,
  definitionOf,
  duration,
  listOf,
  members,
  numberBetween,
  numberFrom,
  oneOf,
  optional,
  text,
  wholeFrom,
  type Form,
  type Forms,
} from './forms.ts'
import { checkName, definitionBrand, refuse, unknownColumn, type Definition } from './named.ts'
import { requestColumnNames } from './request.ts'

export type Percent = `${number}%`

export interface CanaryOptions {
  /** Shares of traffic, rising (default 1 %, 5 %, 20 %, 50 %). */
  readonly steps?: readonly Percent[]
  /** Whether known labels must, may or do not speak before promotion (default advisory). */
  readonly labels?: 'required' | 'advisory' | 'none'
  /** Least canary requests in a step (default 200). */
  readonly minRequests?: number
  /** A step that cannot be decided by then is held for a person (default 30m). */
  readonly maxWait?: Duration
  /** Chance of rolling back a healthy challenger by its errors and times, per rollout (default 0.01). */
  readonly alpha?: number
  /** Rows that both versions score before the challenger answers anybody; 0 goes without (default 1,000). */
  readonly shadowRows?: number
  /** How long the challenger takes all traffic before it is stable, with the way back open (default 1h). */
  readonly bake?: Duration
  /** Loss that the challenger may have more than stable, in shares of stable's, where labels promote (default 0.01). */
  readonly margin?: number
  /** Error rate of what labels say, half of it for rolling back and half for promoting (default 0.05). */
  readonly labelAlpha?: number
  /** How far good versions of this model disagree; more than twice of it holds (default 10 % of the labels of classifications). */
  readonly expected?: ExpectedDisagreement
  /** An answer that takes longer is slow, of whichever version (default none is). */
  readonly maxLatency?: Duration
  /** By how much longer the challenger may take than stable for most requests (default 0.15). */
  readonly slower?: number
  /** How long the challenger is waited for once stable has answered, or four times what stable took (default 1s). */
  readonly timeout?: Duration
  /** Bytes that the challenger may take beyond what it took when it was loaded (default 1 GiB). */
  readonly maxMemory?: number
}

export interface ExpectedDisagreement {
  /** Share of rows that two good versions decide differently. */
  readonly flipRate?: number
  /** Mean distance of the scores of two good versions. */
  readonly meanDifference?: number
}

export interface DeploymentOptions<C extends Columns, D extends string, T extends Task = Task> {
  /** The model whose versions are served. */
  readonly model: Model<C, D, T>
  /** How a new version comes to its traffic. */
  readonly canary?: CanaryOptions
  /** Column of the request whose value keeps a caller on one arm; by default, and where it is null, the request id. */
  readonly stickyBy?: D & keyof C & string
}

export interface Deployment<
  C extends Columns = Columns,
  D extends string = string,
  N extends string = string,
  T extends Task = Task,
> extends Definition {
  readonly name: N
  readonly model: Model<C, D, T>
  readonly canary: {
    /** Shares in [0, 1], rising. */
    readonly steps: readonly number[]
    readonly labels: 'required' | 'advisory' | 'none'
    readonly minRequests: number
    readonly maxWait: Micros
    readonly alpha: number
    readonly shadowRows: number
    readonly bake: Micros
    readonly margin: number
    readonly labelAlpha: number
    readonly expected: ExpectedDisagreement | null
    readonly maxLatency: Micros | null
    readonly slower: number
    readonly timeout: Micros
    readonly maxMemory: number
  }
  readonly stickyBy: string | undefined
}

const percent: Form = {
  words: "a share of traffic between 0 and 100 %, such as '5%'",
  holds: value => {
    const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)%$/.exec(value) : null
    return match !== null && Number(match[1]) > 0 && Number(match[1]) < 100
  },
}

const expectedForms: Forms<ExpectedDisagreement> = {
  flipRate: optional(numberFrom(0, 1)),
  meanDifference: optional(numberFrom(0)),
}

const canaryForms: Forms<CanaryOptions> = {
  steps: optional(listOf(percent, 1)),
  labels: optional(oneOf('required', 'advisory', 'none')),
  minRequests: optional(wholeFrom(1)),
  maxWait: optional(duration),
  alpha: optional(numberBetween(0, 0.5)),
  shadowRows: optional(wholeFrom(0)),
  bake: optional(duration),
  margin: optional(numberFrom(0)),
  labelAlpha: optional(numberBetween(0, 0.5)),
  expected: optional(members(expectedForms)),
  maxLatency: optional(duration),
  slower: optional(numberFrom(0)),
  timeout: optional(duration),
  maxMemory: optional(wholeFrom(2 ** 20)),
}

const deploymentForms: Forms<DeploymentOptions<Columns, string>> = {
  model: definitionOf('model', 'a model'),
  canary: optional(members(canaryForms)),
  stickyBy: optional(text),
}

function declareDeployment<const N extends string, C extends Columns, D extends string, T extends Task>(
  name: N,
  options: DeploymentOptions<C, D, T>,
): Deployment<C, D, N, T> {
  checkName('deployment', name)
  const canary = options.canary ?? {}
  const steps = (canary.steps ?? ['1%', '5%', '20%', '50%']).map(step => Number(step.slice(0, -1)) / 100)
  if (steps.some((share, i) => i > 0 && share <= (steps[i - 1] as number)))
    refuse('deployment', name, 'canary steps must rise')
  const { stickyBy } = options
  const columns = requestColumnNames(options.model as unknown as Model)
  if (stickyBy !== undefined && !columns.includes(stickyBy))
    refuse('deployment', name, `stickyBy ${unknownColumn(stickyBy, columns)}`)
  return {
    [definitionBrand]: 'deployment',
    name,
    model: options.model,
    canary: {
      steps,
      labels: canary.labels ?? 'advisory',
      minRequests: canary.minRequests ?? 200,
      maxWait: micros(canary.maxWait ?? '30m'),
      alpha: canary.alpha ?? 0.01,
      shadowRows: canary.shadowRows ?? 1_000,
      bake: micros(canary.bake ?? '1h'),
      margin: canary.margin ?? 0.01,
      labelAlpha: canary.labelAlpha ?? 0.05,
      expected: canary.expected ?? null,
      maxLatency: canary.maxLatency === undefined ? null : micros(canary.maxLatency),
      slower: canary.slower ?? 0.15,
      timeout: micros(canary.timeout ?? '1s'),
      maxMemory: canary.maxMemory ?? 2 ** 30,
    },
    stickyBy,
  }
}

/** Declares a served name: `stable` answers, a challenger enters through shadow and canary steps. */
export const deployment = builder('deployment', { name: text, options: members(deploymentForms) }, declareDeployment)
