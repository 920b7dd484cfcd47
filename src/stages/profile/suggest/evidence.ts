import { count, plural } from '../../../define/expectation/verdict.ts'
import type { CheckResult } from '../../../define/report.ts'
import type { Parts } from './split.ts'
import type { Held } from './suggest.ts'

interface Judged {
  readonly training: Held
  readonly holdOut?: Held
}

/** A share that never says all where there is one that is not. */
export function shareText(held: Held): string {
  const { bad, evaluated } = held
  if (bad === 0) return '100 %'
  const percent = (100 * bad) / evaluated
  const places = Math.max(1, Math.ceil(-Math.log10(percent)) + 1)
  return `${(Math.floor((100 - percent) * 10 ** places) / 10 ** places).toFixed(places)} %`
}

/** Exceptions that are few enough to be told one by one. */
const fewExceptions = 20
const mostValues = 3

/** `all but 2 rows`; a share where there are many. */
function rows(held: Held, where: string): string {
  const { bad, evaluated } = held
  if (bad === 0) return `all ${plural(evaluated, 'row')} ${where}`
  return bad <= fewExceptions
    ? `all but ${count(bad)} of ${plural(evaluated, 'row')} ${where}`
    : `${shareText(held)} of ${plural(evaluated, 'row')} ${where}`
}

/** The values that break a rule of one column, where they are few. */
function exceptions(all: CheckResult): string {
  const values = all.distinctBad ?? []
  const few = all.bad > 0 && all.bad <= fewExceptions && values.length > 0 && values.length <= mostValues
  return few && values.every(one => typeof one.value !== 'object')
    ? ` (${values.map(one => String(one.value)).join(', ')})`
    : ''
}

/** A rule about rows counts them; a rule about a measure has one case. */
const ofRows = (check: CheckResult): boolean => check.observed.badShare !== undefined

export function evidenceOf(cut: Parts['cut'], { training, holdOut }: Judged, all: CheckResult): string {
  if (!holdOut) return `all rows together: ${all.message}`
  if (!ofRows(all))
    return `holds over the ${count(training.evaluated)} rows ${cut.train}, ${holdOut.passed ? 'and' : 'but not'} over the ${count(holdOut.evaluated)} ${cut.test}`
  const { bad, evaluated } = training
  return `${count(evaluated - bad)} of ${plural(evaluated, 'row')} ${cut.train}${exceptions(all)}; ${shareText(holdOut)} of the ${count(holdOut.evaluated)} ${cut.test}`
}

export function commentOf(cut: Parts['cut'], { training, holdOut }: Judged, all: CheckResult): string {
  if (!holdOut) return all.message.slice(all.message.indexOf(': ') + 2)
  if (!ofRows(all)) return `holds ${cut.train}, and ${cut.test}`
  const after =
    holdOut.bad === 0
      ? `all ${count(holdOut.evaluated)}`
      : holdOut.bad <= fewExceptions
        ? `all but ${count(holdOut.bad)}`
        : shareText(holdOut)
  return `${rows(training, cut.train)}${exceptions(all)}, ${after} ${cut.test}`
}

/** Why later rows, or all of them together, do not bear a rule out. */
export function whyNot(tested: CheckResult | undefined, all: CheckResult): string | undefined {
  for (const [check, where] of [
    [tested, 'on the hold-out'],
    [all, 'over all rows together'],
  ] as const) {
    if (!check || check.status === 'pass') continue
    if (check.evaluated === 0) return `the hold-out has no value to judge it by`
    const message = check.message.startsWith(': ') ? check.message.slice(2) : check.message
    return `${where}: ${message}`
  }
  return undefined
}
