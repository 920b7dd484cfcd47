import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ulid } from '../../src/internal/ids.ts'
import { inside } from '../support/inside.ts'

const server = process.env['MILLRACE_TEST_POSTGRES']
if (server === undefined)
  console.warn('SKIPPED: MILLRACE_TEST_POSTGRES is not set; see scripts/peers/postgres.sh for a server to test with')

describe.skipIf(server === undefined)('a vector is read from arrays of PostgreSQL', () => {
  const schema = `vectors_${ulid().toLowerCase()}`
  const client = new pg.Client({ connectionString: server })
  const root = mkdtempSync(join(tmpdir(), 'millrace-postgres-'))
  beforeAll(async () => {
    vi.stubEnv('VECTORS_URL', server)
    await client.connect()
    await client.query(`CREATE SCHEMA ${schema}`)
  })
  afterAll(async () => {
    await client.query(`DROP SCHEMA ${schema} CASCADE`)
    await client.end()
    vi.unstubAllEnvs()
    rmSync(root, { recursive: true, force: true, maxRetries: 5 })
  })
  const run = (...words: string[]) => inside(root, words)

  it.each(['real[]', 'double precision[]', 'numeric[]', 'integer[]'])('%s', async type => {
    const table = `${schema}.faces`
    writeFileSync(
      join(root, 'millrace.config.ts'),
      `import { dataset, entity, features, postgres, project, t } from 'millrace'
const faces = dataset('faces', {
  source: postgres('${table}', { urlFrom: 'VECTORS_URL' }),
  columns: { id: t.int(), face: t.nullable(t.vector(3)) }, key: ['id'],
})
const person = features('person', { entity: entity('person', { id: t.int() }), from: faces, compute: f => ({ face: f.last('face') }) })
export default project('faces', { faces, person })
`,
    )
    const isFloat = /real|double/.test(type)
    await client.query(`DROP TABLE IF EXISTS ${table}; CREATE TABLE ${table} (id integer, face ${type})`)
    const rows = ['{1,2,-3}', null, '{1,2}', '{1,NULL,3}', '{}', '{{1,2,3}}', ...(isFloat ? ['{NaN,1,2}'] : [])]
    for (const [i, face] of rows.entries()) await client.query(`INSERT INTO ${table} VALUES ($1, $2)`, [i + 1, face])
    const judged = await run('validate', 'faces', '--json')
    const [report] = JSON.parse(judged.out) as [
      {
        readonly checks: readonly { readonly id: string; readonly sample: readonly { millrace_unreadable: string }[] }[]
      },
    ]
    const told = report.checks.find(one => one.id === 'face-readable')?.sample.map(one => one.millrace_unreadable)
    expect(told?.toSorted()).toEqual(
      rows
        .slice(2)
        .map(text => `face=${text}`)
        .toSorted(),
    )
    await client.query(`DELETE FROM ${table} WHERE id > 2`)
    rmSync(join(root, '.millrace'), { recursive: true, force: true })
    expect((await run('data', 'snapshot', 'faces')).code).toBe(0)
    expect((await run('features', 'materialise')).code).toBe(0)
    const { out } = await run('features', 'get', 'person', 'id=1', 'id=2', '--json')
    expect((JSON.parse(out) as { entities: { values: unknown[] }[] }).entities.map(one => one.values)).toEqual([
      [[1, 2, -3]],
      [null],
    ])
  })
})
