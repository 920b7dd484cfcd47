import type { Column, DataEngine } from '../../ports/data-engine.ts'
import { rowColumn } from '../../ports/data-engine.ts'

/** Flags that a 64-bit mask takes. */
export const flagsOfMask = 60

/** Flags of a mask that is read here: its lower half is a small whole number. */
const flagsOfHalf = 30

/** A combination of broken checks that some rows share. */
export interface Combination {
  /** Places of its checks among all. */
  readonly checks: readonly number[]
  readonly rows: number
  /** Numbers of its first rows, ascending. */
  readonly first: readonly number[]
}

/** How the rows that break a check are told: a condition, or a table of their numbers. */
export interface BrokenRule {
  readonly bad: string
  readonly numbers?: string | undefined
}

/** Columns that tell which checks a row breaks, one bit a check. */
export interface Masks {
  readonly sql: string
  readonly names: readonly string[]
  /** The rows of a SELECT as what `sql` is asked of. */
  from(numbered: string): string
}

/** Name of the column that says of a row whether a table of numbers has it. */
const flagOf = (place: number): string => `millrace_in${place}`

/** Rows with a flag for each of some tables of numbers: for engines that take a subquery as a filter alone. */
function withFlags(engine: DataEngine, numbered: string, broken: readonly BrokenRule[]): string {
  const row = engine.dialect.identifier(rowColumn)
  const tables = broken.flatMap(({ numbers }, i) => (numbers === undefined ? [] : [{ numbers, i }]))
  if (tables.length === 0) return `(${numbered})`
  const flags = tables.map(({ i }) => `(n${i}.n IS NOT NULL) AS ${flagOf(i)}`)
  const joins = tables.map(
    ({ numbers, i }) => `LEFT JOIN (SELECT DISTINCT ${row} AS n FROM ${numbers}) n${i} ON n${i}.n = rows_of.${row}`,
  )
  return `(SELECT rows_of.*, ${flags.join(', ')} FROM (${numbered}) rows_of ${joins.join(' ')})`
}

export function masksOf(engine: DataEngine, broken: readonly BrokenRule[], flags = flagsOfMask): Masks {
  const { dialect } = engine
  const masks: string[] = []
  const asFlag = (one: BrokenRule, place: number) =>
    dialect.filtersOnly && one.numbers !== undefined ? flagOf(place) : one.bad
  for (let from = 0; from < broken.length; from += flags) {
    const bits = broken
      .slice(from, from + flags)
      .map((one, i) => `CASE WHEN ${asFlag(one, from + i)} THEN ${2n ** BigInt(i)} ELSE 0 END`)
    masks.push(`${dialect.cast(bits.join(' + '), 'int')} AS millrace_m${masks.length}`)
  }
  return {
    sql: masks.join(', '),
    names: masks.map((_, i) => `millrace_m${i}`),
    from: numbered => (dialect.filtersOnly ? withFlags(engine, numbered, broken) : `(${numbered})`),
  }
}

/** The checks whose bits are set. */
function checksOf(masks: readonly bigint[], among: readonly number[]): number[] {
  return among.filter((_, i) => ((masks[Math.floor(i / flagsOfMask)] as bigint) >> BigInt(i % flagsOfMask)) & 1n)
}

/** A page of rows: which combination each breaks. */
const pageRows = 4096

/** Combinations by number; 0 is the one of no checks. */
class Combinations {
  readonly #known: (readonly number[])[] = [[]]
  readonly #byChecks = new Map<string, number>([['', 0]])
  readonly #joined = new Map<number, number>()
  readonly #checks: number

  constructor(checks: number) {
    this.#checks = checks
  }

  get all(): readonly (readonly number[])[] {
    return this.#known
  }

  of(checks: readonly number[]): number {
    const key = checks.join()
    const known = this.#byChecks.get(key)
    if (known !== undefined) return known
    this.#byChecks.set(key, this.#known.length)
    return this.#known.push(checks) - 1
  }

  /** A combination and those of its checks that bits of a mask name. */
  withMask(combination: number, mask: number, checks: readonly number[]): number {
    return checks.reduce((all, check, i) => ((mask >>> i) & 1 ? this.with(all, check) : all), combination)
  }

  /** A combination and one more check. */
  with(combination: number, check: number): number {
    const key = combination * this.#checks + check
    let joined = this.#joined.get(key)
    if (joined === undefined) {
      const checks = new Set(this.#known[combination]).add(check)
      joined = this.of([...checks].sort((a, b) => a - b))
      this.#joined.set(key, joined)
    }
    return joined
  }
}

/** Whether the lower half of a number of 64 bits stands first. */
const lowFirst = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1
const low = lowFirst ? 0 : 1
const high = lowFirst ? 1 : 0

/** Numbers of 64 bits as pairs of 32: those below 2^53 are then read without making a bigint of each. */
const halvesOf = ({ values }: Column): Uint32Array => {
  const { buffer, byteOffset, length } = values as BigInt64Array
  return new Uint32Array(buffer, byteOffset, length * 2)
}

/** Which combination each row breaks, for as many rows as break one. */
class RowCombinations {
  readonly #combinations: Combinations
  readonly #pages = new Map<number, Uint32Array>()

  constructor(checks: number) {
    this.#combinations = new Combinations(checks)
  }

