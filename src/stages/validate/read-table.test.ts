import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { csv, dataset, t } from '../../index.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { ReadTable } from './read-table.ts'
import { findDataset } from './relation.ts'
import { openFound } from './source.ts'

let engine: DataEngine
let root: string
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-read-table-'))
  return () => rm(root, { recursive: true })
})

const names = Array.from({ length: 9 }, (_, i) => `c${i}`)
const types = [t.int(), t.text(), t.float()]
const columns = Object.fromEntries(names.map((name, i) => [name, t.nullable(types[i % 3] as never)]))
/** One of its columns is asked for by a check, too: that decides in which order unreadable cells are told. */
const wide = dataset('wide', {
  source: csv('*.csv'),
  columns,
  expect: c => [(c.c5 as never as { readable(): never }).readable()],
})

const cell = fc.constantFrom('1', '2.5', '', 'abc', '-7', 'nan')
const file = (order: readonly string[]) =>
  fc
    .array(fc.array(cell, { minLength: order.length, maxLength: order.length }), { minLength: 0, maxLength: 6 })
    .map(rows => `${[order, ...rows].map(row => row.join(',')).join('\n')}\n`)

/** What a table has: all columns in the order of rows, and some columns alone. */
async function read(atOnce: number, some: ReadonlySet<string>) {
  const relation = await engine.scan(wide.source as never, root)
  const found = await findDataset(engine, wide, relation)
  const table = new ReadTable(engine, found, atOnce)
  try {
    await table.read(relation)
    const order = (sql: string) => engine.rows(`SELECT * FROM (${sql}) ORDER BY millrace_row`)
    return { all: await order(table.sql), narrow: await order(table.narrow(some)) }
  } finally {
    await table.drop()
  }
}

describe('rows that are read into the engine', () => {
  it('are the same however many columns are read at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        file(names),
        file(names.toReversed()),
        fc.subarray(names, { minLength: 1 }),
        async (one, other, some) => {
          await writeFile(join(root, 'a.csv'), one)
          await writeFile(join(root, 'b.csv'), other)
          const whole = await read(names.length, new Set(some))
          expect(whole.narrow).toEqual(
            whole.all.map(row =>
              Object.fromEntries(
                Object.entries(row).filter(
                  ([name]) => some.includes(name.replace('?unreadable', '')) || name === 'millrace_row',
                ),
              ),
            ),
          )
          for (const atOnce of [1, 2, 7]) expect(await read(atOnce, new Set(some))).toEqual(whole)
        },
      ),
      { numRuns: 6, seed: 5 },
    )
  })

  it('a text that no type of its column reads is told with those of other groups, in their order', async () => {
    await writeFile(join(root, 'a.csv'), `${names.join(',')}\nx,t,1,2.5,u,z,4,v,y\n`)
    for (const atOnce of [2, names.length]) {
      const [row] = (await read(atOnce, new Set(['c0']))).all
      expect(row?.millrace_unreadable).toBe('c0=x; c3=2.5; c8=y; c5=z')
      expect(row?.['c6?unreadable']).toBe(false)
    }
  })

  it('rows that came in another order when they were read again are refused', async () => {
    await writeFile(join(root, 'a.csv'), `${names.join(',')}\n${'1,t,1,2,u,3,4,v,5\n'.repeat(3)}`)
    const relation = await engine.scan(wide.source as never, root)
    const found = await findDataset(engine, wide, relation)
    let times = 0
    // the second group of columns comes from a file that was turned about meanwhile
    const from: typeof found.from = (of, some) => {
      const read = found.from(of, some)
      return times++ === 0 ? read : { ...read, numbered: `SELECT * FROM (${read.numbered}) ORDER BY millrace_row DESC` }
    }
    const table = new ReadTable(engine, { ...found, from }, 5)
    await expect(table.read(relation)).rejects.toThrow(/in another order/)
    await table.drop()
  })
})

describe('a file of more columns than are read at once', () => {
  const many = 1_030
  const headed = Array.from({ length: many }, (_, i) => `n${i}`)
  const line = (at: number, text: string): Buffer =>
    Buffer.concat([
      Buffer.from(
        headed
          .slice(0, at)
          .fill('1')
          .map(one => `${one},`)
          .join(''),
      ),
      Buffer.from(text, 'latin1'),
      Buffer.from(
        `${headed
          .slice(at + 1)
          .map(() => ',2')
          .join('')}\n`,
      ),
    ])
  const made = dataset('many', {
    source: csv('*.csv'),
    columns: Object.fromEntries(headed.map(name => [name, t.nullable(t.float())])),
  })
  const open = () => openFound({ engine, root, clock: manualClock() }, made)

  it('has all its rows, and the lines that are none whichever columns break them', async () => {
    await writeFile(join(root, 'a.csv'), Buffer.concat([Buffer.from(`${headed}\n`), line(3, '5'), line(1_020, 'x')]))
    const good = await open()
    expect(
      await engine.rows(`SELECT n3, n1020, n1029, millrace_unreadable AS u FROM (${good.found.numbered})`),
    ).toEqual([
      { n3: 5, n1020: 2, n1029: 2, u: '' },
      { n3: 1, n1020: null, n1029: 2, u: 'n1020=x' },
    ])
    await good.release()
    const lines = [line(3, '5'), line(2, '\xff'), line(1_020, '\xff'), Buffer.from('1,2\n'), line(7, '8')]
    await writeFile(join(root, 'a.csv'), Buffer.concat([Buffer.from(`${headed}\n`), ...lines]))
    const { found, source, release } = await open()
    expect(source.relation.text).toMatchObject({ broken: 3, unreadable: [{ line: 3 }, { line: 4 }, { line: 5 }] })
    expect(await engine.rows(`SELECT n3, n7, n1029 FROM (${found.numbered}) ORDER BY millrace_row`)).toEqual([
      { n3: 5, n7: 2, n1029: 2 },
      { n3: 1, n7: 8, n1029: 2 },
    ])
    await release()
  })
})
