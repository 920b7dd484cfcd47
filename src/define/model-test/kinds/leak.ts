import { listOf, members, numberFrom, optional, type Forms } from '../../forms.ts'
import { common, type Common, type TestContext, type Options } from '../declaring.ts'

export interface LeakTest extends Common {
  readonly kind: 'leak'
  readonly maxPower: number
  readonly maxShared: number
  readonly except: readonly string[]
  /** Not asked for: only what can be nothing else but a leak fails, the rest warns. */
  readonly byDefault?: true
}

export interface LeakOptions extends Options {
  /** What one input may tell of the label by itself: area under the ROC curve, of numbers the share of their variance (default 0.98). */
  readonly maxPower?: number
  /** Share of the test rows that may stand among the training rows, beyond what chance makes equal (default 0.01). */
  readonly maxShared?: number
  /** Inputs that are known to tell so much, or to be numbers of rows, rightly. */
  readonly except?: readonly string[]
}

/** What is looked for in a model that asks for nothing. */
export const defaultLeakTest: LeakTest = {
  kind: 'leak',
  id: 'leak',
  severity: 'critical',
  maxPower: 0.98,
  maxShared: 0.01,
  except: [],
  byDefault: true,
}

const share = numberFrom(0, 1)

export const noLeak = ({ make, named, oneInput }: TestContext) => {
  const forms: Forms<LeakOptions> = {
    ...common,
    maxPower: optional(share),
    maxShared: optional(share),
    except: optional(listOf(oneInput())),
  }
  return make(
    'noLeak',
    { options: optional(members(forms)) },
    (options?: LeakOptions): LeakTest => ({
      kind: 'leak',
      maxPower: options?.maxPower ?? defaultLeakTest.maxPower,
      maxShared: options?.maxShared ?? defaultLeakTest.maxShared,
      except: options?.except ?? [],
      ...named('leak', options),
    }),
  )
}
