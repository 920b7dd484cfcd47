import { count, figure, percent, plural } from '../../define/expectation/verdict.ts'
import { valueInWords } from '../../define/expectation/value-counts.ts'
import { exactMicros, formatTime } from '../../internal/time.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { fencesOf, type Fences } from './columns.ts'
import { answersOf, hasDecimalComma, mayBeThousands } from './looks-like.ts'
import type { ColumnProfile, ValueCount, Finding, Profile } from './types.ts'

type Facts = Omit<Profile, 'findings'>
type Said = { readonly says: string; readonly observed?: Readonly<Record<string, Json>> }

const share = (part: number, all: number): number => (all === 0 ? 0 : part / all)
const some = (values: readonly ValueCount[], most = 4): string =>
  values
    .slice(0, most)
    .map(({ value, rows }) => `${valueInWords(value)}${rows > 1 ? ` ×${count(rows)}` : ''}`)
    .join(', ') + (values.length > most ? ', …' : '')
const rowsOf = (values: readonly ValueCount[]): number => values.reduce((sum, one) => sum + one.rows, 0)

/** Texts that people and programs write where there is no value. */
const placeholder = /^(?:|[-.?*]+|#?n\/?a|nan|nil|null|none|unknown|undefined|missing|tbd|\\n)$/i
const filled = ({ nulls }: ColumnProfile, rows: number): number => rows - nulls
const manyNulls = 0.2
/** Columns that not every file has, told one by one. */
const maxUneven = 10
/** A form that so few rows have, where nearly all have another, is a fault more often than not. */
const rareForm = 0.01

/** What may surprise about one column, the gravest first. */
const ofColumn: Readonly<Record<string, (column: ColumnProfile, rows: number) => Said | undefined>> = {
  unreadable: ({ unreadable, type }) => {
    if (!unreadable || unreadable.cells === 0) return undefined
    const missing = unreadable.top.filter(one => placeholder.test(String(one.value)))
    const hint = `; treatAsNull makes ${missing.map(one => JSON.stringify(one.value)).join(', ')} null`
    return {
      says: `${plural(unreadable.cells, 'cell')} ${unreadable.cells === 1 ? 'does' : 'do'} not read as ${type}: ${some(unreadable.top)}${missing.length > 0 ? hint : ''}`,
      observed: { cells: unreadable.cells },
    }
  },
  empty: (column, rows) =>
    rows > 0 && filled(column, rows) === 0 && !column.unreadable?.cells
      ? { says: 'there is no value in it at all' }
      : undefined,
  constant: (column, rows) =>
    filled(column, rows) > 1 && column.distinct.value === 1
      ? {
          says: `every ${column.nulls > 0 ? 'value' : 'row'} has the same value${column.top[0] ? `: ${valueInWords(column.type === 'timestamp' ? formatTime(exactMicros(column.top[0].value)) : column.top[0].value)}` : ''}`,
        }
      : undefined,
  nulls: (column, rows) =>
    column.nulls < rows && share(column.nulls, rows) >= manyNulls
      ? {
          says: `${percent(share(column.nulls, rows))} of the rows are null (${count(column.nulls)})`,
          observed: { share: share(column.nulls, rows) },
        }
      : undefined,
  notFinite: ({ number }) =>
    number && number.nan + number.infinite > 0
      ? {
          says: `${plural(number.nan, 'NaN', 'NaN')} and ${plural(number.infinite, 'infinite value')}`,
          observed: { nan: number.nan, infinite: number.infinite },
        }
      : undefined,
  outliers: ({ number }) => {
    const isolated = number?.isolated ?? []
    if (!number || isolated.length === 0) return undefined
    const { q, from, to } = fencesOf(number) as Fences
    return {
      says: `${plural(rowsOf(isolated), 'value')} far from all others: ${some(isolated)} (${percent(1 - 2 * q)} lie between ${figure(from)} and ${figure(to)})`,
      observed: { values: isolated.slice(0, 10).map(one => Number(one.value)), rows: rowsOf(isolated) },
    }
  },
  placeholders: ({ type, top }) => {
    const found = type === 'text' ? top.filter(one => placeholder.test(String(one.value))) : []
    return found.length > 0
      ? {
          says: `texts that look like no value: ${some(found.map(one => ({ ...one, value: JSON.stringify(one.value) })))}; treatAsNull makes them null`,
          observed: { rows: rowsOf(found) },
        }
      : undefined
  },
  decimalComma: ({ text }) =>
    text && hasDecimalComma(text)
      ? {
          says: `looks like numbers with a decimal comma, such as ${text.forms.find(form => form.example.includes(','))?.example}${mayBeThousands(text) ? ', or with commas between thousands, for three digits follow each' : ''}; it is text until it is written ${mayBeThousands(text) ? 'without' : 'with a point'}`,
        }
      : undefined,
  answers: ({ type, top, distinct }) => {
    const words = type === 'text' ? answersOf(top, distinct.value) : undefined
    return words
      ? {
          says: `looks like yes and no, written ${words.join(', ')}; a bool is written true and false, and inSet([${words.map(word => `'${word}'`).join(', ')}]) holds it to these`,
        }
      : undefined
  },
  rareForms: ({ text, distinct }) => {
    const [first, ...others] = text?.forms ?? []
    if (!text || !first || others.length === 0 || distinct.value < 3 || first.rows < (1 - rareForm) * text.formsOf)
      return undefined
    return {
      says: `nearly all are written ${first.shape}, but ${others.map(one => `${one.shape} ×${count(one.rows)} (${one.example})`).join(', ')}`,
    }
  },
  future: ({ times }) =>
    times && times.future > 0
      ? {
          says: `${plural(times.future, 'row')} ${times.future === 1 ? 'lies' : 'lie'} in the future, up to ${formatTime(times.newest)}`,
          observed: { rows: times.future },
        }
      : undefined,
  gaps: ({ times }) =>
    times?.longestGap
      ? {
          says: `${plural(times.empty, times.span)} without a row, the longest stretch from ${formatTime(times.longestGap.from)} to ${formatTime(times.longestGap.to)}`,
          observed: {
            empty: times.empty,
            from: formatTime(times.longestGap.from),
            to: formatTime(times.longestGap.to),
          },
        }
      : undefined,
}

/** What may surprise about the whole. */
const ofWhole: Readonly<
  Record<string, (facts: Facts) => readonly (Said & { readonly columns?: readonly string[] })[]>
> = {
  noRows: ({ rows }) => (rows === 0 ? [{ says: 'there are no rows' }] : []),
  uneven: ({ uneven }) =>
    uneven.slice(0, maxUneven).map(one => ({
      columns: [one.column],
      says: `stands in ${count(one.files)} of ${plural(one.of, 'file')} only (${one.files === 1 ? '' : 'first '}${one.first}), and is null in the others${uneven.length > maxUneven ? `; so do ${count(uneven.length - 1)} other columns` : ''}`,
      observed: { files: one.files, of: one.of },
    })),
  misencoded: ({ misencoded }) =>
    misencoded > 0
      ? [
          {
            says: `${plural(misencoded, 'line')} of the text ${misencoded === 1 ? 'is' : 'are'} not UTF-8; if it is Latin-1: --encoding latin-1 here, csv(…, { encoding: 'latin-1' }) in the project`,
            observed: { lines: misencoded },
          },
        ]
      : [],
  brokenLines: ({ brokenLines }) =>
    brokenLines > 0
      ? [
          {
            says: `${plural(brokenLines, 'line')} of the text ${brokenLines === 1 ? 'is' : 'are'} no row`,
            observed: { lines: brokenLines },
          },
        ]
      : [],
  duplicates: ({ duplicates, rows }) =>
    duplicates > 0
      ? [
          {
            says: `${plural(duplicates, 'row')} of ${count(rows)} ${duplicates === 1 ? 'is a copy' : 'are copies'} of an earlier one`,
            observed: { rows: duplicates },
          },
        ]
      : [],
  alike: ({ correlations }) =>
    correlations
      .filter(({ r }) => Math.abs(r) > 0.999)
      .slice(0, 10)
      .map(({ a, b, r }) => ({ columns: [a, b], says: `one tells the other (r = ${r.toFixed(4)})`, observed: { r } })),
  leftAside: ({ left }) =>
    left.map(({ column, physical, reason }) => ({
      columns: [column],
      says: `was not looked at (${physical}): ${reason}`,
    })),
}

/** Everything that would surprise whoever thinks the data are clean: about the whole first, then by column, gravest first. */
export function findingsOf(facts: Facts): Finding[] {
  const whole = Object.entries(ofWhole).flatMap(([kind, look]) =>
    look(facts).map(({ says, observed = {}, columns = [] }) => ({ kind, columns, says, observed })),
  )
  const single = Object.entries(ofColumn).flatMap(([kind, look]) =>
    facts.columns.flatMap(column => {
      const said = column.personal && kind !== 'nulls' && kind !== 'empty' ? undefined : look(column, facts.rows)
      return said ? [{ kind, columns: [column.column], says: said.says, observed: said.observed ?? {} }] : []
    }),
  )
  return [...whole, ...single]
}
