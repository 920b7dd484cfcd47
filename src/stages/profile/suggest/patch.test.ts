import fc from 'fast-check'
import { expect, it } from 'vitest'
import { lineComment, quoted } from '../../../internal/typescript-text.ts'
import { ColumnArgument, codeOf, type Call } from './call.ts'
import { Unsafe } from './declaration.ts'
import { patch, type Line } from './patch.ts'
import { statementsOf } from './syntax.ts'

const unique: Line = { call: { on: 'id', method: 'unique', args: [] }, comment: 'all 100 rows' }
const rows: Line = { call: { method: 'rowCount', args: [{ min: 10_000 }] }, comment: 'it is 20,000' }

const file = (options: string, from = 'dataset, project, t') =>
  `import { ${from} } from 'millrace'\n\nexport const orders = dataset('orders', ${options})\n`

const written = (options: string, ...lines: readonly Line[]) => patch(file(options), 'a.ts', 'orders', lines)

it('appends to a list, whichever way it is laid out', () => {
  expect(written('{\n  expect: c => [\n    c.a.notNull(), // why\n    // the last\n  ],\n}', unique)).toBe(
    file(
      '{\n  expect: c => [\n    c.a.notNull(), // why\n    // the last\n    c.id.unique(), // all 100 rows\n  ],\n}',
    ),
  )
  expect(written('{\n  expect: c => [c.a.notNull()],\n}', unique)).toBe(
    file('{\n  expect: c => [\n    c.a.notNull(),\n    c.id.unique(), // all 100 rows\n  ],\n}'),
  )
  expect(written('{\n  expect: (c) => [\n    c.a.notNull() // no comma, here\n  ]\n}', unique)).toBe(
    file('{\n  expect: (c) => [\n    c.a.notNull(), // no comma, here\n    c.id.unique(), // all 100 rows\n  ]\n}'),
  )
  expect(written('{\n  expect: columns => [],\n}', unique)).toContain('    columns.id.unique(), // all 100 rows\n  ],')
})

it('adds a list where there is none', () => {
  expect(written('{\n  source: csv("a"), // from there\n}', unique)).toBe(
    file('{\n  source: csv("a"), // from there\n  expect: c => [\n    c.id.unique(), // all 100 rows\n  ],\n}'),
  )
  expect(written('{ columns: { id: t.int() } }', unique)).toBe(
    file('{ columns: { id: t.int() },\n  expect: c => [\n    c.id.unique(), // all 100 rows\n  ],\n}'),
  )
})

it('keeps the ends of lines and tabs of the file, and the types in it', () => {
  const source = file('{\n\texpect: c => [\n\t\tc.a.notNull(),\n\t] as const,\n} satisfies Options<string>').replaceAll(
    '\n',
    '\r\n',
  )
  expect(patch(source, 'a.ts', 'orders', [unique])).toBe(
    source.replace('\t] as', '\t\tc.id.unique(), // all 100 rows\r\n\t] as'),
  )
})

it('imports expect where a line needs it, under the name that it has', () => {
  expect(written('{\n  expect: c => [\n  ],\n}', rows)).toBe(
    file(
      '{\n  expect: c => [\n    expect.rowCount({ min: 10_000 }), // it is 20,000\n  ],\n}',
      'dataset, expect, project, t',
    ),
  )
  const named = file('{\n  expect: c => [\n  ],\n}', 'dataset as ds, expect as must').replace('= dataset(', '= ds(')
  expect(patch(named, 'a.ts', 'orders', [rows])).toContain('    must.rowCount({ min: 10_000 }), //')
})

it('changes nothing where the declaration is not written out plainly', () => {
  const reason = (source: string, name = 'orders') => {
    try {
      patch(source, 'a.ts', name, [unique, rows])
    } catch (error) {
      if (error instanceof Unsafe) return error.message
      throw error
    }
    return undefined
  }
  expect(reason(file('{ expect: c => [...shared(c)] }'))).toMatch(/put together from others/)
  expect(reason(file('{ ...common }'))).toMatch(/put together/)
  expect(reason(file('{ expect: rules }'))).toMatch(/no arrow function/)
  expect(reason(file('{ expect(c) { return [] } }'))).toMatch(/no arrow function/)
  expect(reason(file('{ expect: c => rules(c) }'))).toMatch(/no list/)
  expect(reason(file('{ expect: ({ id }) => [id.unique()] }'))).toMatch(/under one name/)
  expect(reason(file('{ ["ex" + "pect"]: c => [] }'))).toMatch(/computed/)
  expect(reason(file('options'))).toMatch(/do not stand at the call/)
  expect(reason(file('{}'), 'others')).toMatch(/no call/)
  expect(reason(`${file('{}')}dataset('orders', {})\n`)).toMatch(/2 times/)
  expect(reason("const dataset = 1\ndataset('orders', {})")).toMatch(/does not import/)
  expect(reason(`${file('{}')}function expect() {}\n`)).toMatch(/called 'expect'/)
  expect(reason(file('{ expect: expect => [] }', 'dataset'))).toMatch(/calls the columns 'expect'/)
  expect(reason(file('{ expect: c => [ }'))).toMatch(/no TypeScript/)
})

/** A literal back from the syntax of a file: what stands in it is data and nothing else. */
function argumentsOf(code: string): unknown[] {
  const [statement] = (statementsOf(code, 'a.ts') ?? []) as unknown as {
    type: string
    expression: { arguments: { type: string; value?: unknown }[] }
  }[]
  return statement?.expression.arguments.map(one => one.value) ?? ['unreadable']
}

it('lets no name and no value from data become code or leave its comment', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      "'",
      '\\',
      "\\'",
      '\n',
      '\u2028',
      '*/',
      '${x}',
      '`',
      "'); process.exit(1) //",
      '\u202e',
      '</script>',
      '__proto__',
    ),
  )
  fc.assert(
    fc.property(hostile, hostile, hostile, (name, value, comment) => {
      const call: Call = { on: name, method: 'inSet', args: [value] }
      const code = codeOf(call, { columns: 'c', expect: 'expect' })
      expect(argumentsOf(code)).toEqual([value])
      expect(code).not.toMatch(/[\n\r\u2028\u2029\u202a-\u202e\u2066-\u2069]/)
      const source = file('{\n  expect: c => [\n  ],\n}')
      const after = patch(source, 'a.ts', 'orders', [{ call, comment }])
      expect(after.split('\n')).toHaveLength(source.split('\n').length + 1)
      expect(lineComment(comment)).not.toMatch(/[\n\r\u2028\u2029\u202a-\u202e]/)
    }),
  )
})

it('writes numbers, patterns, columns and options as one would', () => {
  const call: Call = {
    method: 'compare',
    args: [new ColumnArgument('a b'), 'lt', -1_234_567, 0.5, 1e-7, /^a\/b$/, { mostly: 0.99, none: undefined }],
  }
  expect(codeOf(call, { columns: 'c', expect: 'expect' })).toBe(
    "expect.compare(c['a b'], 'lt', -1_234_567, 0.5, 1e-7, /^a\\/b$/, { mostly: 0.99 })",
  )
  expect(quoted("it's")).toBe("'it\\'s'")
})
