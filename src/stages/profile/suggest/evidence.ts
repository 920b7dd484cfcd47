import { count, plural } from '../../../define/expectation/verdict.ts'
import type { CheckResult } from '../../../define/report.ts'
import type { Parts } from './split.ts'

/** How a rule fared on the rows that it was found in, on the later ones where they can judge it, and on all together. */
export interface Trials {
  readonly training: CheckResult
  readonly holdOut?: CheckResult
  readonly all: CheckResult
  /** The rule in words, which every message begins with. */
  readonly says: string
}

/** A share that never says all where there is one that is not. */
export function shareText({ bad, evaluated }: Pick<CheckResult, 'bad' | 'evaluated'>): string {
  if (bad === 0) return '100 %'
  const percent = (100 * bad) / evaluated
  const places = Math.max(1, Math.ceil(-Math.log10(percent)) + 1)
  return `${(Math.floor((100 - percent) * 10 ** places) / 10 ** places).toFixed(places)} %`
}

/** Exceptions that are few enough to be told one by one. */
const fewExceptions = 20
const maxValues = 3

/** `all but 2 of 800 rows before …`; a share where there are many. */
function rowsText(held: CheckResult, where: string): string {
  const { bad, evaluated } = held
  const of = `${plural(evaluated, 'row')} ${where}`
  if (bad === 0) return `all ${of}`
  return bad <= fewExceptions ? `all but ${count(bad)} of ${of}` : `${shareText(held)} of ${of}`
}

/** The numbers that break a rule of one column, where they are few. */
function exceptions({ bad, distinctBad: values = [] }: CheckResult): string {
  const few = bad > 0 && bad <= fewExceptions && values.length > 0 && values.length <= maxValues
  if (!few || !values.every(one => /^-?[\d.]+(?:e[+-]?\d+)?$/.test(String(one.value)))) return ''
  return ` (${values.map(({ value, count: times }) => `${String(value)}${times > 1 ? ` ×${times}` : ''}`).join(', ')})`
}

/** A rule about rows counts them; a rule about a measure has one figure. */
const ofRows = (check: CheckResult): boolean => check.observed.badShare !== undefined

const found = (check: CheckResult, says: string): string => check.message.replace(`${says}: `, '')

/** A sentence with the figures. */
export function evidenceOf(cut: Parts['cut'], { training, holdOut, all, says }: Trials): string {
  if (!holdOut) return `over all rows ${found(all, says)}`
  if (!ofRows(all)) return `${found(training, says)} ${cut.train}; ${found(holdOut, says)} ${cut.test}`
  const { bad, evaluated } = training
  return `${count(evaluated - bad)} of ${plural(evaluated, 'row')} ${cut.train}${exceptions(all)}; ${shareText(holdOut)} of the ${count(holdOut.evaluated)} ${cut.test}`
}

/** The same for the end of a line. */
export function commentOf(cut: Parts['cut'], trials: Trials): string {
  const { training, holdOut, all } = trials
  if (!holdOut || !ofRows(all)) return evidenceOf(cut, trials)
  const few = holdOut.bad <= fewExceptions ? `all but ${count(holdOut.bad)}` : shareText(holdOut)
  const after = holdOut.bad === 0 ? `all ${count(holdOut.evaluated)}` : few
  return `${rowsText(training, cut.train)}${exceptions(all)}, ${after} ${cut.test}`
}

/** Why later rows, or all of them together, do not bear a rule out; undefined where they do. */
export function whyNot(cut: Parts['cut'], { holdOut, all, says }: Trials): string | undefined {
  for (const [check, where] of [
    [holdOut, `of the rows ${cut.test}`],
    [all, 'of all rows together'],
  ] as const) {
    if (!check || check.status === 'pass') continue
    return check.evaluated === 0
      ? `the rows ${cut.test} have no value to judge it by`
      : `${where}: ${found(check, says)}`
  }
  return undefined
}
