import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { columnKind, type Kind } from '../kind.ts'
import { expectation, type Expectation, type ExpectationOptions } from '../spec.ts'
import { keyOf, total, valueInWords } from '../value-counts.ts'
import { overNothing, plural } from '../verdict.ts'
import { where } from '../where.ts'
import { setInWords } from './in-set.ts'
import { checkSet } from '../options.ts'

type Method<V> = (values: readonly V[], options?: ExpectationOptions) => Expectation
interface Args {
  readonly of: Node
  /** An int beyond 2^53 as its digits. */
  readonly values: readonly (string | number | boolean)[]
}
type Element = string | number | bigint | boolean

const carriedValue = (value: Element): string | number | boolean =>
  typeof value !== 'bigint' ? value : Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()

const elementsOf = ({ of, values }: Args): readonly Element[] =>
  of.type === 'int' ? values.map(value => (typeof value === 'string' ? BigInt(value) : value)) : values

function some(label: string, values: readonly string[]): string[] {
  if (values.length === 0) return []
  return [`${label} ${values.slice(0, 6).join(', ')}${values.length > 6 ? `, … (${values.length})` : ''}`]
}

/** The two kinds that compare the different values of a column with a list. */
export function setKind(
  name: 'containsSet' | 'equalsSet',
  texts: { readonly summary: string; readonly example: string },
) {
  const kind: Kind<Args> = {
    name,
    group: 'aggregate',
    ...texts,
    needs: ({ args, when }) => ({ metrics: { values: { fn: 'values', of: args.of, ...where(when) } } }),
    verdict: (spec, measured) => {
      const found = measured.metric('values', 'values')
      const threshold = `${name === 'containsSet' ? 'all of' : 'exactly'} ${plural(spec.args.values.length, 'value')}`
      if (found.values.length === 0) return overNothing(spec, threshold)
      const present = new Set(found.values.map(keyOf))
      const values = elementsOf(spec.args)
      const wanted = new Set(values.map(keyOf))
      const missing = values.filter(value => !present.has(keyOf(value))).map(valueInWords)
      const extra =
        name === 'containsSet' ? [] : found.values.filter(value => !wanted.has(keyOf(value))).map(valueInWords)
      const wrong = [...some('missing', missing), ...some('not in the list', extra)]
      return {
        status: wrong.length === 0 ? 'pass' : 'fail',
        observed: { distinct: found.values.length, missing: missing.slice(0, 20), extra: extra.slice(0, 20) },
        evaluated: total(found.counts),
        bad: missing.length + extra.length,
        threshold,
        message: `${spec.says}: ${wrong.length === 0 ? 'it is so' : wrong.join('; ')}`,
      }
    },
  }
  return columnKind<{ int: Method<number | bigint>; text: Method<string>; bool: Method<boolean> }>()({
    kind,
    on: ['int', 'text', 'bool'],
    make: (of: Node, values: readonly Element[], options: ExpectationOptions = {}) => {
      checkSet(name, of.type, values)
      return expectation({
        kind: name,
        says: `${describe(of)} ${name === 'containsSet' ? 'has all of' : 'has exactly'} ${setInWords(values)}`,
        args: { of, values: values.map(carriedValue) } satisfies Args,
        columns: columnsOf(of),
        options,
      })
    },
  })
}
