import fc from 'fast-check'

/** Runs of each property; `MILLRACE_FUZZ_RUNS` multiplies them, `MILLRACE_FUZZ_SEED` repeats those of a failure. */
export const times = Number(process.env['MILLRACE_FUZZ_RUNS'] ?? 1)
const given = process.env['MILLRACE_FUZZ_SEED']

/** What every property is run with: a seed that is told when it fails, and a number of runs that can be raised. */
export const runs = (numRuns: number): { readonly seed: number; readonly numRuns: number } => ({
  seed: given === undefined ? 20_260_101 : Number(given),
  numRuns: Math.max(1, Math.round(numRuns * times)),
})

export const day = 86_400_000
const int64 = 2n ** 63n

/** Numbers at which something ends: exactness, range, sign, finiteness. */
export const numbers: readonly number[] = [
  0,
  -0,
  1,
  -1,
  0.5,
  1.5,
  -1e-9,
  2,
  3,
  100,
  2 ** 31,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 53),
  2 ** 63,
  2 ** 64,
  1e300,
  -1e300,
  Number.MAX_VALUE,
  Number.MIN_VALUE,
  2.2e-308,
  Number.NaN,
  Infinity,
  -Infinity,
]
export const bigints: readonly bigint[] = [0n, 9007199254740993n, int64 - 1n, int64, -int64, -int64 - 1n, 2n ** 128n]
export const texts: readonly string[] = [
  '',
  ' ',
  'a',
  'B',
  "it's",
  '"',
  '\\',
  '\0',
  'a\0b',
  '\ud800',
  'x\udfff',
  '😀',
  '👩‍👩‍👧',
  '\u202e',
  '\n',
  '\u001b[31m',
  '__proto__',
  'constructor',
  'toString',
  'NaN',
  '1e5',
  "'; DROP TABLE rows; --",
  'critical',
  'ignore',
  '1d',
  '9'.repeat(400),
  'x'.repeat(5000),
]
export const dates: readonly Date[] = [
  new Date(0),
  new Date(Number.NaN),
  new Date(8.64e15),
  new Date(-8.64e15),
  new Date('0001-01-01'),
  new Date('9999-12-31T23:59:59.999Z'),
  new Date(Date.UTC(2001, 0, 3)),
]
const odd: readonly unknown[] = [
  undefined,
  null,
  true,
  false,
  [],
  {},
  [null],
  [undefined],
  [[]],
  Symbol('x'),
  () => true,
  /a/,
  /(a+)+$/i,
  /(?=a)/,
  new Map(),
  { __proto__: null },
  JSON.parse('{"__proto__":{"polluted":true}}'),
  { constructor: 1 },
  { min: '0' },
  { node: {} },
  { node: { op: 'column', name: 'absent', type: 'int' } },
  new Proxy({}, {}),
  Object.create(null),
  new Date(Number.NaN),
  new Error('x'),
  [1, 'a', true, null, 2n],
  Array.from({ length: 3 }),
]

/** Anything that a caller without types may hand over. */
export const anything: fc.Arbitrary<unknown> = fc.constantFrom<unknown>(
  ...numbers,
  ...bigints,
  ...texts,
  ...dates,
  ...odd,
)

/** Mostly what is asked for, now and then anything. */
export const mostly = <T>(good: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 5, arbitrary: good as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: anything })

/** Some of the options, each mostly what it should be, and now and then one that does not exist. */
export const options = (known: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<unknown> =>
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record(Object.fromEntries(Object.entries(known).map(([name, one]) => [name, mostly(one)])), {
        requiredKeys: [],
      }),
    },
    {
      weight: 1,
      arbitrary: fc.dictionary(
        fc.constantFrom(...Object.keys(known), 'mostley', '__proto__', 'constructor'),
        anything,
        { maxKeys: 3 },
      ),
    },
    { weight: 1, arbitrary: anything },
  )
