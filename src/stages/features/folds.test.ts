import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import type { Folds } from '../../define/folds.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { type FoldPart, partCondition, withFolds } from './parts.ts'

// Folds of training rows against plain counting, on random tables with ties in time, few groups and rare classes.

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

interface Row {
  readonly part: 'train' | 'test'
  readonly at: number
  readonly group: string
  readonly truth: boolean
}
const table = fc.array(
  fc.record({
    part: fc.constantFrom('train' as const, 'train' as const, 'train' as const, 'test' as const),
    at: fc.nat(12),
    group: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    truth: fc.boolean(),
  }),
  { minLength: 1, maxLength: 60 },
)
const column = (name: string) => ({ op: 'column', name, type: 'text' }) as never

async function load(rows: readonly Row[], folds: Folds): Promise<void> {
  await engine.load('given', [
    { name: 'millrace_seq', type: 'float', values: Float64Array.from(rows, (_, i) => i) },
    { name: 'millrace_n', type: 'float', values: Float64Array.from(rows, (_, i) => i) },
    { name: 'millrace_split', type: 'text', values: rows.map(row => row.part) },
    { name: 'millrace_at', type: 'float', values: Float64Array.from(rows, row => row.at) },
    { name: 'shop', type: 'text', values: rows.map(row => row.group) },
    { name: 'truth', type: 'float', values: Float64Array.from(rows, row => Number(row.truth)) },
  ])
  const parted = withFolds(folds, 'SELECT * FROM given', 'truth', engine.dialect)
  await engine.execute(`CREATE OR REPLACE TABLE folded AS ${parted}`)
}

/** The fold of each row in its order; null for rows that are not trained on. */
async function foldsOf(rows: readonly Row[], folds: Folds): Promise<(number | null)[]> {
  await load(rows, folds)
  const found = await engine.rows('SELECT millrace_fold AS fold FROM folded ORDER BY millrace_seq')
  return found.map(row => (row.fold === null ? null : Number(row.fold)))
}

async function placesIn(part: 'train' | 'test', fold: FoldPart): Promise<number[]> {
  const where = partCondition(engine.dialect, 'folded', part, fold)
  const found = await engine.rows(`SELECT millrace_seq AS place FROM folded WHERE ${where} ORDER BY 1`)
  return found.map(row => Number(row.place))
}

const countBy = (keys: readonly (string | number)[]): number[] => {
  const counts = new Map<string | number, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return [...counts.values()]
}
const spread = (values: readonly number[]): number => Math.max(...values) - Math.min(...values)

describe('by chance', () => {
  it.each([false, true])('every training row is in one fold, all of them as large (stratified: %s)', async stratify => {
    await fc.assert(
      fc.asyncProperty(table, fc.integer({ min: 2, max: 6 }), fc.nat(3), async (rows, count, seed) => {
        const folds = await foldsOf(rows, { by: 'random', count, seed, stratify })
        expect(folds.map(fold => fold === null)).toEqual(rows.map(row => row.part === 'test'))
        const sizes = (keep: (row: Row) => boolean): number[] =>
          Array.from({ length: count }, (_, f) => rows.filter((row, i) => folds[i] === f + 1 && keep(row)).length)
        expect(spread(sizes(() => true))).toBeLessThanOrEqual(1)
        if (stratify)
          for (const truth of [true, false]) expect(spread(sizes(row => row.truth === truth))).toBeLessThanOrEqual(1)
      }),
      { numRuns: 40 },
    )
  })
  it('the seed says which, and the same seed the same', async () => {
    const rows = Array.from({ length: 60 }, (_, i): Row => ({ part: 'train', at: i, group: 'a', truth: i % 3 === 0 }))
    const of = (seed: number) => foldsOf(rows, { by: 'random', count: 3, seed, stratify: true })
    expect(await of(1)).toEqual(await of(1))
    expect(await of(1)).not.toEqual(await of(2))
  })
})

