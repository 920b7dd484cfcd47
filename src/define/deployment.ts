import { micros, type Duration, type Micros } from '../internal/time.ts'
import type { Columns } from './column.ts'
import type { Model } from './model.ts'
import {
  builder,
  definitionOf,
  duration,
  listOf,
  members,
  numberBetween,
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
  /** Chance of rolling back a healthy challenger, per rollout (default 0.01). */
  readonly alpha?: number
}

export interface DeploymentOptions<C extends Columns, D extends string> {
  /** The model whose versions are served. */
  readonly model: Model<C, D>
  /** How a new version comes to its traffic. */
  readonly canary?: CanaryOptions
  /** Column of the request whose value keeps a caller on one arm; by default, and where it is null, the request id. */
  readonly stickyBy?: D & keyof C & string
}

export interface Deployment<C extends Columns = Columns, D extends string = string> extends Definition {
  readonly model: Model<C, D>
  readonly canary: {
    /** Shares in [0, 1], rising. */
    readonly steps: readonly number[]
    readonly labels: 'required' | 'advisory' | 'none'
    readonly minRequests: number
    readonly maxWait: Micros
    readonly alpha: number
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

const canaryForms: Forms<CanaryOptions> = {
  steps: optional(listOf(percent, 1)),
  labels: optional(oneOf('required', 'advisory', 'none')),
  minRequests: optional(wholeFrom(1)),
  maxWait: optional(duration),
  alpha: optional(numberBetween(0, 0.5)),
}

const deploymentForms: Forms<DeploymentOptions<Columns, string>> = {
  model: definitionOf('model', 'a model'),
  canary: optional(members(canaryForms)),
  stickyBy: optional(text),
}

function declareDeployment<C extends Columns, D extends string>(
  name: string,
  options: DeploymentOptions<C, D>,
): Deployment<C, D> {
  checkName('deployment', name)
  const canary = options.canary ?? {}
  const steps = (canary.steps ?? ['1%', '5%', '20%', '50%']).map(step => Number(step.slice(0, -1)) / 100)
  if (steps.some((share, i) => i > 0 && share <= (steps[i - 1] as number)))
    refuse('deployment', name, 'canary steps must rise')
  const { stickyBy } = options
  const columns = requestColumnNames(options.model as Model)
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
    },
    stickyBy,
  }
}

/** Declares a served name: `stable` answers, a challenger enters through shadow and canary steps. */
export const deployment = builder('deployment', { name: text, options: members(deploymentForms) }, declareDeployment)
