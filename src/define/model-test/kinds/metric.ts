import { metricNames, metrics, metricsOfTask, type MetricName } from '../../../math/metrics/catalogue.ts'
import { members, numberFrom, oneOf, optional, type Forms } from '../../forms.ts'
import { common, type Common, type TestContext, type Options } from '../declaring.ts'

export type { MetricName }

export interface MetricTest extends Common {
  readonly kind: 'metric'
  readonly metric: MetricName
  readonly min?: number
  readonly max?: number
  readonly notWorseThan?: 'champion'
  readonly tolerance?: number
}

export interface MetricOptions extends Options {
  /** Least value on the test rows. */
  readonly min?: number
  /** Greatest value on the test rows. */
  readonly max?: number
  /** Compares with the champion on the same rows. */
  readonly notWorseThan?: 'champion'
  /** What it may lose against the champion, in units of the metric (default 0.005; of `rmse`, `mae` and `pinball` 0.5 % of the champion's). */
  readonly tolerance?: number
}

const number = numberFrom(Number.NEGATIVE_INFINITY)
const forms: Forms<MetricOptions> = {
  ...common,
  min: optional(number),
  max: optional(number),
  notWorseThan: optional(oneOf('champion')),
  tolerance: optional(numberFrom(0)),
}

export const metric = ({ model: { task }, make, named, refuse }: TestContext) =>
  make(
    'metric',
    { metric: oneOf(...metricNames), options: members(forms) },
    (name: MetricName, options: MetricOptions): MetricTest => {
      const { id: _id, severity: _severity, ...rest } = options
      const own = metricsOfTask[task]
      if (!own.includes(name)) {
        const others = Object.entries(metricsOfTask).flatMap(([other, names]) => (names.includes(name) ? [other] : []))
        refuse(name, `is of ${others.join(' and ')} models; ${task} has ${own.join(', ')}`)
      }
      if (rest.min === undefined && rest.max === undefined && rest.notWorseThan === undefined)
        refuse(name, 'checks nothing: it needs min, max or notWorseThan')
      if (rest.min !== undefined && rest.max !== undefined && rest.min > rest.max)
        refuse(name, `min ${rest.min} is greater than max ${rest.max}`)
      const [low, high] = metrics[name].range ?? [0, Number.POSITIVE_INFINITY]
      const reach = high === Number.POSITIVE_INFINITY ? `is ${low} or more` : `lies between ${low} and ${high}`
      if ((rest.min ?? low) > high || (rest.max ?? high) < low)
        refuse(
          name,
          `can never pass: it ${reach}, and ${rest.min !== undefined && rest.min > high ? `min is ${rest.min}` : `max is ${rest.max}`}`,
        )
      if ((rest.min ?? low) <= low && (rest.max ?? high) >= high && rest.notWorseThan === undefined)
        refuse(name, `asks nothing: it ${reach} whatever the model does`)
      if (rest.tolerance !== undefined && rest.notWorseThan === undefined)
        refuse(name, 'tolerance has no effect without notWorseThan')
      return { kind: 'metric', metric: name, ...rest, ...named(name, options) }
    },
  )