it('no group is in two folds, and as many folds are used as there are groups for', async () => {
  await fc.assert(
    fc.asyncProperty(table, fc.integer({ min: 2, max: 6 }), fc.nat(3), async (rows, count, seed) => {
      const folds = await foldsOf(rows, { by: 'group', of: [column('shop')], count, seed })
      const trained = rows.flatMap((row, i) => (row.part === 'train' ? [{ group: row.group, fold: folds[i] }] : []))
      const foldsOfGroup = new Map<string, Set<unknown>>()
      for (const { group, fold } of trained) foldsOfGroup.set(group, (foldsOfGroup.get(group) ?? new Set()).add(fold))
      for (const found of foldsOfGroup.values()) expect(found.size).toBe(1)
      expect(new Set(trained.map(one => one.fold)).size).toBe(Math.min(count, foldsOfGroup.size))
    }),
    { numRuns: 40 },
  )
})

it('groups of one size each go to the folds evenly, the large ones first', async () => {
  const sizes = [30, 20, 10, 1, 1, 1]
  const rows = sizes.flatMap((size, g) =>
    Array.from({ length: size }, (): Row => ({ part: 'train', at: 0, group: 'abcdef'[g] as string, truth: true })),
  )
  const folds = await foldsOf(rows, { by: 'group', of: [column('shop')], count: 3, seed: 0 })
  expect(countBy(folds as number[]).toSorted((a, b) => b - a)).toEqual([31, 21, 11])
})

it('along time a fold is after what it is judged by, but for the gap, and rows of one moment are together', async () => {
  await fc.assert(
    fc.asyncProperty(table, fc.integer({ min: 2, max: 4 }), fc.nat(3), async (rows, count, gap) => {
      const folds = await foldsOf(rows, { by: 'time', count, gap } as Folds)
      const trained = rows.flatMap((row, place) => (row.part === 'train' ? [{ ...row, place }] : []))
      // Plain counting: as many rows in each of count + 1 blocks, as far as moments can be parted
      const before = (at: number): number => trained.filter(row => row.at < at).length
      for (const row of trained)
        expect(folds[row.place]).toBe(Math.floor((before(row.at) * (count + 1)) / trained.length))
      for (let fold = 1; fold <= count; fold++) {
        const part = { fold, alongTime: true, gap }
        const held = trained.filter(row => folds[row.place] === fold)
        expect(await placesIn('test', part)).toEqual(held.map(row => row.place))
        const start = Math.min(...held.map(row => row.at))
        const past = trained.filter(row => row.at < start - gap).map(row => row.place)
        expect(await placesIn('train', part)).toEqual(held.length === 0 ? [] : past)
      }
    }),
    { numRuns: 30 },
  )
})

it('learns from the other folds, or from a share of them, and never from rows that are held out', async () => {
  const rows = Array.from(
    { length: 600 },
    (_, i): Row => ({ part: i % 4 === 0 ? 'test' : 'train', at: i, group: 'a', truth: true }),
  )
  await load(rows, { by: 'random', count: 3, seed: 5, stratify: false })
  const seen = await Promise.all([1, 2, 3].map(fold => placesIn('train', { fold, alongTime: false })))
  const held = await Promise.all([1, 2, 3].map(fold => placesIn('test', { fold, alongTime: false })))
  const trained = rows.flatMap((row, i) => (row.part === 'train' ? [i] : []))
  expect(held.flat().toSorted((a, b) => a - b)).toEqual(trained)
  for (const [at, own] of seen.entries())
    expect([...own, ...(held[at] as number[])].toSorted((a, b) => a - b)).toEqual(trained)
  const third = await placesIn('train', { fold: 1, alongTime: false, share: 1 / 3 })
  expect(third.every(place => seen[0]?.includes(place))).toBe(true)
  // 300 rows, a third of them: within four deviations
  expect(Math.abs(third.length - 100)).toBeLessThan(4 * Math.sqrt(300 * (2 / 9)))
  expect(await placesIn('test', { fold: 1, alongTime: false, share: 1 / 3 })).toEqual(held[0])
})
