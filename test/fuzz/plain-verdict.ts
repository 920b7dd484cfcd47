import type { Dialect } from '../../src/ports/data-engine.ts'
import type { Row } from '../oracle/cases.ts'

const int64 = 2n ** 63n
type Cells = Omit<Row, 'o'>
const none: Cells = { i: null, j: null, x: null, s: null, u: null, b: null, t: null }

/** Rows with what is hard in every column. */
export const rows: readonly Row[] = (
  [
    { i: 0n, j: 1n, x: 0, s: 'a', u: '{"k":1}', b: true, t: 0n },
    { i: 1n, j: 1n, x: -0, s: 'B', u: '{', b: false, t: 978_307_200_000_000n },
    { i: -2n, j: 0n, x: 0.5, s: '', u: '[[[]]]', b: null, t: -62_135_596_800_000_000n },
    { i: 9007199254740993n, j: -9007199254740993n, x: 1e300, s: '😀', u: '12', b: true, t: 253_402_300_799_999_999n },
    { i: int64 - 1n, j: -int64, x: Number.NaN, s: 'a\0b', u: 'x', b: true, t: null },
    {
      i: -int64,
      j: int64 - 1n,
      x: Number.POSITIVE_INFINITY,
      s: "it's",
      u: '"',
      b: false,
      t: null,
    },
    { ...none, x: Number.NEGATIVE_INFINITY, s: '\u202e', u: '\\', t: 1n },
    { i: 1n, j: 2n, x: Number.MIN_VALUE, s: 'a', u: '', b: true, t: -1n },
    none,
    none,
    { ...none, i: 100n, s: 'x'.repeat(5000), u: '9'.repeat(400) },
    { ...none, x: Number.MAX_VALUE, j: 3n },
    { ...none, x: -1e300, i: 2n, s: '\ufffd', u: 'NaN' },
    { ...none, i: 3n, x: 2 ** 53, s: ' a ', u: '1e5', b: false },
    { ...none, i: 9007199254740992n, x: 100, s: 'constructor', u: '__proto__', b: false },
    { ...none, i: -9007199254740992n, x: 1, s: '\n', u: '\u001b[31m', b: true, t: 2n },
  ] satisfies readonly Cells[]
).map((row, o) => ({ ...row, o }))

/** Times of some rows that lie beyond the years that are read: no values of their column. */
const beyond: Readonly<Record<number, bigint>> = { 4: 8_640_000_000_000_000_000n, 5: -8_640_000_000_000_000_000n }

/** The same as a SELECT. */
export function hardRows({ literal }: Dialect): string {
  const types = { o: 'int', i: 'int', j: 'int', x: 'float', s: 'text', u: 'text', b: 'bool', t: 'timestamp' } as const
  return rows
    .map(row => ({ ...row, t: beyond[row.o] ?? row.t }))
    .map(
      row =>
        `SELECT ${Object.entries(types)
          .map(([name, type]) => `${literal(row[name as keyof Row] as never, type)} AS ${name}`)
          .join(', ')}`,
    )
    .join(' UNION ALL ')
}

interface Plain {
  readonly status: string
  readonly evaluated: number
  readonly bad: number
}

type Options = Readonly<Record<string, unknown>>
const isOptions = (value: unknown): value is Options => typeof value === 'object' && value !== null

type Judge = (value: never, args: never) => boolean

const at = (value: unknown): unknown => (value instanceof Date ? BigInt(value.getTime()) * 1000n : value)
const lower = (text: string): string => text.toLowerCase()

/** The arguments of each method as they are once a declaration was made of them. */
interface Cased {
  readonly caseSensitive?: boolean
}
type BetweenArguments = readonly [
  unknown,
  unknown,
  { readonly minExclusive?: boolean; readonly maxExclusive?: boolean }?,
]
type SetArguments = readonly [readonly unknown[], Cased?]

function between(value: number, [min, max, open = {}]: BetweenArguments): boolean {
  const [low, high] = [at(min) as number | undefined, at(max) as number | undefined]
  if (low !== undefined && !(open.minExclusive ? value > low : value >= low)) return false
  return high === undefined || (open.maxExclusive ? value < high : value <= high)
}

function length(
  value: string,
  [{ min = 0, max = Infinity }]: readonly [{ readonly min?: number; readonly max?: number }],
): boolean {
  return [...value].length >= min && [...value].length <= max
}

/** Rules about one value: which argument holds the options, and when a value that is not null holds. */
const rules: Readonly<Record<string, readonly [options: number, judge: Judge]>> = {
  finite: [0, (x: number | bigint) => typeof x === 'bigint' || Number.isFinite(x)],
  between: [2, between as Judge],
  inSet: [1, ((value: unknown, [set, cased]: SetArguments) => inside(value, set, cased)) as Judge],
  notInSet: [1, ((value: unknown, [set, cased]: SetArguments) => !inside(value, set, cased)) as Judge],
  length: [1, length as Judge],
}

function inside(value: unknown, set: readonly unknown[], { caseSensitive = true }: Cased = {}): boolean {
  if (typeof value === 'string' && !caseSensitive) return set.some(one => lower(String(one)) === lower(value))
  return set.some(one => one === value || (typeof value !== 'string' && typeof value !== 'boolean' && value == one))
}

function share(limit: { readonly share?: number; readonly count?: number }, all: number): number {
  return limit.count ?? Math.floor(all * (limit.share ?? 0) + 1e-9)
}

/** What counting by hand makes of a rule about one value, with its options; undefined where this knows no better. */
export function plainVerdict(name: string, column: string | undefined, args: readonly unknown[]): Plain | undefined {
  const rule = rules[name]
  if (!rule || column === undefined) return undefined
  const [place, judge] = rule
  const options = (isOptions(args[place]) ? args[place] : {}) as Readonly<Record<string, unknown>>
  const {
    nonFinite = name === 'finite' ? 'allow' : 'bad',
    nulls = 'ignore',
    denominator,
    when,
    mostly,
    maxBad,
    fail,
    warn,
    onEmpty,
  } = options
  const condition = (when as { node?: { args?: readonly { args?: readonly { name?: string }[] }[] } } | undefined)?.node
    ?.args?.[0]?.args?.[0]?.name
  const inScope = condition === undefined ? rows : rows.filter(row => row[condition as keyof Row] !== null)
  const verdicts = inScope.map(row => {
    const value = row[column as keyof Row]
    const strange = typeof value === 'number' && !Number.isFinite(value)
    if (value === null || (strange && nonFinite === 'null' && name !== 'finite')) return null
    if (strange && nonFinite === 'bad' && name !== 'finite') return false
    return judge(value as never, args as never)
  })
  const unknown = verdicts.filter(one => one === null).length
  const evaluated = nulls === 'ignore' ? verdicts.length - unknown : verdicts.length
  const bad = verdicts.filter(one => one === false).length + (nulls === 'bad' ? unknown : 0)
  const all = denominator === 'all' ? verdicts.length : evaluated
  const most = share(
    (fail as object) ?? (mostly === undefined ? { count: (maxBad as number) ?? 0 } : { share: 1 - (mostly as number) }),
    all,
  )
  const empty = (onEmpty as string) ?? (when && inScope.length === 0 ? 'pass' : 'fail')
  if (evaluated === 0) return { status: empty, evaluated: 0, bad: 0 }
  return { status: bad > most ? 'fail' : warn && bad > share(warn as object, all) ? 'warn' : 'pass', evaluated, bad }
}

plainVerdict.covers = (method: string): boolean => (method.split('.').at(-1) as string) in rules
