import { flag, members, numberFrom, optional, wholeFrom, type Forms } from '../../forms.ts'
import {
  conditionsOf,
  conditionsOrValues,
  isNamed,
  valuesOf,
  type Conditions,
  type NamedCondition,
  type NamedValue,
  type Values,
} from '../columns.ts'
import { common, type Common, type TestContext, type Options } from '../declaring.ts'

export interface SlicesTest extends Common {
  readonly kind: 'slices'
  readonly of?: readonly NamedCondition[]
  readonly by?: readonly NamedValue[]
  readonly pairs: boolean
  readonly minRows: number
  readonly tolerance: number
  readonly minShareOfOverall?: number
}

export interface SlicesOptions extends Options {
  /** Conditions by name, or a list of expressions whose values and ranges are the slices (default: those of every input). */
  readonly of?: Conditions | Values
  /** Looks at pairs of slices, too (default true). */
  readonly pairs?: boolean
  /** Fewest test rows of a slice (default 100). */
  readonly minRows?: number
  /** Share of its loss that the model may lose in a slice against what can be reached there (default 0.05). */
  readonly tolerance?: number
  /** Share of the overall quality that each slice must keep, however hard it is: AUC above 0.5, of numbers 1 ÷ RMSE. */
  readonly minShareOfOverall?: number
}

const forms: Forms<SlicesOptions> = {
  ...common,
  of: optional(conditionsOrValues),
  pairs: optional(flag),
  minRows: optional(wholeFrom(20)),
  tolerance: optional(numberFrom(0, 1)),
  minShareOfOverall: optional(numberFrom(0, 1)),
}

export const slices = ({ make, named, columns }: TestContext) =>
  make('slices', { options: optional(members(forms)) }, (options: SlicesOptions = {}): SlicesTest => {
    const { of, minShareOfOverall } = options
    const parts = of === undefined ? {} : isNamed(of) ? { of: conditionsOf(of) } : { by: valuesOf(of) }
    columns('slices', [...(parts.of ?? []), ...(parts.by ?? [])])
    return {
      kind: 'slices',
      ...parts,
      pairs: options.pairs ?? true,
      minRows: options.minRows ?? 100,
      tolerance: options.tolerance ?? 0.05,
      ...(minShareOfOverall === undefined ? {} : { minShareOfOverall }),
      ...named('slices', options, 'warning'),
    }
  })
