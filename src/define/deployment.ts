import type { Task } from '../math/task.ts'
import { type Canary, canaryForms, canaryOf, type CanaryOptions } from './canary.ts'
import type { ColumnExpressions, Columns } from './column.ts'
import { columnsOfDataset, personalColumns } from './dataset.ts'
import { columnsOf, type Expression } from './expression/index.ts'
import type { Model } from './model.ts'
import { builder, callback, definitionOf, members, optional, text, type Forms } from './forms.ts'
import { type NamedValue, type Values, valuesForm, valuesOf } from './model-test/columns.ts'
import { checkName, definitionBrand, refuse, unknownColumn, type Definition } from './named.ts'
import { requestColumnNames } from './request.ts'

export interface DeploymentOptions<C extends Columns, D extends string, T extends Task = Task> {
  /** The model whose versions are served. */
  readonly model: Model<C, D, T>
  /** How a new version comes to its traffic. */
  readonly canary?: CanaryOptions
  /** Column of the request whose value keeps a caller on one arm; by default, and where it is null, the request id. */
  readonly stickyBy?: D & keyof C & string
  /**
   * Expressions of the request's columns, such as `c => [c.region, c.distance.gt(500)]`: the guardrails of a rollout also hold within each
   * of their values, so that a challenger that is broken in one of them is taken back (default none). Of personal columns
   * only conditions, whose values tell nothing of anybody.
   */
  readonly segments?: (c: ColumnExpressions<C>) => Segment<D> | readonly Segment<D>[]
}

/** What parts requests into segments. */
type Segment<D extends string> = Expression<'int' | 'float' | 'text' | 'bool', boolean, D>

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
  readonly segments: readonly NamedValue[]
}

const deploymentForms: Forms<DeploymentOptions<Columns, string>> = {
  model: definitionOf('model', 'a model'),
  canary: optional(members(canaryForms)),
  stickyBy: optional(text),
  segments: optional(callback),
}

/** What requests are parted by; refuses what no request carries, and values that name persons. */
function segmentsOf(name: string, model: Model, given: unknown): readonly NamedValue[] {
  if (!valuesForm.holds(given)) refuse('deployment', name, `segments must give ${valuesForm.words}`)
  const known = requestColumnNames(model)
  const personal = personalColumns(model.from)
  const segments = valuesOf(given as Values)
  for (const { node, name: segment } of segments)
    for (const column of columnsOf(node)) {
      if (!known.includes(column)) refuse('deployment', name, `segments ${unknownColumn(column, known)}`)
      if (personal.has(column) && node.type !== 'bool')
        refuse(
          'deployment',
          name,
          `segments has ${segment}, of '${column}', which holds personal data: its values would stand in decisions. Give a condition over it`,
        )
    }
  return segments
}

function declareDeployment<const N extends string, C extends Columns, D extends string, T extends Task>(
  name: N,
  options: DeploymentOptions<C, D, T>,
): Deployment<C, D, N, T> {
  checkName('deployment', name)
  const { stickyBy, segments } = options
  const known = requestColumnNames(options.model as unknown as Model)
  if (stickyBy !== undefined && !known.includes(stickyBy))
    refuse('deployment', name, `stickyBy ${unknownColumn(stickyBy, known)}`)
  const { columns } = options.model.from as unknown as { readonly columns: C }
  return {
    [definitionBrand]: 'deployment',
    name,
    model: options.model,
    canary: canaryOf(name, options.canary ?? {}),
    stickyBy,
    segments: segments ? segmentsOf(name, options.model as unknown as Model, segments(columnsOfDataset(columns))) : [],
  }
}

/** Declares a served name: `stable` answers, a challenger enters through shadow and canary steps. */
export const deployment = builder('deployment', { name: text, options: members(deploymentForms) }, declareDeployment)
