import { isClassification } from '../../../math/task.ts'
import { members, numberFrom, type Forms } from '../../forms.ts'
import { common, type Common, type Declaring, type Options } from '../declaring.ts'

export interface CalibrationTest extends Common {
  readonly kind: 'calibration'
  readonly maxEce: number
}

export interface CalibrationOptions extends Options {
  /** Greatest expected calibration error, 0 to 1. */
  readonly maxEce: number
}

const forms: Forms<CalibrationOptions> = { ...common, maxEce: numberFrom(0, 1) }

export const calibration = ({ model: { task }, make, named, refuse }: Declaring) =>
  make('calibration', { options: members(forms) }, (options: CalibrationOptions): CalibrationTest => {
    if (!isClassification(task)) refuse('calibration', 'is of binary and multiclass models, which give probabilities')
    return { kind: 'calibration', maxEce: options.maxEce, ...named('calibration', options, 'warning') }
  })
