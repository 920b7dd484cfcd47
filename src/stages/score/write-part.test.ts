import fc from 'fast-check'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { digestFile } from '../../internal/digest.ts'
import type { Task } from '../../math/task.ts'
import type { DataEngine, Row } from '../../ports/data-engine.ts'
import { said } from '../serve/answer.ts'
import type { Block } from './blocks.ts'
import { PartWriter, scoreColumns } from './write-part.ts'

// What stands in a part of the result, held to what a request of the same row is told.

const root = mkdtempSync(join(tmpdir(), 'millrace-write-part-'))
let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(async () => {
  await engine.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})
let folder = root
afterEach(() => {
  folder = mkdtempSync(join(root, 'out-'))
})

const versionOf = (task: Task, classes: readonly string[] = [], threshold = 0.5) =>
  ({
    model: { task, threshold },
    card: { classes },
    record: { model: 'm', version: 4 },
  }) as unknown as ConstructorParameters<typeof PartWriter>[1]

const block = (from: number, rows: number, kept: Block['columns'] = new Map()): Block => ({
  rows,
  numbers: Float64Array.from({ length: rows }, (_, i) => from + i),
  problems: new Float64Array(rows),
  columns: kept,
})
const read = (name: string): Promise<readonly Row[]> =>
  engine.rows(`SELECT * FROM read_parquet('${join(folder, name)}')`)
const writer = (version = versionOf('regression'), keep: readonly string[] = []) =>
  new PartWriter(engine, version, { index: 2, shown: "it's.csv" }, keep)

describe('a part of scores', () => {
  it('has the rows of several blocks by their numbers, and says which they are', async () => {
    const one = writer()
    expect([one.empty, one.full]).toEqual([true, false])
    await one.add(block(7, 3), Float32Array.of(1, 2, 3))
    await one.add(block(10, 2), Float32Array.of(4, 5))
    expect([one.empty, one.full]).toEqual([false, false])
    const part = await one.write(folder, 3)
    expect(part).toEqual({
      name: 'part-00003.parquet',
      input: 2,
      from: 7,
      until: 12,
      rows: 5,
      ...(await digestFile(join(folder, 'part-00003.parquet'))),
    })
    expect(part.size).toBe(statSync(join(folder, part.name)).size)
    expect(await read(part.name)).toEqual(
      [1, 2, 3, 4, 5].map((score, i) => ({ file: "it's.csv", row: 7 + i, score, version: 4 })),
    )
    // the next part begins anew
    expect(one.empty).toBe(true)
    await one.add(block(12, 1), Float32Array.of(6))
    expect(await one.write(folder, 4)).toMatchObject({ name: 'part-00004.parquet', from: 12, until: 13, rows: 1 })
    expect(await read('part-00004.parquet')).toHaveLength(1)
  })

  it('is written when there are half a million rows, and not before', async () => {
    const one = writer()
    const many = block(0, 499_999)
    await one.add(many, new Float32Array(many.rows))
    expect(one.full).toBe(false)
    await one.add(block(499_999, 1), new Float32Array(1))
    expect(one.full).toBe(true)
    await one.drop()
  })

  it('has what is kept under its own names, nulls as they are', async () => {
    const kept = new Map([
      ['k0', { name: 'k0', type: 'text', values: ['a', ''], nulls: Uint8Array.of(0, 1) }],
      ['k1', { name: 'k1', type: 'int', values: BigInt64Array.of(1n, -2n) }],
    ] as const) as Block['columns']
    const one = writer(versionOf('regression'), ['a "zone"', 'n'])
    await one.add(block(0, 2, kept), Float32Array.of(0.5, 1.5))
    await one.write(folder, 0)
    expect(await read('part-00000.parquet')).toEqual([
      { file: "it's.csv", row: 0, 'a "zone"': 'a', n: 1, score: 0.5, version: 4 },
      { file: "it's.csv", row: 1, 'a "zone"': null, n: -2, score: 1.5, version: 4 },
    ])
  })

  it('leaves nothing in the engine when it is dropped', async () => {
    const one = writer()
    await one.add(block(0, 1), Float32Array.of(1))
    const tables = async () =>
      (await engine.rows("SELECT * FROM information_schema.tables WHERE table_name LIKE 'scores_%'")).length
    const before = await tables()
    await one.drop()
    await one.drop()
    expect(await tables()).toBe(before - 1)
  })
})

describe('what is told of a row is what a request is told', () => {
  const columnsOf = (version: ReturnType<typeof versionOf>, score: number | Float32Array) => {
    const { scores = {}, ...told } = said(version as never, score as never)
    return { ...told, ...Object.fromEntries(Object.entries(scores).map(([name, of]) => [`score_${name}`, of])) }
  }
  const written = async (version: ReturnType<typeof versionOf>, scores: Float32Array, outputs: number) => {
    const one = writer(version)
    await one.add(block(0, scores.length / outputs), scores)
    await one.write(folder, 0)
    return (await read('part-00000.parquet')).map(({ file: _f, row: _r, version: _v, ...told }) => told)
  }

  it.each([
    ['regression', ['score']],
    ['quantile', ['score']],
    ['binary', ['score', 'label']],
    ['multiclass', ['score', 'label', 'score_a', 'score_b']],
  ] as const)('of a %s model', (task, names) => {
    expect(scoreColumns(versionOf(task as Task, task === 'multiclass' ? ['a', 'b'] : []))).toEqual(names)
  })

  it('of a binary model: at the threshold is yes, just below it is no', async () => {
    const threshold = 0.4
    const at = Math.fround(threshold)
    const scores = Float32Array.of(0, 1, at, at - 2 ** -26, at - 2 ** -25, at + 2 ** -25, 0.5)
    const version = versionOf('binary', [], threshold)
    expect(await written(version, scores, 1)).toEqual([...scores].map(score => columnsOf(version, score)))
    const exact = versionOf('binary', [], 0.5)
    expect((await written(exact, Float32Array.of(0.5, Math.fround(0.49999997)), 1)).map(one => one.label)).toEqual([
      true,
      false,
    ])
  })

  it('of several classes: the likeliest, of equal ones the first', async () => {
    const classes = ["it's", 'b "c"', 'z']
    const version = versionOf('multiclass', classes)
    // few values: ties are the rule
    const share = fc.constantFrom(0, 0.25, 0.5, 0.125, 1)
    const row = fc.tuple(share, share, share)
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), async rows => {
        const found = await written(version, Float32Array.from(rows.flat()), 3)
        expect(found).toEqual(rows.map(one => columnsOf(version, Float32Array.from(one))))
      }),
      { numRuns: 12, seed: 7 },
    )
  })
})
