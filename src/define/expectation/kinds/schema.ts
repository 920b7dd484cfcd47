import { refuse } from '../../named.ts'
import { tableKind, type Kind } from '../kind.ts'
import { expectation, type Expectation, type ExpectationOptions } from '../spec.ts'
import { problems } from '../verdict.ts'
import { delimiterHint } from '../delimiter-hint.ts'
import { checkFlags } from '../options.ts'

type Mode = 'exact' | 'superset' | 'subset'
export interface Shape {
  /** `superset` (default): the source may have more columns than are declared; `exact`: just those; `subset`: not all. */
  readonly mode?: Mode
  /** The declared columns come in the declared order. */
  readonly ordered?: boolean
}

const kind: Kind<{ mode: Mode; ordered: boolean }> = {
  name: 'schema',
  group: 'table',
  summary:
    'The columns are there, with the declared names and types. Stands by itself for every dataset; nothing is cast.',
  example: "expect.schema({ mode: 'exact', ordered: true })",
  needs: () => ({}),
  verdict: (spec, _, { schema }) => {
    const { mode, ordered } = spec.args
    const declared = schema.declared.map(column => column.name)
    const present = schema.present.map(column => column.name)
    const extra = present.filter(name => !declared.includes(name))
    const order = present.filter(name => declared.includes(name))
    const wanted = declared.filter(name => present.includes(name))
    const moved = ordered ? wanted.filter((name, i) => order[i] !== name) : []
    const misread =
      mode === 'subset' || schema.delimiter === undefined
        ? undefined
        : delimiterHint(present, declared, schema.delimiter)
    // a column that was renamed on one side only
    const hint = extra.length > 0 && extra.length <= 3 ? ` (the source has ${extra.join(', ')})` : ''
    const missing = mode === 'subset' ? [] : schema.missing.map(column => `${column} is missing${hint}`)
    const found = [
      ...(misread === undefined ? missing : [`none of the ${declared.length} declared columns is there; ${misread}`]),
      ...schema.mismatched.map(one => `${one.column} is declared ${one.declared} but is ${one.physical}`),
      ...(mode === 'superset' ? [] : extra.map(column => `${column} is not declared`)),
      ...(moved.length > 0 ? [`the order is ${order.join(', ')}`] : []),
    ]
    const threshold = {
      exact: 'exactly the declared columns',
      superset: 'all declared columns',
      subset: 'declared columns only',
    }
    const verdict = problems(spec, found, declared.length, `${threshold[mode]}, of their types`, {
      missing: [...schema.missing],
      mismatched: schema.mismatched.map(one => one.column),
      extra,
      moved,
    })
    return misread === undefined ? verdict : { ...verdict, bad: verdict.bad - 1 + missing.length }
  },
}

export const schema = tableKind({
  kind,
  make: (options: Shape & ExpectationOptions = {}): Expectation => {
    const { mode = 'superset', ordered = false } = options
    if (!['exact', 'superset', 'subset'].includes(mode))
      refuse('expectation', 'schema', `has no mode '${String(mode)}'; it has exact, superset, subset`)
    checkFlags('schema', { ordered })
    return expectation({
      kind: 'schema',
      says: 'columns as declared',
      args: { mode, ordered },
      columns: [],
      options,
      more: ['mode', 'ordered'],
    })
  },
})
