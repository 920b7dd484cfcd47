import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { refuse } from '../../named.ts'
import { columnKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import { columnName, rowExpectation, type Expectation, type NoFloatOptions } from '../spec.ts'
import { currencies, countries } from './format-codes.ts'
import { membership } from './in-set.ts'
import { search } from './matches.ts'

const octet = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])'
const group = '[0-9a-fA-F]{1,4}'
const ipv6 = [
  `(?:${group}:){7}${group}`,
  `(?:${group}:){1,7}:`,
  ...[6, 5, 4, 3, 2, 1].map(n => `(?:${group}:){1,${n}}(?::${group}){1,${7 - n}}`),
  `:(?:(?::${group}){1,7}|:)`,
  `(?:${group}:){6}${octet}(?:\\.${octet}){3}`,
  `::(?:ffff:)?${octet}(?:\\.${octet}){3}`,
]

/** Formats that a pattern tells. */
const patterns = {
  email:
    /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$/,
  uuid: /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/,
  url: /^https?:\/\/[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?(?:[/?#][^ \t\r\n]*)?$/,
  ipv4: new RegExp(`^${octet}(?:\\.${octet}){3}$`),
  ipv6: new RegExp(`^(?:${ipv6.join('|')})$`),
  e164: /^\+[1-9][0-9]{6,14}$/,
} as const

const codes = { iso4217: currencies, iso3166: countries } as const

/** Formats that take a program: a calendar, a parser, a check digit. */
const tested = ['iso-date', 'iso-datetime', 'json', 'iban'] as const

export type FormatName = keyof typeof patterns | keyof typeof codes | (typeof tested)[number]
type Method = (name: FormatName, options?: NoFloatOptions) => Expectation

const known = [...Object.keys(patterns), ...Object.keys(codes), ...tested]

export const format = columnKind<{ text: Method }>()({
  kind: rowKind<{ of: Node; name: FormatName }>({
    name: 'format',
    group: 'row',
    summary: `Every text is of a known format: ${known.join(', ')}.`,
    example: "c.customer.format('email')",
    rule: ({ args: { of, name } }) => {
      if (name in patterns) return { by: 'expression', good: search(of, patterns[name as keyof typeof patterns]).node }
      if (name in codes) return { by: 'expression', good: membership(of, codes[name as keyof typeof codes], true) }
      return { by: 'levels', of: columnName({ node: of }, 'format'), test: name }
    },
  }),
  on: ['text'],
  make: (of: Node, name: FormatName, options: NoFloatOptions = {}) => {
    if (!known.includes(name))
      refuse('expectation', 'format', `knows no format '${String(name)}'; it has ${known.join(', ')}`)
    return rowExpectation({
      kind: 'format',
      says: `${describe(of)} is ${name}`,
      args: { of, name },
      columns: columnsOf(of),
      options,
    })
  },
})
