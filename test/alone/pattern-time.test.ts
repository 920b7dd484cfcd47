import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDuckdb } from '../../src/adapters/data/duckdb/engine.ts'
import type { ExpectationColumns } from '../../src/define/expectation/index.ts'
import type { Expectation } from '../../src/define/expectation/spec.ts'
import { dataset, expect as must, parquet, t } from '../../src/index.ts'
import type { DataEngine } from '../../src/ports/data-engine.ts'
import { validate } from '../../src/stages/validate/validate.ts'
import { manualClock } from '../../src/testing/manual-clock.ts'

let engine: DataEngine
let root: string
beforeAll(async () => {
  engine = await openDuckdb()
  root = await mkdtemp(join(tmpdir(), 'millrace-patterns-'))
})
afterAll(async () => {
  await engine.close()
  await rm(root, { recursive: true })
})

const columns = { s: t.text() }
type C = ExpectationColumns<typeof columns>

/** Each of these takes a backtracking search for ever on many a and no end. */
const hostile = [/^(a+)+$/, /^(a|aa)+$/, /^(a|a?)+$/, /^(.*a){12}$/, /^([a-z]+)*\d$/]

const places: readonly (readonly [name: string, make: (c: C) => readonly Expectation[]])[] = [
  ['matches', c => hostile.map(one => c.s.matches(one))],
  ['notMatches', c => hostile.map(one => c.s.notMatches(one))],
  ['matchesAny', c => [c.s.matchesAny(hostile)]],
  ['matchesAll', c => [c.s.matchesAll(hostile)]],
  ['expressions', c => [must.that(c.s.expr.matches(hostile[0] as RegExp).or(c.s.expr.matches(hostile[1] as RegExp)))]],
  ['conditions', c => hostile.map(one => c.s.length({ min: 0 }, { when: c.s.expr.matches(one) }))],
  [
    'format',
    c =>
      (['email', 'url', 'uuid', 'ipv4', 'ipv6', 'e164', 'iso-date', 'iso-datetime', 'json', 'iban'] as const).map(
        name => c.s.format(name),
      ),
  ],
  ['trimmed', c => [c.s.trimmed()]],
  ['type', c => (['int', 'float', 'bool', 'timestamp', 'date'] as const).map(name => c.s.type(name))],
  ['jsonSchema', c => hostile.map(one => c.s.jsonSchema({ pattern: one.source }))],
]

async function milliseconds(make: (c: C) => readonly Expectation[], length: number): Promise<number> {
  await engine.writeParquet(
    `SELECT '"' || repeat('a', ${length}) || '!"' AS s UNION ALL SELECT repeat('a', ${length}) || '@!' UNION ALL SELECT repeat('a.', ${length >> 1}) || '!'`,
    join(root, 'long.parquet'),
  )
  const made = dataset('d', { source: parquet('long.parquet'), columns, quarantine: false, expect: make })
  const begun = performance.now()
  const { report, release } = await validate({ engine, root, clock: manualClock() }, made)
  const took = performance.now() - begun
  await release()
  expect(report.checks.map(one => one.error).filter(one => one !== undefined)).toEqual([])
  return took
}

test.each(places)(
  'a pattern in %s takes a text ten times as long no more than some ten times as long',
  async (name, make) => {
    await milliseconds(make, 1000)
    const few = Math.max(20, await milliseconds(make, 20_000))
    const many = await milliseconds(make, 200_000)
    console.log(`${name}: ${few.toFixed(0)} ms at 20,000, ${many.toFixed(0)} ms at 200,000 characters`)
    expect(many / few).toBeLessThan(30)
    expect(many).toBeLessThan(20_000)
  },
)
