import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DataEngine, SourceSpec } from '../../../ports/data-engine.ts'
import { openDuckdb } from './engine.ts'

let engine: DataEngine
let root: string
beforeAll(async () => {
  engine = await openDuckdb()
  root = await mkdtemp(join(tmpdir(), 'millrace-damaged-'))
  await mkdir(join(root, 'data'))
})
afterAll(async () => {
  await engine.close()
  await rm(root, { recursive: true })
})

const rows = `SELECT range AS id, 'text ' || (range * 7919 % 1000) AS s, range / 7.0 AS x, range % 3 = 0 AS b, TIMESTAMPTZ '2001-01-01 00:00:00Z' + to_seconds(range) AS at FROM range(3000)`

async function read(source: SourceSpec, way: 'rows' | 'stream' | 'copy'): Promise<unknown> {
  try {
    const { sql } = await engine.scan(source, root)
    if (way === 'rows') await engine.rows(`SELECT bit_xor(hash(COLUMNS(*))) FROM ${sql}`)
    else if (way === 'copy') await engine.execute(`CREATE OR REPLACE TABLE copied AS SELECT * FROM ${sql}`)
    else for await (const _ of engine.stream(`SELECT * FROM ${sql}`)) continue
    return undefined
  } catch (error) {
    return error
  }
}

describe.each(['zstd', 'snappy', 'gzip', 'uncompressed'])('of Parquet with pages of %s', compression => {
  it('a file with flipped bytes is told as damaged, by its name, wherever it is noticed', async () => {
    const [whole, flipped] = ['a', 'b'].map(name => join(root, 'data', `${name}.parquet`)) as [string, string]
    await engine.execute(`COPY (${rows}) TO '${whole}' (FORMAT parquet, COMPRESSION ${compression})`)
    const bytes = await readFile(whole)
    let noticed = 0
    for (let place = 0; place < 30; place++) {
      const damaged = Buffer.from(bytes)
      const from = 4 + Math.floor(((bytes.length - 20) * place) / 30)
      for (let i = from; i < from + 4; i++) damaged[i] = (damaged[i] as number) ^ 0xff
      await writeFile(flipped, damaged)
      const way = (['rows', 'stream', 'copy'] as const)[place % 3] as 'rows'
      for (const path of ['data/b.parquet', 'data/*.parquet']) {
        const error = await read({ kind: 'parquet', path }, way)
        if (error === undefined) continue
        noticed++
        expect(error).toMatchObject({ code: 'MR2002', details: { source: 'data/b.parquet' } })
        expect(String(error)).toContain('it is damaged (')
        expect(String(error)).not.toContain(root)
        expect((error as Error).message).not.toMatch(/\p{Cc}/u)
        expect(String(error)).not.toMatch(/Invalid (Input )?Error|IO Error/)
      }
    }
    expect(noticed).toBeGreaterThan(10)
  })
})

it('leaves what a query is to blame for to the query', async () => {
  await engine.execute(`COPY (${rows}) TO '${join(root, 'good.parquet')}' (FORMAT parquet)`)
  const { sql } = await engine.scan({ kind: 'parquet', path: 'good.parquet' }, root)
  await expect(engine.rows(`SELECT CAST(s AS INT) FROM ${sql}`)).rejects.toMatchObject({ code: 'MR2003' })
})
