import type { CsvOptions } from '../../../define/source.ts'
import { exactMicros, formatTime } from '../../../internal/time.ts'
import type { ColumnProfile, Finding, Profile } from '../../../stages/profile/types.ts'
import { shown } from '../subject.ts'

type Value = ColumnProfile['min']

const maxChars = 28

/** Separators from five digits on: years have none. */
const isLong = (value: number | bigint): boolean => value >= 10_000 || value <= -10_000

/** Five significant digits, and never fewer than those before the point; the shortest form of what is huge or tiny. */
export function numberText(value: number): string {
  const size = Math.abs(value)
  if (!Number.isFinite(value) || size >= 1e15 || (size > 0 && size < 1e-4)) return String(Number(value.toPrecision(5)))
  const digits = size === 0 ? 0 : Math.max(0, 4 - Math.floor(Math.log10(size)))
  return value.toLocaleString('en-US', { useGrouping: isLong(value), maximumFractionDigits: digits })
}

/** A value as a person reads it in a narrow place. */
export function valueText(value: Value, { type }: Pick<ColumnProfile, 'type'>): string {
  if (value === null) return ''
  if (type === 'timestamp')
    return formatTime(exactMicros(value))
      .replace('T', ' ')
      .replace(/:00Z$|Z$/, '')
  if (type === 'float') return numberText(Number(value))
  if (type === 'int' && /^-?\d+$/.test(String(value))) {
    const whole = BigInt(String(value))
    return whole.toLocaleString('en-US', { useGrouping: isLong(whole) })
  }
  if (value === '') return '(empty)'
  const text = shown(String(value))
  return [...text].length > maxChars ? `${[...text].slice(0, maxChars - 1).join('')}…` : text
}

export function percentText(share: number): string {
  const value = 100 * share
  if (value === 0) return '0 %'
  return value < 0.01
    ? '<0.01 %'
    : `${value >= 99.995 && value < 100 ? '>99.99' : String(Number(value.toFixed(value < 1 ? 2 : 1)))} %`
}

export const countText = (value: number): string => value.toLocaleString('en-US')

/** Engine's types that say no more than the type itself, or that the values came as text. */
const usual: ReadonlySet<string> = new Set(['BIGINT', 'DOUBLE', 'VARCHAR', 'BOOLEAN', 'TIMESTAMP'])

/** `int (smallint)`; the type alone where the source's own says no more. */
export const typeText = ({ type, physical }: ColumnProfile): string =>
  usual.has(physical) ? type : `${type} (${physical.slice(0, maxChars).toLowerCase()})`

/** Whether no value of a column occurs twice, so that none is more frequent than another. */
export const neverRepeats = ({ distinct, nulls }: ColumnProfile, rows: number): boolean =>
  distinct.exact && distinct.value > 1 && distinct.value === rows - nulls

/** The number of different values, with a sign where it is an estimate. */
export const distinctText = ({ distinct }: ColumnProfile): string =>
  `${distinct.exact ? '' : '≈'}${countText(distinct.value)}`

export function bytesText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3))
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${units[power]}`
}

/** `3,000,000 rows in 1 file of 13.5 MB`. */
export function sizeText({ rows, files, bytes, brokenLines }: Profile): string {
  const lost = brokenLines === 0 ? '' : ` of about ${countText(rows + brokenLines)}`
  const all = `${countText(rows)}${lost} ${rows === 1 && lost === '' ? 'row' : 'rows'}`
  const size =
    bytes === undefined ? all : `${all} in ${countText(files)} ${files === 1 ? 'file' : 'files'} of ${bytesText(bytes)}`
  if (brokenLines === 0) return size
  return `${size}; ${countText(brokenLines)} ${brokenLines === 1 ? 'line' : 'lines'} could not be read`
}

/** The dialect of a CSV as it would be declared. */
export function pinText(options: CsvOptions): string {
  const names = Object.entries(options).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
  return names.length === 0 ? 'csv(…)' : `csv(…, { ${names.join(', ')} })`
}

/** `delay: 2 values far from all others`. */
export const findingText = ({ columns, says }: Finding): string =>
  `${columns.length > 0 ? `${columns.map(shown).join(', ')}: ` : ''}${shown(says)}`

/** What is said of all values of a column, in a few words each. */
export function factsOf(column: ColumnProfile, rows: number): string[] {
  const { number, text, times, unreadable } = column
  const value = (of: number) => valueText(of, { type: number ? 'float' : column.type })
  const at = (q: number) => number?.quantiles.find(one => one.q === q)?.at ?? Number.NaN
  return [
    ...(column.personal ? ['personal data: values are not shown'] : []),
    ...(unreadable && unreadable.cells > 0
      ? [
          `${countText(unreadable.cells)} ${unreadable.cells === 1 ? 'cell does' : 'cells do'} not read as ${column.type}`,
        ]
      : []),
    ...(number
      ? [
          `mean ${value(number.mean)}, std ${value(number.std)}`,
          `quantiles 1 % ${value(at(0.01))} · 25 % ${value(at(0.25))} · 50 % ${value(at(0.5))} · 75 % ${value(at(0.75))} · 99 % ${value(at(0.99))}`,
          ...(number.nan + number.infinite > 0
            ? [`${countText(number.nan)} NaN, ${countText(number.infinite)} infinite`]
            : []),
        ]
      : []),
    ...(text ? [lengthText(text.length), ...formTexts(column, rows - column.nulls)] : []),
    ...(times
      ? [
          `${valueText(times.oldest, column)} to ${valueText(times.newest, column)}${times.empty > 0 ? `, ${countText(times.empty)} ${times.span}s without a row` : `, a row in every ${times.span}`}`,
        ]
      : []),
  ]
}

const lengthText = ({ min, max, mean }: { min: number; max: number; mean: number }): string =>
  min === max ? `length ${min}` : `length ${min} to ${max}, mean ${numberText(Number(mean.toFixed(1)))}`

/** The forms of a text, with the pattern of the first where it has one. */
function formTexts({ text }: ColumnProfile, filled: number): string[] {
  const [first, second] = text?.forms ?? []
  if (!text || !first) return []
  if (text.format) return [`of the format ${text.format}`]
  const part = (of: number) => percentText(of / text.formsOf)
  const looked = text.formsOf < filled ? ` (of ${countText(text.formsOf)} rows looked at)` : ''
  const one = `written ${shown(first.shape)} in ${part(first.rows)}${looked}`
  return [
    first.pattern && first.rows === text.formsOf ? `${one}: /${first.pattern}/` : one,
    ...(second ? [`then ${shown(second.shape)} in ${part(second.rows)}`] : []),
  ]
}