  /** Adds to each row what `next` makes of its combination so far. */
  #add(rows: Column, next: (combination: number, i: number) => number): void {
    const halves = halvesOf(rows)
    let at = -1
    let page: Uint32Array = new Uint32Array(0)
    for (let i = 0; i < halves.length / 2; i++) {
      const row = (halves[2 * i + high] as number) * 2 ** 32 + (halves[2 * i + low] as number)
      const wanted = Math.floor(row / pageRows)
      if (wanted !== at) {
        at = wanted
        page = this.#pages.get(at) ?? new Uint32Array(pageRows)
        this.#pages.set(at, page)
      }
      const place = row % pageRows
      page[place] = next(page[place] as number, i)
    }
  }

  /** Rows that break one check. */
  addCheck(rows: Column, check: number): void {
    this.#add(rows, combination => this.#combinations.with(combination, check))
  }

  /** Rows that break those of some checks whose bits are set. */
  addMask(rows: Column, mask: Column, checks: readonly number[]): void {
    const masks = halvesOf(mask)
    // one map for a combination: its keys are small whole numbers
    const known = new Map<number, Map<number, number>>()
    this.#add(rows, (combination, i) => {
      const bits = masks[2 * i + low] as number
      let byMask = known.get(combination)
      if (!byMask) known.set(combination, (byMask = new Map()))
      let joined = byMask.get(bits)
      if (joined === undefined) byMask.set(bits, (joined = this.#combinations.withMask(combination, bits, checks)))
      return joined
    })
  }

  /** What was found: combinations with their rows, and the first of these. */
  found(maxFirst: number): Combination[] {
    const { all } = this.#combinations
    const rows = all.map(() => 0)
    const first: number[][] = all.map(() => [])
    for (const at of [...this.#pages.keys()].sort((a, b) => a - b)) {
      const page = this.#pages.get(at) as Uint32Array
      for (let i = 0; i < page.length; i++) {
        const combination = page[i] as number
        if (combination === 0) continue
        const before = rows[combination] as number
        rows[combination] = before + 1
        if (before < maxFirst) first[combination]?.push(at * pageRows + i)
      }
    }
    return all.flatMap((checks, i) =>
      i === 0 || rows[i] === 0 ? [] : [{ checks, rows: rows[i] as number, first: first[i] as number[] }],
    )
  }
}

/** Rows of which a number is held each at most. */
const maxHeld = 20_000_000

/**
 * Which combinations of checks the rows break. Where most of them are known by their numbers, these are joined here, which
 * costs about a third of what it costs the engine, and the few that conditions tell are asked for; else the engine looks at all rows
 * and groups them.
 */
export async function combinationsOf(
  engine: DataEngine,
  numbered: string,
  broken: readonly (BrokenRule & { readonly rows: number })[],
  maxFirst: number,
  max = maxHeld,
): Promise<Combination[]> {
  const countOf = (some: readonly { readonly rows: number }[]) => some.reduce((sum, one) => sum + one.rows, 0)
  const byNumber = countOf(broken.filter(one => one.numbers !== undefined))
  const byCondition = countOf(broken.filter(one => one.numbers === undefined))
  if (byNumber <= byCondition || byNumber + byCondition > max)
    return combinationsBySql(engine, numbered, broken, maxFirst)
  const rows = new RowCombinations(broken.length)
  const row = engine.dialect.identifier(rowColumn)
  const conditions = broken.flatMap((one, i) => (one.numbers === undefined ? [i] : []))
  if (conditions.length > 0) {
    const asked = conditions.map(i => broken[i] as BrokenRule)
    const { sql, names, from } = masksOf(engine, asked, flagsOfHalf)
    const any = names.map(name => `${name} <> 0`).join(' OR ')
    const masks = `SELECT ${row}, ${names.join(', ')} FROM (SELECT ${row}, ${sql} FROM ${from(numbered)}) WHERE ${any}`
    for await (const batch of engine.stream(masks))
      names.forEach((name, i) => {
        const checks = conditions.slice(i * flagsOfHalf, (i + 1) * flagsOfHalf)
        rows.addMask(batch.get(rowColumn) as Column, batch.get(name) as Column, checks)
      })
  }
  for (const [check, { numbers }] of broken.entries())
    if (numbers !== undefined)
      for await (const batch of engine.stream(`SELECT ${row} FROM ${numbers}`))
        rows.addCheck(batch.get(rowColumn) as Column, check)
  return rows.found(maxFirst)
}

async function combinationsBySql(
  engine: DataEngine,
  numbered: string,
  broken: readonly BrokenRule[],
  maxFirst: number,
): Promise<Combination[]> {
  const { dialect } = engine
  const row = dialect.identifier(rowColumn)
  const { sql, names, from } = masksOf(engine, broken)
  // the rows that break nothing are left out here: an engine that is asked to leave them out works every condition out twice
  const occurring = await engine.rows(
    `SELECT ${names.join(', ')}, count(*) AS n, ${dialect.leastAsText(row, maxFirst, 'true')} AS first FROM (SELECT ${row}, ${sql} FROM ${from(numbered)}) GROUP BY ${names.join(', ')}`,
  )
  const among = broken.map((_, i) => i)
  return occurring.flatMap(one => {
    const masks = names.map(name => BigInt(one[name] as number | bigint))
    if (masks.every(mask => mask === 0n)) return []
    const first = String(one.first ?? '').split(',')
    return [{ checks: checksOf(masks, among), rows: Number(one.n), first: first.map(Number) }]
  })
}
