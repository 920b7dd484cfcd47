import { micros, type Duration, type Micros } from '../internal/time.ts'
import type { Columns } from './column.ts'
import type { Model } from './model.ts'
import { checkName, definitionBrand, onlyKeys, refuse, type Definition } from './named.ts'

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
  readonly model: Model<C, D>
  readonly canary?: CanaryOptions
  /** Column whose value keeps a caller on one arm; by default the request id. */
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

/** Declares a served name: `stable` answers, a challenger enters through shadow and canary steps. */
export function deployment<C extends Columns, D extends string>(
  name: string,
  options: DeploymentOptions<C, D>,
): Deployment<C, D> {
  checkName('deployment', name)
  onlyKeys('deployment', name, options, ['model', 'canary', 'stickyBy'])
  onlyKeys('deployment', name, options.canary ?? {}, ['steps', 'labels', 'minRequests', 'maxWait', 'alpha'])
  const canary = options.canary ?? {}
  const steps = (canary.steps ?? ['1%', '5%', '20%', '50%']).map(step => {
    const share = Number(step.slice(0, -1)) / 100
    if (!(share > 0 && share < 1)) refuse('deployment', name, `canary step '${step}' is not between 0% and 100%`)
    return share
  })
  if (steps.length === 0 || steps.some((share, i) => i > 0 && share <= (steps[i - 1] as number)))
    refuse('deployment', name, 'canary steps must rise')
  const alpha = canary.alpha ?? 0.01
  if (!(alpha > 0 && alpha < 0.5)) refuse('deployment', name, 'alpha must be between 0 and 0.5')
  return {
    [definitionBrand]: 'deployment',
    name,
    model: options.model,
    canary: {
      steps,
      labels: canary.labels ?? 'advisory',
      minRequests: canary.minRequests ?? 200,
      maxWait: micros(canary.maxWait ?? '30m'),
      alpha,
    },
    stickyBy: options.stickyBy,
  }
}
