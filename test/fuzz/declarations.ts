import fc from 'fast-check'
import type { Dataset } from '../../src/define/dataset.ts'
import { columnCatalogue, tableCatalogue } from '../../src/define/expectation/catalogue.ts'
import { sql } from '../../src/index.ts'
import { bigints, dates, mostly, numbers, options, texts } from './edges.ts'

/** The columns of a declaration, by name, as `expect: c => …` has them. */
export type Given = Readonly<Record<string, { readonly node: unknown } & Readonly<Record<string, unknown>>>>
type Arguments = readonly fc.Arbitrary<unknown>[]

const number = fc.constantFrom(...numbers)
const share = fc.constantFrom(0, 0.5, 0.999, 1, -0.1, 1.0001, 5, Number.NaN)
const flag = fc.boolean()
const text = fc.constantFrom(...texts)
const word = (...of: string[]) => fc.constantFrom(...of)
const duration = word('1d', '0s', '1us', '1.5h', '99999999w', '-1d', '1 d', `${'9'.repeat(400)}d`)
const pattern = fc.constantFrom(
  /^a/,
  /b$/i,
  /^(a+)+$/,
  /(?=a)/,
  /(a)\1/,
  /😀/u,
  /a/g,
  /\p{L}/u,
  /[/, ].{0,1000}/,
  /x{1,2000}/,
)
const limit = fc.constantFrom<unknown>(
  { share: 0.5 },
  { count: 2 },
  { share: 2 },
  { count: 1.5 },
  { share: 0.1, count: 1 },
  {},
  { count: '1' },
)

/** A condition, as an expression. */
export const conditions = (c: Given) =>
  fc.constantFrom(
    ...['i', 'j', 'x', 's', 'b'].map(name => (c[name] as unknown as { isNotNull(): unknown }).isNotNull()),
  )

export const common = (c: Given) => ({
  id: word('named', 'a b', '', 'x'.repeat(300), '\0'),
  severity: word('critical', 'warning', 'info', 'fatal', 'Critical'),
  when: conditions(c),
  onEmpty: word('fail', 'warn', 'pass', 'error'),
})
export const ofRows = (c: Given) => ({
  ...common(c),
  mostly: share,
  maxBad: fc.constantFrom(0, 1, 3, 2.5, -1, 2 ** 53, 1e300, Infinity),
  warn: limit,
  fail: limit,
  nulls: word('ignore', 'bad', 'good', 'equal', 'null'),
  denominator: word('evaluated', 'all', 'every'),
  nonFinite: word('bad', 'null', 'allow', 'good'),
})

const bounds = { min: number, max: number }
const set = (of: readonly unknown[]) =>
  fc.oneof(
    fc.array(fc.constantFrom(...of), { maxLength: 5 }),
    fc.array(fc.constantFrom<unknown>(...numbers, ...texts, ...bigints, true), { maxLength: 5 }),
  )
const valuesOf: Readonly<Record<string, readonly unknown[]>> = {
  int: [0, 1, -2, 9007199254740993n, ...bigints],
  float: [0, -0, 0.5, 1e300, ...numbers],
  text: ['a', 'B', '', '😀', ...texts],
  bool: [true, false],
  timestamp: dates,
}
const boundsOf: Readonly<Record<string, readonly unknown[]>> = {
  int: [...numbers, ...bigints, undefined],
  float: [...numbers, undefined],
  timestamp: [...dates, undefined],
  text: texts,
  bool: [true],
}

export interface Scene {
  readonly c: Given
  readonly other: Dataset
}

const columns = (c: Given) => fc.array(fc.constantFrom(...Object.values(c)), { maxLength: 4 })
const one = (c: Given) => fc.constantFrom(...Object.values(c))
const from = (other: Dataset) =>
  fc.constantFrom<unknown>(
    'previous',
    other,
    { train: 'm' },
    { snapshot: 'sha256:00' },
    { train: '' },
    { train: 5 },
    { train: 'a', snapshot: 'b' },
    'last',
  )
const of = (other: Dataset) => mostly(fc.constant(other))
const name = word('i', 's', 'absent', 'constructor', '__proto__', '')
const aggregate = (c: Given) => [
  options({
    ...common(c),
    ...bounds,
    vsReference: options({ to: word('previous', 'train'), maxRel: number, maxSigma: number }),
  }),
]
const fraction = (c: Given) => [options({ ...common(c), ...bounds })]
const anomaly = (c: Given) =>
  options({
    ...common(c),
    strategy: word('mad', 'normal', 'change', 'seasonal', 'none'),
    sigma: number,
    maxChange: number,
    minChange: number,
    period: number,
    minHistory: number,
  })
