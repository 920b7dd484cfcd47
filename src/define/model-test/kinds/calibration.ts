import { isClassification } from '../../../math/task.ts'
import { members, numberFrom, optional, type Form, type Forms } from '../../forms.ts'
import { common, type Common, type TestContext, type Options } from '../declaring.ts'

export interface CalibrationTest extends Common {
  readonly kind: 'calibration'
  readonly maxEce?: number
  readonly slope?: readonly [number, number]
}

export interface CalibrationTestOptions extends Options {
  /** Greatest expected calibration error, 0 to 1; of several classes that of each. */
  readonly maxEce?: number
  /** Least and greatest slope of the truth over the score's logit: below 1 the scores are too sure, above 1 not sure enough. */
  readonly slope?: readonly [number, number]
}

const range: Form = {
  words: 'two numbers, the least and the greatest',
  holds: value =>
    Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) && (value[0] as number) <= value[1],
}
const forms: Forms<CalibrationTestOptions> = { ...common, maxEce: optional(numberFrom(0, 1)), slope: optional(range) }

export const calibration = (d: TestContext) =>
  d.make('calibration', { options: members(forms) }, (options: CalibrationTestOptions): CalibrationTest => {
    if (!isClassification(d.model.task))
      d.refuse('calibration', 'is of binary and multiclass models, which give probabilities')
    if (options.maxEce === undefined && options.slope === undefined)
      d.refuse('calibration', 'checks nothing: it needs maxEce or slope')
    return {
      kind: 'calibration',
      ...(options.maxEce === undefined ? {} : { maxEce: options.maxEce }),
      ...(options.slope === undefined ? {} : { slope: options.slope }),
      ...d.named('calibration', options, 'warning'),
    }
  })
