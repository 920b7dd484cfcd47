import { micros, type Duration, type Micros } from '../../../internal/time.ts'
import { duration, members, numberFrom, optional, type Forms } from '../../forms.ts'
import { common, type Common, type TestContext, type Options } from '../declaring.ts'

// The model beside what it must be better than, beside itself on the training rows, and its rows beside the present.

export interface SimpleModelTest extends Common {
  readonly kind: 'simpleModel'
  readonly by: number
}

export interface SimpleModelOptions extends Options {
  /** Share of the simple model's loss that must be gained (default 0). */
  readonly by?: number
}

export interface OverfitTest extends Common {
  readonly kind: 'overfit'
  readonly maxGap: number
}

export interface OverfitOptions extends Options {
  /** What quality may be better on the training rows than on the test rows: AUC, of numbers the share of the loss that is explained (default 0.1). */
  readonly maxGap?: number
}

export interface FreshTest extends Common {
  readonly kind: 'fresh'
  readonly maxAge: Micros
}

export interface FreshOptions extends Options {
  /** Greatest age of the newest row that the model was made and tested with, such as '30d'. */
  readonly maxAge: Duration
}

const share = numberFrom(0, 1)
const simpleForms: Forms<SimpleModelOptions> = { ...common, by: optional(share) }
const overfitForms: Forms<OverfitOptions> = { ...common, maxGap: optional(share) }
const freshForms: Forms<FreshOptions> = { ...common, maxAge: duration }

export const beatsSimpleModel = ({ make, named }: TestContext) =>
  make(
    'beatsSimpleModel',
    { options: optional(members(simpleForms)) },
    (options?: SimpleModelOptions): SimpleModelTest => ({
      kind: 'simpleModel',
      by: options?.by ?? 0,
      ...named('simple-model', options),
    }),
  )

export const overfit = ({ make, named }: TestContext) =>
  make(
    'overfit',
    { options: optional(members(overfitForms)) },
    (options?: OverfitOptions): OverfitTest => ({
      kind: 'overfit',
      maxGap: options?.maxGap ?? 0.1,
      ...named('overfit', options, 'warning'),
    }),
  )

export const fresh = ({ make, named }: TestContext) =>
  make(
    'fresh',
    { options: members(freshForms) },
    (options: FreshOptions): FreshTest => ({
      kind: 'fresh',
      maxAge: micros(options.maxAge),
      ...named('fresh', options),
    }),
  )