const schemas = fc.constantFrom<unknown>(
  {},
  { type: 'object' },
  { type: 5 },
  { $ref: '#/nowhere' },
  { pattern: '^(a+)+$' },
  { pattern: '(' },
  { pattern: '(?=a)' },
  { patternProperties: { '(': {} } },
  { const: Number.NaN },
  { minimum: 10n },
  { required: 'a' },
  { properties: null },
  { $ref: '#' },
  JSON.parse('{"__proto__":{"type":"string"}}'),
  { enum: [] },
  { items: 5 },
  { not: {} },
  [],
  'x',
)

/** What each method of a column is given, besides the column itself; by type of the column. */
export const ofColumn: Readonly<Record<keyof typeof columnCatalogue, (scene: Scene, type: string) => Arguments>> = {
  freshness: ({ c }) => [mostly(duration), options(common(c))],
  contiguous: ({ c }, type) => [
    options({ ...ofRows(c), step: type === 'int' ? number : duration, partitionBy: columns(c) }),
  ],
  notNull: ({ c }) => [options(ofRows(c))],
  null: ({ c }) => [options(ofRows(c))],
  readable: ({ c }) => [options(ofRows(c))],
  unique: ({ c }) => [options({ ...ofRows(c), nulls: word('ignore', 'equal', 'distinct', 'bad') })],
  type: ({ c }) => [
    mostly(word('int', 'float', 'bool', 'timestamp', 'date', 'constructor', 'decimal')),
    options(ofRows(c)),
  ],
  finite: ({ c }) => [options(ofRows(c))],
  between: ({ c }, type) => [
    mostly(fc.constantFrom(...(boundsOf[type] ?? []))),
    mostly(fc.constantFrom(...(boundsOf[type] ?? []))),
    options({ ...ofRows(c), minExclusive: flag, maxExclusive: flag }),
  ],
  inSet: ({ c }, type) => [mostly(set(valuesOf[type] ?? [])), options({ ...ofRows(c), caseSensitive: flag })],
  notInSet: ({ c }, type) => [mostly(set(valuesOf[type] ?? [])), options({ ...ofRows(c), caseSensitive: flag })],
  inSetFrom: ({ c, other }) => [of(other), mostly(name), options(ofRows(c))],
  matches: ({ c }) => [mostly(pattern), options(ofRows(c))],
  notMatches: ({ c }) => [mostly(pattern), options(ofRows(c))],
  matchesAny: ({ c }) => [mostly(fc.array(pattern, { maxLength: 4 })), options(ofRows(c))],
  matchesAll: ({ c }) => [mostly(fc.array(pattern, { maxLength: 4 })), options(ofRows(c))],
  format: ({ c }) => [
    mostly(
      word(
        'email',
        'uuid',
        'url',
        'ipv4',
        'ipv6',
        'e164',
        'iso4217',
        'iso3166',
        'iso-date',
        'iso-datetime',
        'json',
        'iban',
        'constructor',
        'phone',
      ),
    ),
    options(ofRows(c)),
  ],
  length: ({ c }) => [options(bounds), options(ofRows(c))],
  trimmed: ({ c }) => [options(ofRows(c))],
  multipleOf: ({ c }) => [mostly(number), options({ ...ofRows(c), tolerance: number })],
  jsonSchema: ({ c }) => [mostly(schemas), options(ofRows(c))],
  increasing: ({ c }) => [options({ ...ofRows(c), orderBy: one(c), partitionBy: columns(c), strict: flag })],
  decreasing: ({ c }) => [options({ ...ofRows(c), orderBy: one(c), partitionBy: columns(c), strict: flag })],
  noOutliers: ({ c }) => [
    options({
      ...ofRows(c),
      method: word('zscore', 'iqr', 'mad', 'toString'),
      limit: number,
      reference: word('self', 'previous', 'train'),
    }),
  ],
  mean: ({ c }) => aggregate(c),
  median: ({ c }) => aggregate(c),
  std: ({ c }) => aggregate(c),
  sum: ({ c }) => aggregate(c),
  min: ({ c }) => aggregate(c),
  max: ({ c }) => aggregate(c),
  quantile: ({ c }) => [mostly(share), options({ ...common(c), ...bounds })],
  quantiles: ({ c }) => [
    mostly(
      fc.dictionary(
        word('0', '0.5', '1', '2', 'x', ''),
        fc.array(fc.constantFrom<unknown>(...numbers, undefined), { maxLength: 3 }),
        { maxKeys: 3 },
      ),
    ),
    options(common(c)),
  ],
  distinctCount: ({ c }) => aggregate(c),
  distinctShare: ({ c }) => fraction(c),
  containsSet: ({ c }, type) => [mostly(set(valuesOf[type] ?? [])), options(common(c))],
  equalsSet: ({ c }, type) => [mostly(set(valuesOf[type] ?? [])), options(common(c))],
  topValueShare: ({ c }) => fraction(c),
  nullShare: ({ c }) => fraction(c),
  notConstant: ({ c }) => [options(common(c))],
  entropy: ({ c }) => fraction(c),
  drift: ({ c, other }) => [
    options({
      ...common(c),
      from: from(other),
      metric: word('psi', 'jsd', 'linf', 'ks', 'wasserstein', 'cramersV', 'kl'),
      max: number,
    }),
  ],
  newCategories: ({ c, other }) => [options({ ...common(c), from: from(other), max: number })],
  metricAnomaly: ({ c }) => [
    mostly(word('mean', 'nullShare', 'distinctCount', 'median', 'std', 'rowCount', 'count', 'constructor')),
    anomaly(c),
  ],
  timeLeak: ({ c, other }) => [options({ ...common(c), after: of(other), column: word('t', 'i', 'constructor') })],
  classBalance: ({ c }) => [options({ ...common(c), minShare: share })],
}

