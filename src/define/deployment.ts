import type { Task } from '../math/task.ts'
import { type Canary, canaryForms, canaryOf, type CanaryOptions } from './canary.ts'
import type { Columns } from './column.ts'
import type { Model } from './model.ts'
import { builder, definitionOf, members, optional, text, type Forms } from './forms.ts'
import { checkName, definitionBrand, refuse, unknownColumn, type Definition } from './named.ts'
import { requestColumnNames } from './request.ts'

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
  readonly canary: Canary
  readonly stickyBy: string | undefined
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
  const { stickyBy } = options
  const columns = requestColumnNames(options.model as unknown as Model)
  if (stickyBy !== undefined && !columns.includes(stickyBy))
    refuse('deployment', name, `stickyBy ${unknownColumn(stickyBy, columns)}`)
  return {
    [definitionBrand]: 'deployment',
    name,
    model: options.model,
    canary: canaryOf(name, options.canary ?? {}),
    stickyBy,
  }
}

/** Declares a served name: `stable` answers, a challenger enters through shadow and canary steps. */
export const deployment = builder('deployment', { name: text, options: members(deploymentForms) }, declareDeployment)
