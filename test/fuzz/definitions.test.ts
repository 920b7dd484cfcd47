import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../src/adapters/data/duckdb/engine.ts'
import { columnCatalogue, tableCatalogue } from '../../src/define/expectation/catalogue.ts'
import { expectationColumns } from '../../src/define/expectation/index.ts'
import type { Expectation } from '../../src/define/expectation/spec.ts'
import type { CheckResult } from '../../src/define/report.ts'
import { isMillraceError } from '../../src/errors/index.ts'
import { csv, dataset, expect as must, parquet, t } from '../../src/index.ts'
import { canonicalJson, type Json } from '../../src/internal/canonical-json.ts'
import { digestJson } from '../../src/internal/digest.ts'
import type { DataEngine } from '../../src/ports/data-engine.ts'
import { validate } from '../../src/stages/validate/validate.ts'
import { manualClock } from '../../src/testing/manual-clock.ts'
import { columns } from '../oracle/cases.ts'
import { ofColumn, ofTable, type Given, type Scene } from './declarations.ts'
import { runs } from './edges.ts'
import { hardRows, plainVerdict } from './plain-verdict.ts'

const other = dataset('other', { source: parquet('other.parquet'), columns })
const c = expectationColumns(columns) as unknown as Given
const scene: Scene = { c, other }

interface Method {
  readonly name: string
  readonly kind: string
  readonly column?: string
  readonly arguments: fc.Arbitrary<readonly unknown[]>
  readonly make: (...args: readonly unknown[]) => Expectation
}

const call = (of: unknown, name: string) =>
  (of as Readonly<Record<string, (...args: readonly unknown[]) => Expectation>>)[name] as Method['make']

const methods: readonly Method[] = [
  ...Object.entries(tableCatalogue).map(([name, entry]) => ({
    name,
    kind: entry.kind.name,
    arguments: fc.tuple(...ofTable[name as keyof typeof ofTable](scene)),
    make: call(must, name),
  })),
  ...Object.entries(columnCatalogue).flatMap(([name, entry]) =>
    ['i', 'x', 's', 'u', 'b', 't']
      .filter(column => (entry.on as readonly string[]).includes(columns[column as 'i'].type))
      .map(column => ({
        name: `${column}.${name}`,
        kind: entry.kind.name,
        column,
        arguments: fc.tuple(...ofColumn[name as keyof typeof ofColumn](scene, columns[column as 'i'].type)),
        make: call(c[column], name),
      })),
  ),
]

/** The declaration, or undefined where it is refused as it must be. */
function declare({ name, kind, make }: Method, args: readonly unknown[]): Expectation | undefined {
  try {
    return make(...args)
  } catch (error) {
    if (!isMillraceError(error)) throw new Error(`${name} threw ${String(error)}`, { cause: error })
    expect([error.code, error.exit]).toEqual(['MR1005', 2])
    expect(error.hint).not.toBe('')
    expect(error.message).toContain(kind === 'wholeLines' ? 'wholeLines' : kind)
    expect(error.message).not.toMatch(/undefined is not|is not a function|is not iterable|\n/)
    return undefined
  }
}

it('no kind is without arguments to try it with', () => {
  expect(Object.keys(ofTable).sort()).toEqual(Object.keys(tableCatalogue).sort())
  expect(Object.keys(ofColumn).sort()).toEqual(Object.keys(columnCatalogue).sort())
})

describe('a declaration with whatever arguments is made or refused by its name', () => {
  it.each(methods)('$name', method => {
    fc.assert(
      fc.property(method.arguments, args => {
        const made = declare(method, args)
        if (!made) return
        const { site: _, ...spec } = made.expectation
        const json = canonicalJson(spec as unknown as Json)
        expect(canonicalJson(JSON.parse(json) as Json)).toBe(json)
        expect(digestJson(JSON.parse(json) as Json)).toBe(digestJson(spec as unknown as Json))
        expect(['critical', 'warning', 'info']).toContain(spec.severity)
        expect(['fail', 'warn', 'pass', undefined]).toContain(spec.onEmpty)
        expect(['ignore', 'bad', 'good', undefined]).toContain(spec.nulls)
        expect(['bad', 'null', 'allow', undefined]).toContain(spec.nonFinite)
        expect(spec.when?.type ?? 'bool').toBe('bool')
        expect(spec.says).not.toMatch(/\p{Cc}/u)
        expect(spec.says.length).toBeLessThanOrEqual(400)
      }),
      runs(80),
    )
  })
})