/** What each function of `expect` is given. */
export const ofTable: Readonly<Record<keyof typeof tableCatalogue, (scene: Scene) => Arguments>> = {
  rowCount: ({ c }) => [
    options({ ...common(c), ...bounds, equals: number, vsPrevious: options({ minRatio: number, maxRatio: number }) }),
  ],
  schema: ({ c }) => [options({ ...common(c), mode: word('exact', 'superset', 'subset', 'loose'), ordered: flag })],
  columnExists: ({ c }) => [mostly(text), options(common(c))],
  columnCount: ({ c }) => [options({ ...common(c), ...bounds })],
  wholeLines: ({ c }) => [options(ofRows(c))],
  unique: ({ c }) => [mostly(columns(c)), options({ ...ofRows(c), nulls: word('ignore', 'equal', 'distinct', 'bad') })],
  primaryKey: ({ c }) => [mostly(columns(c)), options(ofRows(c))],
  duplicateRows: ({ c }) => [options({ ...ofRows(c), ignoreColumns: columns(c) })],
  foreignKey: ({ c, other }) => [
    mostly(columns(c)),
    of(other),
    mostly(fc.array(name, { maxLength: 3 })),
    options(ofRows(c)),
  ],
  reconcile: ({ c, other }) => [
    options({
      ...ofRows(c),
      with: of(other),
      on: columns(c),
      compare: columns(c),
      tolerance: options({ abs: number, rel: number }),
    }),
  ],
  compare: ({ c }) => [
    mostly(one(c)),
    mostly(word('eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'isNull', 'constructor')),
    mostly(one(c)),
    options({ ...ofRows(c), tolerance: number }),
  ],
  implies: ({ c }) => [mostly(conditions(c)), mostly(conditions(c)), options(ofRows(c))],
  sumEquals: ({ c }) => [
    mostly(columns(c)),
    mostly(fc.oneof(number, one(c))),
    options({ ...ofRows(c), tolerance: number }),
  ],
  distinctWithinRow: ({ c }) => [mostly(columns(c)), options(ofRows(c))],
  allOrNoneNull: ({ c }) => [mostly(columns(c)), options(ofRows(c))],
  correlation: ({ c }) => [
    mostly(one(c)),
    mostly(one(c)),
    options({ ...common(c), ...bounds, method: word('pearson', 'spearman', 'kendall') }),
  ],
  rowCountAnomaly: ({ c }) => [anomaly(c)],
  skew: ({ c, other }) => [
    options({
      ...ofRows(c),
      with: of(other),
      on: columns(c),
      features: columns(c),
      tolerance: options({ abs: number, rel: number }),
    }),
  ],
  labelLeak: ({ c }) => [
    options({ ...common(c), label: fc.oneof(conditions(c), one(c)), features: columns(c), max: share }),
  ],
  splitLeak: ({ c, other }) => [options({ ...ofRows(c), from: of(other), on: columns(c) })],
  conflictingLabels: ({ c }) => [mostly(one(c)), options({ ...ofRows(c), by: columns(c) })],
  that: ({ c }) => [mostly(conditions(c)), options(ofRows(c))],
  sql: ({ c }) => [
    mostly(
      fc.constantFrom<unknown>(
        sql`SELECT * FROM rows WHERE ${c['i'] as never} > ${1}`,
        sql`SELECT * FROM rows -- all`,
        sql`SELECT 1; SELECT 2`,
        sql`nonsense`,
        sql``,
        sql`SELECT NULL AS millrace_row`,
        sql`SELECT 'x' AS millrace_row`,
        sql`SELECT error('file "x" of Parquet is broken')`,
        sql`SELECT * FROM rows WHERE ${"it's"} = ${'\0'}`,
        { query: [5] },
        { query: 'SELECT 1' },
        { query: [] },
      ),
    ),
    options({ ...ofRows(c), says: text, timeout: duration }),
  ],
  batches: ({ c }) => [
    mostly(columns(c)),
    mostly(fc.constant(() => [])),
    options({ ...ofRows(c), says: text, timeout: duration, memoryMb: number }),
  ],
}
