import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ExpectationColumns } from '../../src/define/expectation/index.ts'
import type { Expectation, ExpectationSpec, RowOptions } from '../../src/define/expectation/spec.ts'
import { csv, dataset, parquet } from '../../src/index.ts'
import type { DataEngine } from '../../src/ports/data-engine.ts'
import { validate } from '../../src/stages/validate/validate.ts'
import { manualClock } from '../../src/testing/manual-clock.ts'
import { type Judge, type Row, anyOptions, anyRows, columns, figureCases, groupCases, rowCases } from './cases.ts'
import { wholeCases, wholeNow } from './whole-cases.ts'

/** An engine whose verdicts are compared with plain counting. */
export interface Judged {
  readonly open: () => Promise<DataEngine>
  /** Writes the files that it reads. */
  readonly writer: () => Promise<DataEngine>
  readonly forms: readonly ('parquet' | 'csv')[]
  /** Whether it takes an expectation; the others it refuses by name. */
  readonly takes: (spec: ExpectationSpec) => boolean
  /** SQL of the members of a column of lists, one a row. */
  readonly each: (column: string) => string
  readonly runs: number
}

/** What is judged, in which folder. */
interface Bench {
  readonly engine: DataEngine
  readonly writer: DataEngine
  readonly folder: string
}