describe('what is accepted is judged as plain counting judges it, or is an error of its own', () => {
  let engine: DataEngine
  let root: string
  beforeAll(async () => {
    engine = await openDuckdb()
    root = await mkdtemp(join(tmpdir(), 'millrace-fuzz-'))
    const select = `SELECT * FROM (${hardRows(engine.dialect)})`
    for (const name of ['rows', 'other']) await engine.writeParquet(select, join(root, `${name}.parquet`))
    await engine.execute(`COPY (${select}) TO '${join(root, 'rows.csv')}' (HEADER)`)
  })
  afterAll(async () => {
    await engine.close()
    await rm(root, { recursive: true })
  })

  /** All of them at once: each is a neighbour of the others. */
  async function judged(kind: string, expectations: readonly Expectation[]): Promise<readonly CheckResult[]> {
    const made = dataset('d', {
      // what is asked of text has no place where a file has types
      source: kind === 'readable' ? csv('rows.csv') : parquet('rows.parquet'),
      columns,
      quarantine: false,
      expect: () => [...expectations, must.rowCount({ id: 'neighbour', min: 1 })],
    })
    const { report, release } = await validate({ engine, root, clock: manualClock() }, made)
    await release()
    expect(report.checks.find(one => one.id === 'neighbour')).toMatchObject({ status: 'pass', evaluated: 16 })
    return report.checks
  }

  it.each(methods)('$name', async method => {
    const { numRuns, seed } = runs(50)
    const drawn = fc.sample(method.arguments, { numRuns, seed }).map(args => ({ args, made: declare(method, args) }))
    const accepted = drawn.flatMap(({ args, made }, i) =>
      made ? [{ args, made: { ...made, expectation: { ...made.expectation, id: `case-${i}` } } }] : [],
    )
    if (accepted.length === 0) return
    const checks = await judged(
      method.kind,
      accepted.map(one => one.made),
    )
    for (const { args, made } of accepted) {
      const found = checks.find(one => one.id === made.expectation.id) as CheckResult
      const what = `seed ${seed}: ${method.name} ${made.expectation.says}`
      if (found.status === 'error') {
        expect(found.error, what).toMatch(/./)
        expect(found.error, what).not.toContain('within Millrace')
        continue
      }
      expect(JSON.stringify(found.observed), what).not.toMatch(/undefined/)
      const plain = plainVerdict(method.name.split('.').at(-1) as string, method.column, args)
      if (plain)
        expect([what, found.status, found.evaluated, found.bad]).toEqual([
          what,
          plain.status,
          plain.evaluated,
          plain.bad,
        ])
    }
    if (plainVerdict.covers(method.name))
      expect(checks.some(one => one.id.startsWith('case-') && one.status !== 'error')).toBe(true)
  })
})

describe('what is large is made, or refused in words', () => {
  const many = 100_000
  const ints = Array.from({ length: many }, (_, n) => n)
  const texts = ints.map(n => `value ${n}`)
  const deep = (times: number): unknown => {
    let made = { type: 'object' } as unknown
    for (let n = 0; n < times; n++) made = { properties: { a: made } }
    return made
  }
  const chain = (times: number): unknown => {
    let made = c['i'] as unknown as { plus(n: number): typeof made; gt(n: number): unknown }
    for (let n = 0; n < times; n++) made = made.plus(1)
    return made.gt(0)
  }
  it.each<readonly [string, readonly unknown[]]>([
    ['i.inSet', [ints]],
    ['s.inSet', [texts]],
    ['s.notInSet', [texts, { caseSensitive: false }]],
    ['i.containsSet', [ints]],
    ['s.equalsSet', [texts]],
    ['s.matchesAny', [Array.from({ length: 2000 }, (_, n) => new RegExp(`^x${n}`))]],
    ['s.inSet', [['x'.repeat(20_000_000)]]],
    ['u.jsonSchema', [deep(100_000)]],
    ['that', [chain(100_000)]],
    ['that', [chain(3000)]],
  ])('%s', async (name, args) => {
    const method = methods.find(one => one.name === name) as Method
    const made = declare(method, args)
    if (!made) return
    const engine = await openDuckdb()
    const root = await mkdtemp(join(tmpdir(), 'millrace-fuzz-'))
    try {
      await engine.writeParquet(`SELECT * FROM (${hardRows(engine.dialect)})`, join(root, 'rows.parquet'))
      const wide = dataset('d', {
        source: parquet('rows.parquet'),
        columns: { ...columns, i: t.nullable(t.int()) },
        expect: () => [made],
      })
      const { report, release } = await validate({ engine, root, clock: manualClock() }, wide)
      await release()
      const check = report.checks.find(one => one.id === made.expectation.id)
      expect(check?.error ?? '').not.toContain('within Millrace')
      expect(check?.message.length).toBeLessThan(5000)
    } finally {
      await engine.close()
      await rm(root, { recursive: true })
    }
  })
})
