import { isClassification } from '../../../math/task.ts'
import { listOf, members, numberFrom, oneOf, optional, wholeFrom, type Forms } from '../../forms.ts'
import { valuesForm, valuesOf, type NamedValue, type Values } from '../columns.ts'
import { common, type Common, type TestContext, type Options } from '../declaring.ts'

export type FairnessCriterion = 'parity' | 'odds' | 'calibration'

export interface FairnessTest extends Common {
  readonly kind: 'fairness'
  readonly by: readonly NamedValue[]
  readonly criteria: readonly FairnessCriterion[]
  readonly minParity: number
  readonly maxOdds: number
  readonly maxCalibration: number
  readonly minRows: number
}

export interface FairnessOptions extends Options {
  /** What parts the rows into groups: an expression such as `c.sex`, or a list of them. They need not be inputs. */
  readonly of: Values
  /** What is asked; few models can have all of it at once (default `['parity', 'odds', 'calibration']`, of numbers without `odds`). */
  readonly criteria?: readonly FairnessCriterion[]
  /** Least ratio of the shares that are called positive, in the group and in the rest (default 0.8). */
  readonly minParity?: number
  /** Greatest difference of the rates of true and of false positives between the group and the rest (default 0.1). */
  readonly maxOdds?: number
  /** Greatest distance between mean score and truth in a group; of numbers in deviations of the label (default 0.05). */
  readonly maxCalibration?: number
  /** Fewest test rows of a group (default 100). */
  readonly minRows?: number
}

const all: readonly FairnessCriterion[] = ['parity', 'odds', 'calibration']
const forms: Forms<FairnessOptions> = {
  ...common,
  of: valuesForm,
  criteria: optional(listOf(oneOf(...all), 1)),
  minParity: optional(numberFrom(0, 1)),
  maxOdds: optional(numberFrom(0, 1)),
  maxCalibration: optional(numberFrom(0)),
  minRows: optional(wholeFrom(20)),
}

export const fairness = ({ model: { task }, make, named, refuse, columns }: TestContext) =>
  make('fairness', { options: members(forms) }, (options: FairnessOptions): FairnessTest => {
    const criteria = options.criteria ?? all.filter(one => one !== 'odds' || isClassification(task))
    if (criteria.includes('odds') && !isClassification(task))
      refuse('fairness', 'odds are of binary and multiclass models, which call rows positive')
    const limits = [
      ['minParity', 'parity'],
      ['maxOdds', 'odds'],
      ['maxCalibration', 'calibration'],
    ] as const
    for (const [limit, criterion] of limits)
      if (options[limit] !== undefined && !criteria.includes(criterion))
        refuse('fairness', `${limit} has no effect: ${criterion} is not among the criteria`)
    const by = valuesOf(options.of)
    columns('fairness', by)
    return {
      kind: 'fairness',
      by,
      criteria,
      minParity: options.minParity ?? 0.8,
      maxOdds: options.maxOdds ?? 0.1,
      maxCalibration: options.maxCalibration ?? 0.05,
      minRows: options.minRows ?? 100,
      ...named(`fairness-${by.map(one => one.name).join('-')}`, options, 'warning'),
    }
  })