async function write({ writer, folder }: Bench, rows: readonly Row[], name: string, form: 'parquet' | 'csv') {
  const path = join(folder, name)
  if (form === 'csv') {
    const cell = (value: unknown): string =>
      value === null ? '' : typeof value === 'string' ? `"${value.replaceAll('"', '""')}"` : String(value)
    const time = (at: bigint | null) => (at === null ? null : new Date(Number(at / 1000n)).toISOString())
    const names = ['o', 'i', 'j', 'x', 's', 'u', 'b', 't'] as const
    const lines = rows.map(row =>
      names.map(n => cell(n === 't' ? (time(row.t)?.replace(/"/g, '') ?? null) : row[n])).join(','),
    )
    await writeFile(path, `${names.join(',')}\n${lines.join('\n')}${lines.length > 0 ? '\n' : ''}`)
    return
  }
  const nulls = (of: (row: Row) => unknown) => Uint8Array.from(rows, row => (of(row) === null ? 1 : 0))
  const whole = (n: string, of: (row: Row) => bigint | null, type: 'int' | 'timestamp') => ({
    name: n,
    type,
    values: BigInt64Array.from(rows, row => of(row) ?? 0n),
    nulls: nulls(of),
  })
  const { sql: table } = await writer.load('oracle_rows', [
    { name: 'o', type: 'int', values: BigInt64Array.from(rows, row => BigInt(row.o)) },
    whole('i', row => row.i, 'int'),
    whole('j', row => row.j, 'int'),
    { name: 'x', type: 'float', values: Float64Array.from(rows, row => row.x ?? 0), nulls: nulls(row => row.x) },
    { name: 's', type: 'text', values: rows.map(row => row.s ?? ''), nulls: nulls(row => row.s) },
    { name: 'u', type: 'text', values: rows.map(row => row.u ?? ''), nulls: nulls(row => row.u) },
    { name: 'b', type: 'bool', values: Uint8Array.from(rows, row => (row.b ? 1 : 0)), nulls: nulls(row => row.b) },
    whole('t', row => row.t, 'timestamp'),
  ])
  await writer.writeParquet(`SELECT * FROM ${table}`, path)
}

/** What the options make of judged rows: the status, and the counts. */
function verdict(rows: readonly Row[], judge: Judge, options: RowOptions & { guarded?: boolean }) {
  const inside = options.guarded ? rows.filter(row => row.j !== null && row.j > 0n) : rows
  const judged = inside.map(judge)
  const nulls = judged.filter(one => one === null).length
  const evaluated = options.nulls === undefined || options.nulls === 'ignore' ? judged.length - nulls : judged.length
  const bad = judged.filter(one => one === false).length + (options.nulls === 'bad' ? nulls : 0)
  const all = options.denominator === 'all' ? judged.length : evaluated
  const most = (limit: { share?: number; count?: number }) =>
    limit.count ?? Math.floor(all * (limit.share as number) + 1e-9)
  const fail =
    options.fail ?? (options.mostly === undefined ? { count: options.maxBad ?? 0 } : { share: 1 - options.mostly })
  const empty = options.onEmpty ?? (options.guarded && inside.length === 0 ? 'pass' : 'fail')
  const status =
    evaluated === 0 ? empty : bad > most(fail) ? 'fail' : options.warn && bad > most(options.warn) ? 'warn' : 'pass'
  return { status, bad: evaluated === 0 ? 0 : bad, evaluated }
}

const source = (name: string, form: 'parquet' | 'csv') => (form === 'csv' ? csv(name) : parquet(name))

/** Declares the tests that hold an engine to what plain counting says of every kind that it takes. */
export function holdToCounting(judged: Judged): void {
  let bench: Bench
  beforeAll(async () => {
    const engine = await judged.open()
    const folder = await mkdtemp(join(tmpdir(), 'millrace-oracle-'))
    bench = { engine, folder, writer: judged.writer === judged.open ? engine : await judged.writer() }
  })
  afterAll(async () => {
    await bench.engine.close()
    if (bench.writer !== bench.engine) await bench.writer.close()
    await rm(bench.folder, { recursive: true })
  })
  const taken = <C>(cases: readonly C[], make: (one: C, c: ExpectationColumns<typeof columns>) => Expectation) => {
    const made = dataset('d', {
      source: parquet('-'),
      columns,
      expect: c =>
        cases.map((one, at) => {
          const built = make(one, c)
          return { ...built, expectation: { ...built.expectation, id: `case-${at}` } }
        }),
    })
    return cases.filter((_, at) => {
      const spec = made.expectations.find(one => one.id === `case-${at}`)
      return spec !== undefined && judged.takes(spec)
    })
  }
  const rowsTaken = taken(rowCases, (one, c) => one.make(c, {}))
  const groupsTaken = taken(groupCases, (one, c) => one.make(c))
  const figuresTaken = taken(figureCases, (one, c) => one.make(c))
  const beside = dataset('other', { source: parquet('-'), columns })
  const wholesTaken = taken(wholeCases, (one, c) => one.make(c, beside))

  it.each(judged.forms)('of rows, with every option, from %s', async form => {
    await fc.assert(
      fc.asyncProperty(anyRows, fc.array(anyOptions, { minLength: 4, maxLength: 4 }), async (rows, drawn) => {
        await write(bench, rows, `rows.${form}`, form)
        const options = (at: number): RowOptions & { guarded?: boolean } => {
          const made = { ...(drawn[at % drawn.length] as RowOptions & { guarded?: boolean }) }
          for (const name of rowsTaken[at]?.without ?? []) delete made[name as never]
          return made
        }
        const made = dataset('d', {
          source: source(`rows.${form}`, form),
          columns,
          expect: c =>
            rowsTaken.map((one, at) => {
              const { guarded, ...rest } = options(at)
              return one.make(c, { ...rest, id: `case-${at}`, ...(guarded ? { when: c.j.gt(0) } : {}) })
            }),
        })
        const result = await validate({ engine: bench.engine, root: bench.folder, clock: manualClock() }, made)
        const flagged = new Map<string, number>()
        if (result.split.bad)
          for (const row of await bench.engine.rows(
            `SELECT id, count(*) AS n FROM (SELECT ${judged.each('millrace_checks')} AS id FROM (${result.split.bad})) GROUP BY id`,
          ))
            flagged.set(String(row.id), Number(row.n))
        await result.release()
        rowsTaken.forEach((one, at) => {
          const check = result.report.checks.find(found => found.id === `case-${at}`)
          const wanted = verdict(rows, one.judge, options(at))
          const found = { status: check?.status, bad: check?.bad, evaluated: check?.evaluated }
          expect({ case: `${one.kind} ${at} ${JSON.stringify(options(at))}`, ...found, error: check?.error }).toEqual({
            case: `${one.kind} ${at} ${JSON.stringify(options(at))}`,
            ...wanted,
            error: undefined,
          })
          if (wanted.evaluated > 0) {
            // rows that a passing check tolerates are no failures; a cell that cannot be read stays out all the same
            const failing = wanted.status === 'pass' && one.kind !== 'readable' ? 0 : wanted.bad
            expect([one.kind, at, flagged.get(`case-${at}`) ?? 0]).toEqual([one.kind, at, failing])
          }
        })
      }),
      { numRuns: Math.ceil(40 * judged.runs) },
    )
  })

  it.each(judged.forms)('of the whole, and beside another dataset, from %s', async form => {
    await fc.assert(
      fc.asyncProperty(anyRows, anyRows, async (rows, others) => {
        await write(bench, rows, `rows.${form}`, form)
        await write(bench, others, `others.${form}`, form)
        const other = dataset('other', { source: source(`others.${form}`, form), columns })
        const made = dataset('d', {
          source: source(`rows.${form}`, form),
          columns,
          expect: c =>
            wholesTaken.map((one, at) => {
              const built = one.make(c, other)
              return { ...built, expectation: { ...built.expectation, id: `case-${at}` } }
            }),
        })
        const { report, release } = await validate(
          { engine: bench.engine, root: bench.folder, clock: manualClock(wholeNow) },
          made,
        )
        await release()
        wholesTaken.forEach((one, at) => {
          const found = report.checks.find(check => check.id === `case-${at}`)
          expect([one.kind, found?.error, found?.status, found?.evaluated, found?.bad]).toEqual([
            one.kind,
            undefined,
            ...one.verdict(rows, others),
          ])
        })
      }),
      { numRuns: Math.ceil(25 * judged.runs) },
    )
  })

  it('of rows among others, and of figures', async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, async rows => {
        await write(bench, rows, 'rows.parquet', 'parquet')
        const made = dataset('d', {
          source: parquet('rows.parquet'),
          columns,
          expect: c =>
            [...groupsTaken, ...figuresTaken].map((one, at) => {
              const built = one.make(c)
              return { ...built, expectation: { ...built.expectation, id: `case-${at}` } }
            }),
        })
        const { report, release } = await validate(
          { engine: bench.engine, root: bench.folder, clock: manualClock() },
          made,
        )
        await release()
        const check = (at: number) => report.checks.find(found => found.id === `case-${at}`)
        groupsTaken.forEach((one, at) => {
          const wanted = one.count(rows)
          const found = check(at)
          expect([one.kind, at, found?.error, found?.evaluated, found?.bad]).toEqual([
            one.kind,
            at,
            undefined,
            wanted.evaluated,
            wanted.evaluated === 0 ? 0 : wanted.bad,
          ])
        })
        figuresTaken.forEach((one, i) => {
          const found = check(groupsTaken.length + i)
          const wanted = one.value(rows)
          expect([one.kind, found?.error]).toEqual([one.kind, undefined])
          if (wanted === undefined) expect([one.kind, found?.observed]).toEqual([one.kind, {}])
          else {
            const value = Number(found?.observed.value)
            const close = Math.abs(value - wanted) <= 1e-9 * Math.max(1, Math.abs(wanted))
            expect([one.kind, close, value, wanted]).toEqual([one.kind, true, value, wanted])
          }
        })
      }),
      { numRuns: Math.ceil(60 * judged.runs) },
    )
  })
}
